"""The alarm webhook of a running gateway: signed, in order, repeated, and still sent after a restart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
import pytest
from standardwebhooks.webhooks import Webhook

from openharbor.gateway.alarm_secret import FILE
from openharbor.gateway.app import running
from openharbor.gateway.settings import ServiceSettings
from openharbor.kit.clock import SystemClock
from openharbor.kit.errors import Failed
from openharbor.kit.logs import LogRing
from service.gateway_alarms.scene import scene


@dataclass
class Receiver:
    """A server that keeps what it is sent and answers with `statuses`, then with 204. 0: it hangs up."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        self.taken.append((headers, await reader.readexactly(int(headers["content-length"]))))
        status = self.statuses.pop(0) if self.statuses else 204
        if status:
            writer.write(f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nlocation: /x\r\n\r\n".encode())
        writer.close()

    def told(self) -> list[tuple[str, str]]:
        """Of each request: what changed, and in which alarm."""
        bodies: list[dict[str, Any]] = [msgspec.json.decode(body) for _, body in self.taken]
        return [(one["data"]["change"], one["data"]["alarm"]["code"]) for one in bodies]

    async def has(self, count: int) -> bool:
        return len(self.taken) >= count


@asynccontextmanager
async def receiver(*statuses: int) -> AsyncIterator[Receiver]:
    made = Receiver(statuses=list(statuses))
    async with await asyncio.start_server(made.serve, "127.0.0.1", 0) as server:
        made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/alarms"
        yield made


async def test_each_change_is_posted_signed_with_the_secret_in_the_data_directory(tmp_path: Path) -> None:
    async with receiver() as there, scene(tmp_path, webhook=there.url) as site, site.served():
        site.clock.set_by_ms = SystemClock().now() - site.clock.now()  # the library takes none that are old
        await site.until(lambda: there.has(2))
        site.lock(2).force()
        await site.until(lambda: there.has(3))
        site.lock(2).push_shut()
        await site.until(lambda: there.has(4))
        door = [change for change, code in there.told() if code == "UNCOMMANDED_OPEN"]
        assert (door, len(there.taken)) == (["raised", "cleared"], 4), "the clock was set, too"
        webhook = Webhook((site.data / FILE).read_text().strip())
        for headers, body in there.taken:
            verified = webhook.verify(body, headers)
            assert verified["event"] == "ALARM"
            assert headers["user-agent"].startswith("openharbor-webhooks/")
        assert len({headers["webhook-id"] for headers, _ in there.taken}) == 4


@pytest.mark.parametrize("failure", [500, 302, 0])
async def test_what_was_not_taken_is_sent_again_under_the_same_id(tmp_path: Path, failure: int) -> None:
    async with receiver(failure, failure) as there, scene(tmp_path, webhook=there.url) as site, site.served():
        site.lock(2).force()
        await site.until(lambda: there.has(1))
        await site.passes(4)
        assert len(there.taken) == 1, "not before five seconds have passed"
        await site.until(lambda: there.has(3))
        assert len({headers["webhook-id"] for headers, _ in there.taken}) == 1
        assert len({body for _, body in there.taken}) == 1


async def test_what_waits_is_sent_after_a_restart(tmp_path: Path) -> None:
    async with receiver(503) as there, scene(tmp_path, webhook=there.url) as site:
        async with site.served():
            site.lock(2).force()
            await site.until(lambda: there.has(1))
        async with site.served():
            await site.until(lambda: there.has(2))
            assert there.told() == [("raised", "UNCOMMANDED_OPEN")] * 2


async def test_a_receiver_that_is_gone_is_left_alone_until_a_restart(tmp_path: Path) -> None:
    async with receiver(410) as there, scene(tmp_path, webhook=there.url) as site:
        async with site.served():
            site.lock(2).force()
            await site.until(lambda: there.has(1))
            site.lock(2).push_shut()
            await site.passes(60)
            assert len(there.taken) == 1
        async with site.served():
            await site.until(lambda: there.has(3))
            assert there.told()[1:] == [("raised", "UNCOMMANDED_OPEN"), ("cleared", "UNCOMMANDED_OPEN")]


async def test_a_receiver_that_may_not_be_is_refused_at_the_start(tmp_path: Path) -> None:
    async with scene(tmp_path) as site:
        settings = ServiceSettings(alarm_webhook_url="http://alarms.example.com/")
        with pytest.raises(Failed, match="alarm_webhook_url"):
            async with running(site.data, settings, site.clock, LogRing()):
                pass
