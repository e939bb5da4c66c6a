"""Commands in and events out by a phone that can read neither (blink-protocol.md 8.1), the cloud there or away."""

import json
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from openharbor.blink.cbor import Fields
from openharbor.blink.packets import Packet
from openharbor.kit.errors import Failed
from openharbor.phone.errors import SYNC_FAILED, FirmwareError, SdkError
from openharbor.phone.sdk_api import EventPacket, SdkApi
from openharbor.phone.shelf import MOST_UPLOADS, Shelf
from openharbor.phone.sync import Synced, sync
from service.phone.small_cloud import CUT, HurriedClock, SmallCloud, answer, small_cloud

TOWER = bytes.fromhex("0100000000000014")
NO_COMMANDS = answer(200, [])
STORED = answer(200, {"msg": "Events received"})
AWAY = [CUT]


class Log:
    """A tower's log as a phone pulls it: events `first` to `last`, so many in a batch. `codes`: refusals to come."""

    def __init__(self, first: int = 1, last: int = 0, size: int = 20) -> None:
        self.first, self.last, self.size = first, last, size
        self.codes: dict[Packet, list[int]] = {}
        self.asked: list[tuple[Packet, Any]] = []

    async def ask(self, packet: Packet, fields: Mapping[int, Any]) -> Fields:
        self.asked.append((packet, fields.get(31, fields.get(9))))
        if self.codes.get(packet):
            code = self.codes[packet].pop(0)
            if code:
                raise FirmwareError(code, authenticated=True)
        if packet is Packet.REQUEST_SYNC_STATUS:
            return {31: self.first, 32: self.last - self.first + 1, 33: 0}
        if packet is Packet.SYNC_PULL:
            return self.batch(fields[31])
        return {}

    def batch(self, asked: int) -> Fields:
        start = max(asked, self.first)
        count = max(0, min(self.size, self.last - start + 1))
        # sealed anew each time: the same events, other bytes
        return {31: start, 32: count, 9: bytes(18) + len(self.asked).to_bytes(2), 10: bytes(33)}

    @property
    def pulls(self) -> list[int]:
        return [start for packet, start in self.asked if packet is Packet.SYNC_PULL]


class Phone:
    def __init__(self, cloud: SmallCloud, log: Log, shelf: Shelf) -> None:
        self.cloud, self.log, self.shelf = cloud, log, shelf
        self.clock = HurriedClock()
        self.api = SdkApi(cloud.url, "token", clock=HurriedClock())

    async def sync(self) -> Synced:
        return await sync(self.log.ask, self.api, TOWER, self.shelf, self.clock)

    @property
    def uploads(self) -> list[list[int]]:
        """First events of the batches, request by request."""
        return [[one["syncEventStart"] for one in asked.json] for asked in self.cloud.asked if asked.method == "POST"]

    @property
    def kept(self) -> list[int]:
        return [one.start for one in self.shelf.uploads(TOWER)]


@asynccontextmanager
async def phone(log: Log, *answers: bytes, shelf: Shelf | None = None) -> AsyncIterator[Phone]:
    async with small_cloud(*answers) as cloud:
        one = Phone(cloud, log, shelf or Shelf())
        try:
            yield one
        finally:
            await one.api.close()


@pytest.mark.parametrize(
    ("last", "pulls"), [(0, [1]), (1, [1]), (20, [1, 21]), (21, [1, 21]), (22, [1, 21, 23]), (41, [1, 21, 41])]
)
async def test_batches_are_pulled_until_one_was_asked_for_at_or_beyond_the_last_event(
    last: int, pulls: list[int]
) -> None:
    log = Log(last=last)
    async with phone(log, NO_COMMANDS, STORED) as here:
        done = await here.sync()
    assert log.pulls == pulls
    assert (done.pulled, done.waiting, done.failure) == (len(pulls), 0, None)
    assert [start for request in here.uploads for start in request] == pulls


async def test_events_that_the_tower_has_forgotten_are_passed_over() -> None:
    log = Log(first=100, last=130)
    async with phone(log, NO_COMMANDS, STORED) as here:
        await here.sync()
    assert log.pulls == [100, 120, 131]


async def test_every_five_batches_are_uploaded_and_the_rest_at_the_end() -> None:
    async with phone(Log(last=235), NO_COMMANDS, STORED) as here:
        await here.sync()
    assert [len(request) for request in here.uploads] == [5, 5, 3]


async def test_a_busy_log_is_asked_again_every_two_seconds_ten_times_at_most() -> None:
    log = Log(last=1)
    log.codes[Packet.SYNC_PULL] = [510] * 10
    async with phone(log, NO_COMMANDS, STORED) as here:
        await here.sync()
        assert (log.pulls, here.clock.slept) == ([1] * 11, [2.0] * 10)
        log.codes[Packet.SYNC_PULL] = [510] * 11
        with pytest.raises(FirmwareError, match="SYS_SYNC_BUSY"):
            await here.sync()


