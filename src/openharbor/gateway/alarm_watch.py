"""Watches for alarms: looks at everything each second, hears of boards and opens in between, and tells the desk."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

import structlog

from openharbor.boards.outcomes import BoardEvent, BoardState
from openharbor.gateway import alarm_conditions as conditions
from openharbor.gateway.alarm_conditions import BoardSight, BoardTold, Fact, FoundOpen, Look, OpenSucceeded
from openharbor.gateway.alarm_desk import AlarmDesk
from openharbor.gateway.alarm_doors import DoorSight
from openharbor.gateway.alarm_presence import Times
from openharbor.gateway.alarms import News, thinned
from openharbor.gateway.door_marks import Mark, Sighting, all_marks, unexplained
from openharbor.gateway.keeper import Keeper
from openharbor.gateway.opening_rules import OpenResult
from openharbor.gateway.site import Controller, Live, Site
from openharbor.gateway.views import UNHEARD
from openharbor.kit.clock import Clock
from openharbor.kit.database.face import Database
from openharbor.kit.errors import Closed, StorageUnavailable

log = structlog.get_logger("openharbor.alarms")

LOOK_S = 1.0
MOST_UNTOLD = 1000  # news that wait for the database before they are thinned out


class AlarmWatch:
    """`begin` it before the boards are started, then `run` it. Belongs to the loop."""

    def __init__(
        self,
        desk: AlarmDesk,
        keeper: Keeper,
        clock: Clock,
        live: Callable[[], Mapping[int, Live]],
        boards: Callable[[], Mapping[int, BoardState]],
    ) -> None:
        self._desk, self._keeper, self._clock, self._live, self._boards = desk, keeper, clock, live, boards
        self._conditions = conditions.Conditions()
        self._untold: list[News] = []
        self._marks: dict[int, Mark] = {}  # of doors that were not seen yet in this run
        self._seen: dict[int, bool] = {}
        self._sightings: dict[int, Sighting] = {}
        self._news = asyncio.Event()
        self._stopping = False

    async def begin(self, database: Database) -> None:
        """Takes up what lasts from the journal."""
        self._conditions = conditions.begin(alarm.cause for alarm in await self._desk.open())
        self._marks = await database.read(all_marks)
        self._seen = {mark.locker_id: mark.open for mark in self._marks.values()}
        self._look()

    def heard(self, controller: Controller, event: BoardEvent, locker_id: int | None) -> None:
        """A board told something."""
        self._take(BoardTold(self._times(), controller.controller_id, locker_id, event.kind))

    def ended(self, result: OpenResult) -> None:
        """An open came to its end."""
        if result.success:
            self._take(OpenSucceeded(self._times(), result.locker_id, result.confirmed))
        elif result.door_open is False:
            # Seen shut after the pulse: should it stand open after a restart, that pulse does not explain it.
            self._sightings[result.locker_id] = Sighting(result.locker_id, open=False, at=self._clock.now())

    def stop(self) -> None:
        """Tells what is left, and ends `run`."""
        self._stopping = True
        self._news.set()

    async def run(self, database: Database) -> None:
        """Until it is stopped, or the database is closed."""
        while not self._stopping:
            await self._rest()
            self._look()
            try:
                await self._explain(database)
                await self._tell()
            except StorageUnavailable:
                await self._not_told()
            except Closed:
                return
            except Exception:  # a defect must not end the watching
                log.exception("Alarms could not be noted")
                await self._not_told()

    async def _not_told(self) -> None:
        """What could not be written waits; how much of it is bounded."""
        if len(self._untold) > MOST_UNTOLD:
            self._untold = thinned(self._untold)
        if not self._stopping:
            await self._clock.sleep(LOOK_S)

    async def _rest(self) -> None:
        """For a second, or until something is to be told."""
        tasks = [asyncio.ensure_future(one) for one in (self._news.wait(), self._clock.sleep(LOOK_S))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        self._news.clear()

    def _look(self) -> None:
        site, live = self._keeper.site, self._live()
        look = look_at(site, live, self._boards(), self._times())
        self._take(look)
        for locker_id, sight in look.doors.items():
            if sight.open is not None and sight.senses and self._seen.get(locker_id) != sight.open:
                self._seen[locker_id] = sight.open
                self._sightings[locker_id] = Sighting(locker_id, sight.open, look.times.now)

    async def _explain(self, database: Database) -> None:
        """Doors seen for the first time in this run: open ones that were shut before need an explanation."""
        doors = conditions.seen_doors(self._conditions)
        first = {number: mark for number, mark in self._marks.items() if number in doors}
        if not first:
            return
        suspicious = [mark for number, mark in first.items() if doors[number]]
        for locker_id in await database.read(partial(unexplained, marks=suspicious)) if suspicious else ():
            self._take(FoundOpen(self._times(), locker_id))
        for number in first:
            self._marks.pop(number, None)

    async def _tell(self) -> None:
        news, sightings = tuple(self._untold), dict(self._sightings)
        if not news and not sightings:
            return
        await self._desk.note(news, sightings.values())
        del self._untold[: len(news)]
        for locker_id, one in sightings.items():
            if self._sightings.get(locker_id) is one:
                del self._sightings[locker_id]

    def _take(self, fact: Fact) -> None:
        self._conditions, news = conditions.after(self._conditions, fact)
        if news:
            self._untold += news
            self._news.set()

    def _times(self) -> Times:
        return Times(self._clock.now(), self._clock.monotonic())


def look_at(site: Site, live: Mapping[int, Live], boards: Mapping[int, BoardState], times: Times) -> Look:
    """Everything that alarms are about, as it stands."""
    doors = {}
    for locker_id, locker in site.lockers.items():
        seen = live.get(locker_id)
        senses = (seen is None or seen.has_sensor) and not locker.broken_lock
        online = seen is not None and seen.board_online
        doors[locker_id] = DoorSight(locker.bank_id, online, senses, None if seen is None else seen.door_open)
    return Look(
        times,
        site.settings.door_left_open_seconds,
        doors,
        {number: BoardSight(one.name, boards.get(number, UNHEARD)) for number, one in site.controllers.items()},
        site.devices,
    )
