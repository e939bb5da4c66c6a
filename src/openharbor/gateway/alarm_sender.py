"""Sends the webhooks of alarms, as often and in the order that webhooks.md 5 and 6 say.

What was sent when the process is killed, and not noted yet, is sent again under the same id.
"""

import asyncio
from functools import partial

import structlog

from openharbor.gateway import alarm_outbox
from openharbor.gateway.alarm_outbox import Waiting
from openharbor.gateway.alarm_post import Post, post
from openharbor.gateway.alarm_webhook import headers
from openharbor.kit.clock import Clock
from openharbor.kit.database.face import Database
from openharbor.kit.errors import Closed, StorageUnavailable

log = structlog.get_logger("openharbor.alarms")

AT_ONCE = 8
POLL_S = 1.0
GONE = 410


class AlarmSender:
    """`run` it beside the gateway. `key`: what signs; it is shown nowhere."""

    def __init__(self, database: Database, clock: Clock, url: str, key: bytes, send: Post = post) -> None:
        self._database, self._clock, self._url, self._key, self._send = database, clock, url, key, send
        self.disabled = False

    async def run(self) -> None:
        """Until it is cancelled, the database is closed, or the receiver answers 410; then webhooks wait for a
        restart."""
        while not self.disabled:
            try:
                count = await self._round()
            except StorageUnavailable:
                count = 0
            except Closed:
                return
            except Exception:  # a defect must not end the sending
                log.exception("Alarm webhooks could not be sent")
                count = 0
            if count < AT_ONCE:
                await self._clock.sleep(POLL_S)
        log.error("The receiver of the alarm webhook answered 410: nothing more is sent to it until a restart")

    async def _round(self) -> int:
        """Tries what is due, the first of each subject; how many there were."""
        due = await self._database.read(partial(alarm_outbox.due, now=self._clock.now(), most=AT_ONCE))
        await asyncio.gather(*(self._deliver(one) for one in due))
        return len(due)

    async def _deliver(self, one: Waiting) -> None:
        signed = headers(self._key, one.message_id, self._clock.now() // 1000, one.body)
        status = await self._send(self._url, signed, one.body)
        self.disabled = self.disabled or status == GONE
        given_up = await self._database.write(
            partial(alarm_outbox.finish, one=one, status=status, now=self._clock.now())
        )
        if given_up:
            log.error("Alarm webhook given up", messageId=one.message_id, status=status)
        elif status is None or not 200 <= status <= 299:
            log.warning("Alarm webhook not delivered", messageId=one.message_id, status=status)
