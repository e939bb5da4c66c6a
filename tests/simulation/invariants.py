"""The invariants of locker-states.md 5 that the pure core can break, one function each, named by number.

Those on one change take the locker before it; those on the world are checked after each step.
"""

import re
from pathlib import Path

from openharbor.blink.payloads import OpenPayload
from openharbor.cloud.lockers.change import Change
from openharbor.cloud.lockers.ending import is_settled
from openharbor.cloud.lockers.locker import HELD, Locker, Status
from openharbor.cloud.lockers.mint import MOST_TOKENS
from openharbor.cloud.lockers.states import as_of
from simulation.desk import Desk
from simulation.device import OK, Device

STATES_FILE = Path(__file__).parents[2] / "contract" / "locker-states.md"
FREE = (Status.AVAILABLE, Status.RESERVED)


class Broken(AssertionError):
    """An invariant does not hold."""


def demand(holds: bool, number: int, why: str) -> None:
    """Raises Broken."""
    if not holds:
        raise Broken(f"invariant {number}: {why}")


def arrows() -> dict[str, set[tuple[str, str]]]:
    """Row to the transitions that the diagram of section 4 allows it."""
    names = {"oos": "out_of_service"}
    found: dict[str, set[tuple[str, str]]] = {}
    for start, end, rows in re.findall(r"^  (\w+) --> (\w+) : ([A-E0-9, ]+)$", STATES_FILE.read_text(), re.MULTILINE):
        for row in rows.split(", "):
            found.setdefault(row, set()).add((names.get(start, start), names.get(end, end)))
    return found


ARROWS = arrows()
if not ARROWS:
    raise LookupError(f"no transitions found in {STATES_FILE}")
STEPS = frozenset(step for steps in ARROWS.values() for step in steps)
ENDINGS = {"C5", "C8", "A12", "E1", "E3", "E7", "C14", "C16"}
BY_CLOCK = {"B1", "B2", "B3"}


# on one change


def inv1(before: Locker, change: Change) -> None:
    """A locker has a holder exactly when it is reserved, rented, occupied or declined."""
    locker = change.locker
    demand((locker.holder is not None) == (locker.status in HELD), 1, f"{locker.status.word}, holder {locker.holder}")
    demand((locker.reservation is not None) == (locker.status is Status.RESERVED), 1, "reserved without reservation")


def inv7(before: Locker, change: Change) -> None:
    """`occupied` is left only by a completed pick-up, a reverted drop-off, a release, or an operator."""
    left = before.status is Status.OCCUPIED and change.locker.status is not Status.OCCUPIED
    demand(not left or change.row in ENDINGS, 7, f"left by {change.row}")


def inv8(before: Locker, change: Change) -> None:
    """What is for the audit only never changes a status."""
    demand(change.row != "C11" or before.status is change.locker.status, 8, "C11 changed the status")


def inv12(before: Locker, change: Change) -> None:
    """After log loss a token is never settled by the log alone; only an operator may drop it."""
    for token in before.tokens:
        if token.log_lost and change.row[0] in "CDSB":
            kept = any(one.token_id == token.token_id and not is_settled(one) for one in change.locker.tokens)
            demand(kept, 12, f"token {token.token_id} went by {change.row}")


def inv13(before: Locker, change: Change) -> None:
    """Generations only grow."""
    demand(change.locker.generation >= before.generation, 13, "a generation went back")
    if before.assignment is not None and change.ended is None:
        issued = [token.generation for token in change.locker.tokens]
        demand(issued == sorted(issued) or any(t.kind == "keypad" for t in change.locker.tokens), 13, "not in order")


def inv15(before: Locker, change: Change) -> None:
    """Released while occupied: available only after the tower emptied it, by a drop-off since, or by an operator."""
    freed = change.locker.status is Status.AVAILABLE and bool(before.emptying)
    demand(not freed or change.row in ("E1", "E2"), 15, f"freed by {change.row}")


