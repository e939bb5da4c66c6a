"""The alarms of a running gateway: what is told is journaled first, then shown to everybody who watches."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import structlog

from openharbor.gateway import alarm_store
from openharbor.gateway.alarm_journal import MessageId, acknowledge, write_news
from openharbor.gateway.alarm_messages import event_json
from openharbor.gateway.alarms import ALARM_CODES, Alarm, AlarmCode, Change, News
from openharbor.gateway.door_marks import Sighting, put_marks
from openharbor.gateway.event_stream import EventStream
from openharbor.gateway.keeper import Keeper
from openharbor.gateway.trail import State
from openharbor.kit.database.face import Database, Transaction
from openharbor.kit.errors import Refusal
from openharbor.kit.http.operation import Caller

log = structlog.get_logger("openharbor.alarms")


class AlarmDesk:
    """`told` hears of each change once it is durable. `message_id`: webhooks are recorded, too."""

    def __init__(
        self,
        keeper: Keeper,
        database: Database,
        events: EventStream,
        *,
        message_id: MessageId | None = None,
        told: Callable[[Change], None] = lambda _: None,
    ) -> None:
        self._keeper, self._database, self._events = keeper, database, events
        self._message_id, self._told = message_id, told
        self._lasting: Counter[AlarmCode] = Counter()
        self._unseen: Counter[AlarmCode] = Counter()

    async def open(self) -> Sequence[Alarm]:
        """The alarms that last, from the journal; before anything is told."""
        for code, (lasting, unseen) in (await self._database.read(alarm_store.count_open)).items():
            self._lasting[code], self._unseen[code] = lasting, unseen
        return await self._database.read(alarm_store.lasting_alarms)

    def counts(self) -> Mapping[AlarmCode, tuple[int, int]]:
        """Of the open alarms of each code: how many last, and how many ended without anybody having seen them."""
        return {code: (self._lasting[code], self._unseen[code]) for code in ALARM_CODES}

    async def note(self, news: Iterable[News], sightings: Iterable[Sighting] = ()) -> None:
        """Journals what began or ended, and how doors were seen. Raises StorageUnavailable, Closed: nothing is lost by
        telling it again."""
        work = partial(_write, news=tuple(news), sightings=tuple(sightings), message_id=self._message_id)
        for change in await self._keeper.change(work):
            self._show(change)

    async def acknowledge(self, alarm_id: int, note: str | None, caller: Caller, now: int) -> Alarm | Refusal:
        """acknowledgeAlarm. `note`: at most 500 characters. Raises StorageUnavailable, Closed."""
        answer = await self._keeper.change(
            partial(acknowledge, alarm_id=alarm_id, note=note, caller=caller, now=now, message_id=self._message_id)
        )
        if isinstance(answer, Refusal):
            return answer
        alarm, change = answer
        if change is not None:
            self._show(change)
        return alarm

    async def listed(self, *, open_only: bool, limit: int) -> Sequence[Alarm]:
        """Newest first (listAlarms)."""
        return await self._database.read(partial(alarm_store.listed_alarms, open_only=open_only, limit=limit))

    def _show(self, change: Change) -> None:
        code = change.alarm.cause.code
        if change.kind == "raised":
            self._lasting[code] += 1
        elif change.kind == "cleared":
            self._lasting[code] -= 1
            self._unseen[code] += change.alarm.is_open
        else:
            self._unseen[code] -= not change.alarm.lasting
        self._events.publish("alarm", event_json(change))
        self._told(change)
        _log(change)


def _write(
    tx: Transaction,
    state: State,
    news: tuple[News, ...],
    sightings: tuple[Sighting, ...],
    message_id: MessageId | None,
) -> tuple[State, tuple[Change, ...]]:
    if sightings:
        put_marks(tx, sightings)
    return write_news(tx, state, news, message_id)


def _log(change: Change) -> None:
    cause = change.alarm.cause
    facts = {
        "alarmId": change.alarm.alarm_id,
        "code": cause.code,
        "lockerId": cause.locker_id,
        "controllerId": cause.controller_id,
        "deviceId": cause.device_id,
        "what": change.alarm.message,
    }
    say = log.warning if change.kind == "raised" else log.info
    say(f"Alarm {change.kind}", **{name: value for name, value in facts.items() if value is not None})
