"""Out of service: what rows E3, E7, C14 and C16 have in common."""

from collections.abc import Iterable

from msgspec.structs import replace

from openharbor.cloud.lockers.change import Change, Disable, EraseCode, LinkChange, TowerCommand
from openharbor.cloud.lockers.ending import Form, is_settled, queue_retiring, released, remember
from openharbor.cloud.lockers.locker import Locker, Queued, Settlement, Status, Token, Tower


def unsettled(locker: Locker) -> tuple[Token, ...]:
    """The tokens that its tower may still accept, keypad codes included."""
    return tuple(token for token in locker.tokens if not is_settled(token))


def settled_ids(tokens: Iterable[Token], how: Settlement) -> tuple[tuple[int, Settlement], ...]:
    """For `Change.settled`: the ids of these tokens. A keypad code has none of its own."""
    return tuple((token.token_id, how) for token in tokens if token.kind != "keypad")


def out_of_use(
    before: Locker,
    after: Locker,
    at: int,
    *,
    row: str,
    tower_clock: bool = False,
    commands: tuple[TowerCommand, ...] = (),
    settled: tuple[tuple[int, Settlement], ...] = (),
    incident: str = "",
) -> Change:
    """The change that takes the locker from whoever holds it. `after` is out of service and has no holder."""
    assignment, reservation, hold = before.assignment, before.reservation, before.hold
    if assignment is None:
        return Change(row=row, locker=after, commands=commands, settled=settled, incident=incident)
    return Change(
        row=row,
        locker=after,
        notices=(released(before, after, "LOCKER_RELEASED", at, tower_clock=tower_clock),),
        commands=commands,
        links=(LinkChange(hold.link_id, "cancelled"),) if hold else (),
        reservation_end=(reservation.reservation_id, "ended") if reservation else None,
        settled=settled,
        ended=assignment.assignment_id,
        end_links=True,
        incident=incident,
    )


def stop(
    locker: Locker,
    tower: Tower,
    at: int,
    *,
    row: str,
    tower_clock: bool = False,
    check_contents: bool = False,
    incident: str = "",
) -> Change:
    """Out of service: holder and reservation cleared, tokens kept until settled, disabling and revocation queued.

    A locker with a parcel keeps it: `keep` retires its tokens, and a code is erased (blink-protocol.md 11.3).
    """
    disable = Disable(command_id=tower.next_command, number=locker.number, disabled=True)
    occupied = locker.status in (Status.OCCUPIED, Status.DECLINED)
    forms: tuple[Form, ...] = ("unused", "keep") if occupied else ("unused",)
    beyond = replace(tower, next_command=tower.next_command + 1)
    after, retiring = queue_retiring(locker, beyond, forms)
    commands: tuple[TowerCommand, ...] = (disable, *retiring)
    coded = any(token.keypad_code or token.kind == "keypad" for token in unsettled(locker))
    if occupied and (coded or any(one.form == "code" for one in locker.queued)):
        erase = EraseCode(command_id=tower.next_command + len(commands), number=locker.number)
        after = remember(after, (Queued(command_id=erase.command_id, form="erase"),))
        commands = (*commands, erase)
    after = replace(
        after,
        status=Status.OUT_OF_SERVICE,
        assignment=None,
        reservation=None,
        hold=None,
        emptying=(),
        check_contents=locker.check_contents or check_contents,
        incident=incident or locker.incident,
    )
    return out_of_use(locker, after, at, row=row, tower_clock=tower_clock, commands=commands, incident=incident)
