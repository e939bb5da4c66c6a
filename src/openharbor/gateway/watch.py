"""Door watching: what the boards say of each locker, kept true in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import msgspec
import structlog

from openharbor.boards.outcomes import Board, BoardEvent, DoorReading
from openharbor.gateway.site import Controller, Live, Locker
from openharbor.kit.clock import Clock

log = structlog.get_logger("openharbor.watch")

ALARMING = {"uncommanded_open", "opened_unseen", "sensor_suspect", "board_offline", "bus_down", "duplicate_address"}


def live_of(reading: DoorReading | None, *, online: bool, has_sensor: bool, before: Live | None, now: int) -> Live:
    """One locker as its board shows it now; `changed_at` moves only when something did."""
    known = online and has_sensor and reading is not None and reading.state != "unknown"
    door_open = reading.state == "open" if known and reading is not None else None
    same = before is not None and (before.board_online, before.has_sensor, before.door_open) == (
        online,
        has_sensor,
        door_open,
    )
    return Live(online, has_sensor, door_open, before.changed_at if same and before is not None else now)


class Watched(msgspec.Struct, frozen=True):
    """A board with its lockers. `senses`: whether a lock has a sensor, by its set-up."""

    controller: Controller
    board: Board
    lockers: tuple[Locker, ...]
    senses: Callable[[int], bool]


Heard = Callable[[Controller, BoardEvent, int | None], None]


class Watch:
    """Follows every board's events; `live` is replaced, never changed, so that any thread may read it.

    `heard` is told of each event and of the locker that it is about, after `live` shows it.
    """

    def __init__(self, clock: Clock, heard: Heard = lambda *_: None) -> None:
        self._clock, self._heard = clock, heard
        self._tasks: list[asyncio.Task[None]] = []
        self.live: Mapping[int, Live] = {}

    def follow(self, watched: Watched) -> None:
        """Starts watching a board, from its state now on."""
        events = watched.board.events()
        self._refresh(watched)
        self._tasks += [
            asyncio.create_task(self._on_events(watched, events)),
            asyncio.create_task(self._every_second(watched)),
        ]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def _on_events(self, watched: Watched, events: AsyncIterator[BoardEvent]) -> None:
        by_lock = {locker.bank_locker_number: locker.locker_id for locker in watched.lockers}
        async for event in events:
            self._refresh(watched)
            locker_id = by_lock.get(event.lock or 0)
            _tell(watched.controller, event, locker_id)
            self._heard(watched.controller, event, locker_id)

    async def _every_second(self, watched: Watched) -> None:
        """A reading grows old without an event."""
        while True:
            await self._clock.sleep(1)
            self._refresh(watched)

    def _refresh(self, watched: Watched) -> None:
        doors, online, now = watched.board.doors(), watched.board.state.online, self._clock.now()
        changed = {}
        for locker in watched.lockers:
            lock = locker.bank_locker_number
            before = self.live.get(locker.locker_id)
            live = live_of(doors.get(lock), online=online, has_sensor=watched.senses(lock), before=before, now=now)
            if live != before:
                changed[locker.locker_id] = live
        if changed:
            self.live = {**self.live, **changed}


def _tell(controller: Controller, event: BoardEvent, locker_id: int | None) -> None:
    facts = {"controllerId": controller.controller_id, "lockerId": locker_id, "detail": event.detail or None}
    if event.kind == "uncommanded_open":
        facts |= {"sinceLastPulseMs": event.since_pulse_ms, "pulsedMeanwhile": event.during}
    say = log.warning if event.kind in ALARMING else log.debug
    say(
        event.kind.replace("_", " ").capitalize(), **{name: value for name, value in facts.items() if value is not None}
    )
