"""The phone's sessions on the wire, byte for byte as the vectors have them (blink-protocol.md 5, 14)."""

import asyncio
import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from core.blink.rig import iv_in, phone, taken
from harness.blink_vectors import sealed, unshown, vectors
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import Credentials
from openharbor.kit.clock import SteppedClock
from openharbor.phone import session, wire
from openharbor.phone.errors import FirmwareError
from openharbor.phone.session import Link, Session
from service.phone.played import PlayedTower, TowerEnd, played, reply

HANDSHAKE = vectors()["session"]
STEPS = vectors()["commands"]["steps"]
ROWS = vectors()["phone"]["list"]
AWAITING = {46: Packet.OPEN_LOCKER_WITH_TOKEN, 0: Packet.REVERT_LOCKER_STATE}
FIELDS: dict[Packet, dict[int, Any]] = {
    Packet.OPEN_LOCKER_WITH_TOKEN: {9: bytes(18), 10: bytes(33)},
    Packet.REVERT_LOCKER_STATE: {62: b""},
}
ANSWERS: dict[Packet, tuple[Packet, dict[int, Any]]] = {
    Packet.OPEN_LOCKER_WITH_TOKEN: (Packet.LOCKER_OPENED, {70: 14}),
    Packet.REVERT_LOCKER_STATE: (Packet.ACK, {}),
}


def link_to(tower: PlayedTower, clock: SteppedClock | None = None) -> Link:
    return Link(partial(wire.connect, tower.address), clock or SteppedClock())


def drawn(*values: bytes) -> Callable[[int], bytes]:
    """Random bytes that are no surprise."""
    given = iter(values)
    return lambda _size: next(given)


def counted() -> Callable[[int], bytes]:
    numbers = itertools.count(1)
    return lambda size: next(numbers).to_bytes(size)


def credentials_a() -> Credentials:
    payload = next(row for row in sealed("session_payloads") if row["name"] == HANDSHAKE["session_payload"])
    return Credentials(bytes.fromhex(payload["payload"]), bytes.fromhex(payload["payload_auth"]), taken("A", "seed"))


async def test_the_handshake_is_that_of_the_vectors() -> None:
    async def tower(end: TowerEnd) -> None:
        assert (await end.receive()).hex() == HANDSHAKE["request"]["in"]
        await end.send(bytes.fromhex(HANDSHAKE["grant"]["out"]))
        assert (await end.receive()).hex() == HANDSHAKE["first_command"]["in"]
        await end.send(bytes.fromhex(HANDSHAKE["first_command"]["out"]))

    async with played(tower) as there:
        link = link_to(there, SteppedClock(HANDSHAKE["phone_time"] * 1000))
        granted = await session.begin(link, credentials_a(), drawn(taken("A", "request_nonce")))
        assert granted == phone("A")
        live = Session(link, granted, drawn(iv_in(HANDSHAKE["first_command"]["in"])))
        assert (await live.ask(Packet.FIND_AVAILABLE_LOCKERS))[78] == {1: 2, 2: 1, 3: 1}
        await link.drop()


async def test_every_command_of_the_vectors_goes_out_and_comes_back_as_written() -> None:
    async def tower(end: TowerEnd) -> None:
        for step in STEPS:
            assert (await end.receive()).hex() == step["in"], step["command"]
            await end.send(bytes.fromhex(step["out"]))

    async with played(tower) as there:
        link = link_to(there)
        live = Session(link, phone("A"), drawn(*(iv_in(step["in"]) for step in STEPS)))
        for step in STEPS:
            await _as_written(live, step)
        assert live.state.over
        assert live.state.number == STEPS[-1]["reply"]["25"]
        await link.drop()


async def _as_written(live: Session, step: dict[str, Any]) -> None:
    request, answer = unshown(step["request"]), unshown(step["reply"])
    fields = {number: value for number, value in request.items() if number not in (1, 22, 25)}
    before = live.state
    if step["answer"] in ("ERROR", "SESSION_ERROR"):
        with pytest.raises(FirmwareError) as caught:
            await live.ask(Packet[step["command"]], fields)
        assert (caught.value.code, caught.value.authenticated) == (answer[2], step["answer"] == "ERROR")
        assert (live.state == before) == (step["answer"] == "SESSION_ERROR")
    else:
        assert await live.ask(Packet[step["command"]], fields) == answer


def named(row: dict[str, Any]) -> str:
    return f"{row['id']} {row['name']}"


@pytest.mark.parametrize(
    "row", [one for one in ROWS if one["expect"] == "invalid" and one["request_number"] is not None], ids=named
)
async def test_an_answer_that_does_not_fit_changes_nothing_and_the_same_bytes_are_sent_again(
    row: dict[str, Any],
) -> None:
    """In the same link after 20 s; at once on a new one where the bytes are no message at all."""
    number, packet = row["request_number"], AWAITING[row["awaited"]]
    first: list[bytes] = []
    answered = asyncio.Event()

    async def tower(end: TowerEnd) -> None:
        first.append(await end.receive())
        await end.send(bytes.fromhex(row["out"]))
        answered.set()
        await again(end)

    async def again(end: TowerEnd) -> None:
        try:
            frame = await end.receive()
        except (EOFError, OSError):
            return
        assert frame == first[0]
        await end.send(reply(phone("A"), number, *ANSWERS[packet]))

    clock = SteppedClock()
    async with played(tower, again) as there:
        link = link_to(there, clock)
        live = Session(link, phone("A", number - 1), counted())
        asking = asyncio.create_task(live.ask(packet, FIELDS[packet]))
        await answered.wait()
        await clock.advance(session.ANSWER_S)
        assert (await asking)[25] == number + 1
        assert live.state == phone("A", number + 1)
        await link.drop()


@pytest.mark.parametrize(
    "row", [one for one in ROWS if " " in one["expect"] and one["request_number"] is not None], ids=named
)
async def test_a_refusal_is_told_and_only_one_that_the_tower_proved_uses_the_number_up(row: dict[str, Any]) -> None:
    number, packet = row["request_number"], AWAITING[row["awaited"]]

    async def tower(end: TowerEnd) -> None:
        await end.receive()
        await end.send(bytes.fromhex(row["out"]))

    async with played(tower) as there:
        link = link_to(there)
        live = Session(link, phone("A", number - 1), counted())
        with pytest.raises(FirmwareError) as caught:
            await live.ask(packet, FIELDS[packet])
        form, code = row["expect"].split()
        assert (caught.value.code, caught.value.authenticated) == (int(code), form == "error")
        assert live.state.number == (number + 1 if form == "error" else number - 1)
        await link.drop()
