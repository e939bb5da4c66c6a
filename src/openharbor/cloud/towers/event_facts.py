"""A tower's event as the fact that decisions about lockers see (blink-protocol.md 9, locker-states.md 4 C)."""

from collections.abc import Mapping
from functools import singledispatch
from typing import Final

from openharbor.blink import events
from openharbor.blink.payloads import DROPOFF, PICKUP, RELEASE
from openharbor.cloud.lockers.facts import (
    Accessed,
    AccessKind,
    After,
    ClockUnsure,
    Executed,
    Fact,
    Forced,
    KeyRevoked,
    Passed,
    Reason,
    RefusedAccess,
    Updated,
    UpdateReason,
    WrongDoor,
)

KINDS: Final[Mapping[int, AccessKind]] = {DROPOFF: "dropoff", PICKUP: "pickup", RELEASE: "release"}
REASONS: Final = frozenset(Reason)
UPDATE_REASONS: Final = frozenset(UpdateReason)
KEY_REVOKED: Final = 3  # of #239 (9.3); an expired key still opens what was sealed before (4.1)
CLOCK_LOST: Final = 307
UNSURE: Final = 1


@singledispatch
def fact_of(event: events.Event) -> Fact:
    """The fact in an event. Whatever changes no locker is `Passed`: its time settles tokens all the same.

    A reason that this version does not know is passed over too, as 9.3 has room for more.
    """
    return Passed(event_id=event.event_id, at_s=event.at)


@fact_of.register
def _(event: events.Accessed) -> Fact:
    if event.reason not in REASONS:
        return Passed(event_id=event.event_id, at_s=event.at)
    return Accessed(
        event_id=event.event_id,
        at_s=event.at,
        number=event.locker_number,
        reason=Reason(event.reason),
        after=_after(event),
        token_id=event.token_id,
        kind=None if event.access_kind is None else KINDS.get(event.access_kind),
        confirmed=event.confirmed,
    )


@fact_of.register
def _(event: events.AccessRefused) -> Fact:
    return RefusedAccess(event_id=event.event_id, at_s=event.at, code=event.code, number=event.locker_number)


@fact_of.register
def _(event: events.LockerUpdated) -> Fact:
    if event.reason not in UPDATE_REASONS:
        return Passed(event_id=event.event_id, at_s=event.at)
    return Updated(
        event_id=event.event_id,
        at_s=event.at,
        number=event.locker_number,
        reason=UpdateReason(event.reason),
        after=_after(event),
        disabled=event.disabled,
        command_id=event.command_id,
        keypad_code=event.keypad_code or "",
    )


@fact_of.register
def _(event: events.CommandsDone) -> Fact:
    return Executed(
        event_id=event.event_id, at_s=event.at, first=event.first, count=event.count, failed=dict(event.failed)
    )


@fact_of.register
def _(event: events.DoorForced) -> Fact:
    return Forced(event_id=event.event_id, at_s=event.at, number=event.locker_number)


@fact_of.register
def _(event: events.WrongDoor) -> Fact:
    """Of the door that opened: its holder's parcel is in the open."""
    return WrongDoor(event_id=event.event_id, at_s=event.at, number=event.other_number)


@fact_of.register
def _(event: events.KeyChanged) -> Fact:
    if event.action != KEY_REVOKED:
        return Passed(event_id=event.event_id, at_s=event.at)
    return KeyRevoked(event_id=event.event_id, at_s=event.at, rotation=event.rotation)


@fact_of.register
def _(event: events.Booted) -> Fact:
    unsure = event.clock_state == UNSURE
    return _clock(event, event.time_challenge if unsure else None)


@fact_of.register
def _(event: events.ErrorSeen) -> Fact:
    return _clock(event, event.time_challenge if event.code == CLOCK_LOST else None)


def _clock(event: events.Event, challenge: bytes | None) -> Fact:
    """Without its challenge a clock cannot be put right (10.4)."""
    if challenge is None:
        return Passed(event_id=event.event_id, at_s=event.at)
    return ClockUnsure(event_id=event.event_id, at_s=event.at, challenge=challenge.hex())


def _after(event: events.Accessed | events.LockerUpdated) -> After:
    return After(
        taken=not event.available,
        locker_token=event.locker_token.hex(),
        generation=event.generation,
        retired=event.retired,
        keypad=event.keypad_set,
    )
