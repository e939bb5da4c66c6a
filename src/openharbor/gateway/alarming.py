"""The alarms of one running gateway, wired: what watches, what journals, what tells."""

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from openharbor.boards.outcomes import BoardState
from openharbor.gateway.alarm_desk import AlarmDesk
from openharbor.gateway.alarm_secret import webhook_key
from openharbor.gateway.alarm_watch import AlarmWatch
from openharbor.gateway.alarm_webhook import checked_url
from openharbor.gateway.alarms import Change
from openharbor.gateway.event_stream import EventStream
from openharbor.gateway.keeper import Keeper
from openharbor.gateway.settings import ServiceSettings
from openharbor.gateway.site import Live
from openharbor.kit.clock import Clock
from openharbor.kit.database.face import Database
from openharbor.kit.webhooks import ID_BYTES, message_id


@dataclass(frozen=True, slots=True)
class Alarming:
    """`desk` lists and acknowledges, `watch` is told what happens, `events` is what others listen to."""

    desk: AlarmDesk
    watch: AlarmWatch
    events: EventStream


def wire_alarms(
    keeper: Keeper,
    database: Database,
    settings: ServiceSettings,
    clock: Clock,
    *,
    live: Callable[[], Mapping[int, Live]],
    boards: Callable[[], Mapping[int, BoardState]],
    told: Callable[[Change], None],
) -> Alarming:
    """Nothing runs yet. `told` hears of each change. Ids of events go on higher than those of an earlier run, which
    had fewer than one each millisecond."""
    events = EventStream(clock.now())
    posted = (lambda now: message_id(now, os.urandom(ID_BYTES))) if settings.alarm_webhook_url else None
    desk = AlarmDesk(keeper, database, events, message_id=posted, told=told)
    return Alarming(desk, AlarmWatch(desk, keeper, clock, live, boards), events)


async def start_alarms(
    stack: AsyncExitStack, alarming: Alarming, database: Database, settings: ServiceSettings, clock: Clock, data: Path
) -> None:
    """Takes up what lasts and watches until the stack is left; before the boards are started. Raises Failed."""
    if settings.alarm_webhook_url:
        from openharbor.gateway.alarm_sender import AlarmSender  # its client costs those who have no webhook nothing

        sender = AlarmSender(database, clock, checked_url(settings.alarm_webhook_url), webhook_key(data))
        stack.callback(asyncio.create_task(sender.run()).cancel)
    await alarming.watch.begin(database)
    task = asyncio.create_task(alarming.watch.run(database))

    async def stop() -> None:
        alarming.watch.stop()
        await task
        alarming.events.end()

    stack.push_async_callback(stop)
