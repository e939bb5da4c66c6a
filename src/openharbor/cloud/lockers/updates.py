"""What a LOCKER_UPDATE_EVENT does to a locker: row C16, results of commands, keypad codes that phones set."""

from msgspec.structs import replace

from openharbor.cloud.lockers.change import Change
from openharbor.cloud.lockers.ending import following
from openharbor.cloud.lockers.facts import Updated, UpdateReason
from openharbor.cloud.lockers.locker import Locker, Status, Token, Tower
from openharbor.cloud.lockers.settlement import carried_out, reported
from openharbor.cloud.lockers.stopping import stop


def updated(locker: Locker, tower: Tower, fact: Updated) -> Change:
    """The record after the update, what it settles, and C16 if staff did it."""
    by_command = fact.reason is UpdateReason.COMMAND
    done = _carried_out(locker, fact) if by_command else None
    current = locker if done is None else done.locker
    known = reported(current, fact.after, how="revoked" if by_command else "retired", disabled=fact.disabled)
    known = following(done, known)
    if fact.reason in (UpdateReason.CODE_SET, UpdateReason.COMMAND) and fact.after.keypad:
        return following(known, _code_set(known.locker, fact))
    if fact.reason is UpdateReason.STAFF:
        return following(known, _by_staff(known.locker, locker, tower, fact))
    return known


def _carried_out(locker: Locker, fact: Updated) -> Change | None:
    """The event of a command that worked comes before the one that lists results, and proves as much."""
    command = next((one for one in locker.queued if one.command_id == fact.command_id), None)
    if command is None:
        return None
    waiting = tuple(one for one in locker.queued if one is not command)
    return carried_out(replace(locker, queued=waiting), command)


def _code_set(locker: Locker, fact: Updated) -> Change:
    """A code set by a phone: a token without expiry. What it replaces opens nothing any more."""
    holder = locker.assignment
    if holder is None:
        return Change(row="C11", locker=locker)
    if fact.reason is UpdateReason.COMMAND and any(one.kind == "keypad" for one in locker.tokens):
        return Change(row="C11", locker=locker)
    others = tuple(one for one in locker.tokens if one.kind != "keypad")
    code = Token(
        token_id=0,
        organization_id=holder.organization_id,
        kind="keypad",
        generation=locker.generation,
        expires_s=None,
        client_info=holder.client_info,
        keypad_code=fact.keypad_code,
        keypad_persists=bool(fact.keypad_code),  # nobody tells, so an opening is believed
    )
    return Change(row="C11", locker=replace(locker, tokens=(*others, code)))


def _by_staff(locker: Locker, before: Locker, tower: Tower, fact: Updated) -> Change:
    """C16: disabled, taken or emptied at the tower without a token."""
    report = before.report
    moved = fact.after.taken != report.taken
    if not moved and (report.disabled or not fact.disabled):
        return Change(row="C11", locker=locker)
    taken = moved and fact.after.taken
    if locker.status is Status.OUT_OF_SERVICE:
        return Change(row="C16", locker=replace(locker, check_contents=locker.check_contents or taken))
    return stop(locker, tower, fact.at_s * 1000, row="C16", tower_clock=True, check_contents=taken)