def inv21(before: Locker, change: Change) -> None:
    """The webhooks of one locker form a path of section 4, and tell the status after each transition."""
    at = before.status.word
    for told in change.notices:
        demand(told.status == at or (at, told.status) in STEPS, 21, f"{at} to {told.status} by {change.row}")
        at = told.status or at
    end = change.locker.status.word
    demand(at == end or ((at, end) in STEPS and before.holder is None), 21, f"{at} told, {end} it is, {change.row}")


def bounded(before: Locker, change: Change) -> None:
    """Not a numbered one: a locker stays small."""
    demand(len(change.locker.tokens) <= 2 * MOST_TOKENS, 0, "too many tokens")


def queued_is_known(before: Locker, change: Change) -> None:
    """Not a numbered one: every command that settles is waited for."""
    ids = [command.command_id for command in change.commands]
    demand(ids == sorted(set(ids)), 0, "commands are not numbered in order")


ON_CHANGE = (inv1, inv7, inv8, inv12, inv13, inv15, inv21, bounded, queued_is_known)


# on the world


def would_open(device: Device, payload: OpenPayload, now_s: int) -> bool:
    """Whether the tower accepts it, now or (its clock only goes forward without the cloud) later."""
    return device.verdict(payload, now_s) == OK


def inv2(desk: Desk, device: Device, now_s: int) -> None:
    """An available or reserved locker has no unsettled token, and its tower accepts none, whatever its clock (6)."""
    for number, locker in desk.lockers.items():
        if locker.status not in FREE:
            continue
        demand(all(is_settled(token) for token in locker.tokens), 2, f"locker {number} has unsettled tokens")
        for one in desk.issued:
            if one.payload.locker_number == number and would_open(device, one.payload, now_s):
                demand(False, 2, f"{locker.status.word} locker {number} opens for token {one.payload.token_id}")
        demand(not device.cells[number].code, 2, f"{locker.status.word} locker {number} has a keypad code")


def inv3(desk: Desk, device: Device, now_s: int) -> None:
    """No two providers own unsettled tokens of one locker, nor tokens that its tower accepts."""
    for number, locker in desk.lockers.items():
        owners = {token.organization_id for token in locker.tokens if not is_settled(token)}
        if locker.holder is not None and locker.status is not Status.RESERVED:
            owners.add(locker.holder)
        for one in desk.issued:
            if one.payload.locker_number == number and would_open(device, one.payload, now_s):
                owners.add(one.organization_id)
        demand(len(owners) <= 1, 3, f"locker {number} belongs to {owners}")


def inv9(desk: Desk, device: Device, now_s: int) -> None:
    """Doubt favours the holder: no locker is free with a parcel in it."""
    for number, locker in desk.lockers.items():
        parcel = device.cells[number].parcel
        demand(parcel is None or locker.status not in FREE, 9, f"locker {number} is free with a parcel of {parcel}")


def inv11(desk: Desk, device: Device, now_s: int) -> None:
    """Nothing beyond a gap is applied."""
    applied = desk.tower.next_event - 1
    demand(all(one in desk.stored for one in range(1, applied + 1)), 11, f"applied up to {applied} over a gap")


def inv17(desk: Desk, device: Device, now_s: int) -> None:
    """No token outlives its link."""
    for link_id, payload, ends_at in desk.drawn:
        demand(payload.expires * 1000 <= ends_at, 17, f"a token of link {link_id} outlives it")


def inv18(desk: Desk, device: Device, now_s: int) -> None:
    """A reservation is over at its expiry for every reader."""
    for locker in desk.lockers.values():
        seen = as_of(locker, now_s * 1000)
        demand(seen.due_at is None or seen.due_at > now_s * 1000, 18, "a reader sees what is over")


def inv19(desk: Desk, device: Device, now_s: int) -> None:
    """A reservation ends exactly once."""
    for reservation_id, ends in desk.reservation_ends.items():
        demand(len(ends) == 1, 19, f"reservation {reservation_id} ended by {ends}")


ON_WORLD = (inv2, inv3, inv9, inv11, inv17, inv18, inv19)
