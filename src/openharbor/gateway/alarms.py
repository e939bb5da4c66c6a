"""Alarms: what a person should look at. Decisions only (gateway-admin.yaml, Alarm, AlarmCode; choice 10).

A cause either holds or does not (`alarm_conditions` finds out); an alarm is the memory of one: raised when its cause
begins to hold, cleared when it ends, and open until somebody has acknowledged it, too.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal

import msgspec
from msgspec.structs import replace

AlarmCode = Literal[
    "DOOR_LEFT_OPEN",
    "UNCOMMANDED_OPEN",
    "LOCK_JAMMED",
    "CONTROLLER_OFFLINE",
    "SENSOR_FAULT",
    "DEVICE_OFFLINE",
    "CLOCK_DRIFT",
]
CauseKind = Literal[
    "door_left_open",
    "uncommanded_open",
    "lock_jammed",
    "controller_offline",
    "sensor_unreadable",
    "sensor_contradicts_itself",
    "device_offline",
    "device_clock",
    "gateway_clock",
]
ChangeKind = Literal["raised", "cleared", "acknowledged"]

CODES: Mapping[CauseKind, AlarmCode] = MappingProxyType(
    {
        "door_left_open": "DOOR_LEFT_OPEN",
        "uncommanded_open": "UNCOMMANDED_OPEN",
        "lock_jammed": "LOCK_JAMMED",
        "controller_offline": "CONTROLLER_OFFLINE",
        "sensor_unreadable": "SENSOR_FAULT",
        "sensor_contradicts_itself": "SENSOR_FAULT",
        "device_offline": "DEVICE_OFFLINE",
        "device_clock": "CLOCK_DRIFT",
        "gateway_clock": "CLOCK_DRIFT",
    }
)
ALARM_CODES: tuple[AlarmCode, ...] = tuple(dict.fromkeys(CODES.values()))
LONGEST_MESSAGE = 500
LONGEST_NAME = 100


class Cause(msgspec.Struct, frozen=True):
    """Why there is an alarm, and of what. Two alarms of one cause never last at the same time."""

    kind: CauseKind
    locker_id: int | None = None
    controller_id: int | None = None
    device_id: str | None = None

    @property
    def code(self) -> AlarmCode:
        return CODES[self.kind]

    @property
    def subject(self) -> str:
        """What it is about, in a form of its own for each thing: `locker 3`, `controller 1`, `device kiosk-1`."""
        if self.locker_id is not None:
            return f"locker {self.locker_id}"
        if self.controller_id is not None:
            return f"controller {self.controller_id}"
        return "gateway" if self.device_id is None else f"device {self.device_id}"

    @property
    def key(self) -> str:
        """One text for each cause, for the database to tell them apart by."""
        return f"{self.kind} {self.subject}"


class Alarm(msgspec.Struct, frozen=True):
    """One alarm. Times in ms since 1970 (UTC). `alarm_id` 0: not stored yet."""

    alarm_id: int
    cause: Cause
    message: str
    raised_at: int
    cleared_at: int | None = None
    acknowledged_at: int | None = None
    acknowledged_by: str | None = None
    note: str | None = None

    @property
    def lasting(self) -> bool:
        """Its cause holds."""
        return self.cleared_at is None

    @property
    def is_open(self) -> bool:
        """To be looked at: the cause holds, or nobody has acknowledged it."""
        return self.lasting or self.acknowledged_at is None


class News(msgspec.Struct, frozen=True):
    """A cause began to hold, or ended. `at`: when, ms since 1970; `message`: the cause in words."""

    cause: Cause
    holds: bool
    at: int
    message: str = ""


class Change(msgspec.Struct, frozen=True):
    """What became of an alarm. `alarm`: as it is now."""

    kind: ChangeKind
    alarm: Alarm
    at: int


def decide(lasting: Alarm | None, news: News) -> Change | None:
    """What the news changes, given the alarm of its cause that lasts, if any. Told twice, it changes nothing."""
    if news.holds and lasting is None:
        return Change("raised", Alarm(0, news.cause, _plain(news.message), news.at), news.at)
    if not news.holds and lasting is not None:
        # The clock may have been set back meanwhile; an alarm is never cleared before it was raised.
        return Change("cleared", replace(lasting, cleared_at=max(news.at, lasting.raised_at)), news.at)
    return None


def acknowledged(alarm: Alarm, by: str | None, note: str | None, now: int) -> Change | None:
    """A person has seen it. None: somebody had before, and it stays as it is (acknowledgeAlarm)."""
    if alarm.acknowledged_at is not None:
        return None
    name = None if by is None else by[:LONGEST_NAME]
    seen = replace(alarm, acknowledged_at=now, acknowledged_by=name, note=note or None)
    return Change("acknowledged", seen, now)


def thinned(news: Iterable[News]) -> list[News]:
    """The news with at most four of each cause left, where more could not be written in time: how it began, and how it
    ended. What holds in the end is the same, and so is the order."""
    runs: dict[Cause, list[News]] = {}
    every = list(news)
    for one in every:
        runs.setdefault(one.cause, []).append(one)
    kept = {id(one) for run in runs.values() for one in _ends(run)}
    return [one for one in every if id(one) in kept]


def _ends(run: list[News]) -> list[News]:
    return run if len(run) <= 4 else [*run[:2], *run[-(2 - len(run) % 2) :]]


def _plain(text: str) -> str:
    """Text that can be stored everywhere: what a system said of a port may hold half a character."""
    return text.encode("utf-8", "replace").decode()[:LONGEST_MESSAGE]