async def test_any_other_refusal_ends_the_pull_and_what_was_pulled_is_uploaded() -> None:
    log = Log(last=60)
    log.codes[Packet.SYNC_PULL] = [0, 0, 104]
    async with phone(log, NO_COMMANDS, STORED) as here:
        with pytest.raises(FirmwareError, match="MSG_ITEM_RANGE"):
            await here.sync()
    assert here.uploads == [[1, 21]]


async def test_a_tower_that_gives_nothing_of_what_it_has_is_not_asked_for_ever() -> None:
    log = Log(last=60, size=0)
    async with phone(log, NO_COMMANDS, STORED) as here:
        with pytest.raises(SdkError) as caught:
            await here.sync()
    assert (caught.value.code, log.pulls) == (SYNC_FAILED, [1])


async def test_a_packet_that_the_tower_refuses_does_not_keep_the_next_one_back() -> None:
    packets = [
        {
            "towerId": TOWER.hex(),
            "syncCommandStart": start,
            "syncCommandCount": 1,
            "payload": f"{start:036x}",
            "payloadAuth": "01" * 33,
        }
        for start in (1, 2, 3)
    ]
    log = Log()
    log.codes[Packet.SYNC_PUSH] = [0, 508]
    async with phone(log, answer(200, packets), STORED) as here:
        done = await here.sync()
    assert [int.from_bytes(payload) for packet, payload in log.asked if packet is Packet.SYNC_PUSH] == [1, 2, 3]
    assert (done.pushed, done.refused, done.pulled, done.failure) == (2, 1, 1, None)


async def test_a_tower_without_an_identity_is_not_synced() -> None:
    log = Log(last=5)
    async with phone(log, NO_COMMANDS) as here:
        assert await sync(log.ask, here.api, bytes(8), here.shelf, here.clock) == Synced()
    assert (log.asked, here.cloud.asked) == ([], [])


async def test_events_wait_on_the_shelf_while_the_cloud_is_away_and_follow_in_order(tmp_path: Path) -> None:
    path = tmp_path / "phone" / "state.json"
    log = Log(last=41)
    async with phone(log, *AWAY, shelf=Shelf(path)) as here:
        done = await here.sync()
        assert (done.pulled, done.waiting) == (3, 3)
        assert "cannot be reached" in str(done.failure)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    log.last = 50
    async with phone(log, NO_COMMANDS, STORED, shelf=Shelf(path)) as here:
        assert here.kept == [1, 21, 41]
        done = await here.sync()
        assert (done.waiting, here.kept) == (0, [])
        assert [start for request in here.uploads for start in request] == [1, 21, 41, 51]


async def test_events_that_are_pulled_again_are_kept_once() -> None:
    log = Log(last=41)
    async with phone(log, *AWAY) as here:
        for _ in range(5):
            assert (await here.sync()).waiting == 3
        log.last, log.first = 70, 21
        await here.sync()
        assert here.kept == [1, 21, 41, 61, 71]


async def test_what_was_pulled_before_a_full_tower_dropped_some_of_it_is_what_is_delivered() -> None:
    log = Log(last=20)
    async with phone(log, *AWAY) as here:
        await here.sync()
        before = here.shelf.uploads(TOWER)
        await here.sync()
        assert here.shelf.uploads(TOWER)[0] == before[0]


async def test_what_waits_is_bounded_and_the_rest_stays_in_the_tower() -> None:
    log = Log(last=20 * MOST_UPLOADS + 500)
    async with phone(log, *AWAY) as here:
        assert (await here.sync()).waiting == MOST_UPLOADS
        assert len(here.kept) == MOST_UPLOADS


async def test_a_batch_that_the_cloud_will_never_take_is_given_up_and_the_others_are_delivered() -> None:
    bad = answer(400, {"detail": "Invalid event packet"})
    async with phone(Log(last=41), NO_COMMANDS, bad, STORED, bad, STORED) as here:
        done = await here.sync()
        assert here.uploads == [[1, 21, 41], [1], [21], [41]]
        assert (done.waiting, done.failure, here.kept) == (0, None, [])


@pytest.mark.parametrize("status", [401, 403, 404, 429, 503])
async def test_a_refusal_that_is_not_about_the_events_keeps_them(status: int) -> None:
    async with phone(Log(last=1), NO_COMMANDS, answer(status, {"detail": "No"})) as here:
        done = await here.sync()
        assert (done.waiting, here.kept) == (1, [1])
        assert str(status) in str(done.failure)
        assert done.code == status


def test_a_shelf_that_cannot_be_read_shows_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"cached": {"0100000000000014": {"seed": "c2VjcmV0", "claims": 7}}}))
    with pytest.raises(Failed) as caught:
        Shelf(path)
    assert "c2VjcmV0" not in str(caught.value)
    assert "remove it" in str(caught.value)


def test_batches_are_kept_byte_for_byte(tmp_path: Path) -> None:
    packets = [EventPacket(1, 20, bytes(range(256)), bytes(33)), EventPacket(21, 0, b"\xff", b"\x00")]
    Shelf(tmp_path / "state.json").keep_uploads(TOWER, packets)
    assert Shelf(tmp_path / "state.json").uploads(TOWER) == packets
