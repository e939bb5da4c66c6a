"""The link is lost in the middle of every message of a visit; the phone goes on, and nothing happens twice.

blink-protocol.md 2.4, 5.5, 7.4, 14.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from openharbor.blink.cbor import Fields
from openharbor.blink.events import CLOSED, DROPPED_OFF
from openharbor.blink.packets import Packet
from openharbor.phone.errors import NOT_CONNECTED, SdkError
from openharbor.phone.results import Opened
from openharbor.phone.sdk import HarborSdk
from openharbor.phone.sdk_api import SdkApi
from service.sdk_calls.depot import Depot, open_depot
from service.sdk_calls.place import Chunk, Phone, Place, tower_in_air

LOCKERS = 48
PHONE, TOWER = "phone0", "tower"


@dataclass
class EachOnce:
    """Cuts each message of one side once, after its chunk with this number."""

    side: str
    after: int
    armed: bool = True
    sender: str = ""
    place: int = 0

    def arm(self) -> None:
        """Another question follows, and its answer."""
        self.armed, self.sender = True, ""

    def __call__(self, chunk: Chunk, _number: int) -> bool:
        self.place = self.place + 1 if chunk.sender == self.sender else 1
        self.sender = chunk.sender
        if not self.armed or (chunk.sender, self.place) != (self.side, self.after):
            return False
        self.armed = False
        return True


class MessageByMessage(HarborSdk):
    """Says before each message that it begins."""

    cuts: EachOnce | None = None

    async def ask(self, packet: Packet, fields: Mapping[int, Any] | None = None) -> Fields:
        if self.cuts is not None:
            self.cuts.arm()
        return await super().ask(packet, fields)


async def visit(phone: Phone, depot: Depot, locker: int) -> None:
    """A whole drop-off: session, opening, the door shut, sync, end of the session."""
    rig = phone.rig
    before, generation = rig.pulses(), rig.running.state.lockers[locker].generation + 1
    token = rig.server.token(locker, generation=generation)
    await begin(phone)
    assert await phone.open(token) == Opened(locker, seen=True)
    assert await phone.sdk.send_check_locker_door() is True
    await phone.shut(locker)
    assert await phone.sdk.send_check_locker_door() is False
    depot.queue_receipt()
    synced = await phone.sdk.sync_connected_tower()
    assert (synced.failure, synced.pushed, synced.refused, synced.waiting) == (None, 1, 0, 0)
    await phone.sdk.send_terminate_session()
    assert rig.pulses() == [*before, locker]
    held = rig.running.state.lockers[locker]
    assert (held.available, held.generation, held.locker_token) == (False, generation, _of(locker, generation))
    assert len(held.used) == 1
    assert [reason for _, reason in depot.accesses(locker)][-2:] == [DROPPED_OFF, CLOSED]


def _of(locker: int, generation: int) -> bytes:
    return locker.to_bytes(8) + generation.to_bytes(8)


async def begin(phone: Phone) -> None:
    """An app whose question for a session got lost asks again."""
    for _ in range(3):
        try:
            await phone.begin()
            return
        except SdkError as error:
            assert error.code == NOT_CONNECTED  # noqa: PT017 - what else goes wrong is no lost link
    raise AssertionError("no session in three tries")


def all_once(place: Place, depot: Depot, visits: int) -> None:
    """Every event up to the last sync was handed in once, in order, without a gap; each drop-off stands there once."""
    assert [event[30] for event in depot.events] == list(range(1, len(depot.events) + 1))
    for locker in range(1, visits + 1):
        assert [reason for _, reason in depot.accesses(locker)] == [DROPPED_OFF, CLOSED]
    assert place.rig.pulses() == list(range(1, visits + 1))
    assert place.rig.running.state.last_command == visits


@pytest.mark.slow
async def test_a_link_that_breaks_after_any_one_chunk_of_a_visit_changes_nothing_of_it(tmp_path: Path) -> None:
    async with tower_in_air(tmp_path, lockers=LOCKERS) as place, open_depot(place.rig.server) as depot:
        async with place.phone(mtu=185, api=SdkApi(depot.url)) as phone:
            chunk = visits = 0
            while place.air.broken == chunk:
                chunk, visits, start = chunk + 1, visits + 1, len(place.air.chunks)
                place.air.cuts = lambda _chunk, number, at=start + chunk: number == at  # type: ignore[misc]
                await visit(phone, depot, visits)
        assert chunk > 20, "a visit has more chunks than that"
        all_once(place, depot, visits)


@pytest.mark.parametrize("side", [PHONE, TOWER])
@pytest.mark.parametrize("mtu", [185, pytest.param(23, marks=pytest.mark.slow)])
async def test_a_visit_whose_every_message_is_cut_once_is_done_once(tmp_path: Path, mtu: int, side: str) -> None:
    async with tower_in_air(tmp_path, lockers=LOCKERS) as place, open_depot(place.rig.server) as depot:
        async with place.phone(mtu=mtu, api=SdkApi(depot.url), kind=MessageByMessage) as phone:
            assert isinstance(phone.sdk, MessageByMessage)
            visits, broken = 0, -1
            while place.air.broken > broken:
                broken, visits = place.air.broken, visits + 1
                place.air.cuts = phone.sdk.cuts = EachOnce(side, visits)
                await visit(phone, depot, visits)
        assert visits >= 3
        all_once(place, depot, visits)


async def test_a_session_whose_end_was_answered_over_a_broken_link_is_over_for_the_phone_too(tmp_path: Path) -> None:
    async with tower_in_air(tmp_path) as place, place.phone(mtu=23) as phone:
        await phone.begin()
        await phone.sdk.send_request_sync_status()
        cuts = EachOnce(TOWER, 1)
        place.air.cuts = cuts
        await phone.sdk.send_terminate_session()
        assert (cuts.armed, phone.sdk.in_session) == (False, False)
        await phone.begin()
        assert await phone.open(place.rig.server.token(1)) == Opened(1, seen=True)
