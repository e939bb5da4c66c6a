"""Connections that are slow, silent, greedy or simply too many."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from openharbor.kit.http.connections import ConnectionLimits

from .room import Room, at_end, read_answer, serving

CONTRACT = Path(__file__).parents[3] / "contract" / "gateway-local.yaml"
GET = b"GET /parcels HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /parcels HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n"
QUICK = ConnectionLimits(head_seconds=0.5, body_seconds=0.5, stalled_seconds=0.5, idle_seconds=1)


async def test_a_head_that_does_not_arrive_in_time_is_told_and_closed() -> None:
    async with serving(connections=QUICK) as room:
        reader, writer = await room.connect()
        writer.write(GET[:-2])
        assert (await read_answer(reader)).error == (
            408, "INVALID_REQUEST", {"headers": "must arrive within 0.5 s"},
        )  # fmt: skip
        assert await at_end(reader)
        writer.close()


async def test_a_connection_that_says_nothing_at_all_is_closed_without_a_word() -> None:
    async with serving(connections=QUICK) as room:
        reader, writer = await room.connect()
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()


async def test_a_body_that_does_not_arrive_in_time_is_told_and_closed_and_nothing_is_done() -> None:
    async with serving(connections=QUICK) as room:
        reader, writer = await room.connect()
        writer.write(POST + b'{"parcelId"')
        answer = await read_answer(reader)
        assert answer.error == (408, "INVALID_REQUEST", {"body": "must arrive within 0.5 s"})
        assert await at_end(reader)
        assert room.doings.calls == []
        writer.close()


async def test_a_handler_may_take_longer_than_a_body_may() -> None:
    async with serving(connections=QUICK) as room:
        reader, writer = await room.connect()
        writer.write(b"POST /parcels/a/open HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhel")
        await asyncio.wait_for(room.doings.opening.wait(), 10)
        other, other_writer = await room.connect()
        other_writer.write(GET[:-2])  # its deadline passes after that of the body which nobody waits for
        assert (await read_answer(other)).status == 408
        room.doings.go_on.set()
        assert (await read_answer(reader)).status == 200
        writer.close()
        other_writer.close()


async def test_between_requests_a_connection_is_kept_for_a_while() -> None:
    async with serving(connections=QUICK) as room:
        reader, writer = await room.connect()
        for _ in range(3):
            writer.write(GET)
            assert (await read_answer(reader)).status == 200
        assert await at_end(reader)
        writer.close()


async def test_headers_without_end_are_cut_off(room: Room) -> None:
    reader, writer = await room.connect()
    writer.write(b"GET /parcels HTTP/1.1\r\nHost: localhost\r\nX-Padding: " + b"x" * 40_000)
    answer = await read_answer(reader)
    assert answer.error == (413, "PAYLOAD_TOO_LARGE", {"maxBytes": "32768"})
    assert await at_end(reader)
    writer.close()


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"GET /x HTTP/9.9\r\n\r\n", b"BREW / HTTP/1.1\r\n\r\n"]
)
async def test_what_is_not_http_is_told_and_closed(room: Room, garbage: bytes) -> None:
    reader, writer = await room.connect()
    writer.write(garbage)
    assert (await read_answer(reader)).error == (400, "INVALID_REQUEST", {"request": "must be HTTP/1.1"})
    assert await at_end(reader)
    writer.close()


@pytest.mark.parametrize(
    "behind", [b"\x16\x03garbage\r\n\r\n", b"GET /parcels HTTP/1.1\r\nX: " + b"x" * 70_000, GET[:-2]]
)
async def test_what_comes_behind_a_request_never_takes_the_place_of_its_answer(behind: bytes) -> None:
    async with serving(connections=QUICK) as room:
        reader, writer = await room.connect()
        writer.write(b"POST /parcels/a/open HTTP/1.1\r\nHost: localhost\r\n\r\n" + behind)
        await asyncio.wait_for(room.doings.opening.wait(), 10)
        other, other_writer = await room.connect()
        other_writer.write(GET[:-2])
        assert (await read_answer(other)).status == 408  # so the deadline of what came behind is over too
        room.doings.go_on.set()
        assert (await read_answer(reader)).json == {"opened": "a"}
        assert await at_end(reader)
        writer.close()
        other_writer.close()


async def test_when_there_is_no_room_the_connection_idle_for_longest_goes() -> None:
    async with serving(connections=ConnectionLimits(connections=16)) as room:
        made = [await room.connect() for _ in range(16)]
        for reader, writer in made[:2]:
            writer.write(GET)
            assert (await read_answer(reader)).status == 200
        newest = await room.connect()
        newest[1].write(GET)
        assert (await read_answer(newest[0])).status == 200
        assert await at_end(made[2][0])  # the first two have been used since it came
        for reader, writer in made[:2]:
            writer.write(GET)
            assert (await read_answer(reader)).status == 200
        for _, writer in [*made, newest]:
            writer.close()


async def test_a_request_in_progress_is_never_the_one_that_goes() -> None:
    async with serving(connections=ConnectionLimits(connections=16)) as room:
        reader, writer = await room.connect()
        writer.write(b"POST /parcels/a/open HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await asyncio.wait_for(room.doings.opening.wait(), 10)
        made = [await room.connect() for _ in range(40)]
        made[-1][1].write(GET)
        assert (await read_answer(made[-1][0])).status == 200
        room.doings.go_on.set()
        assert (await read_answer(reader)).json == {"opened": "a"}
        for _, one in [*made, (reader, writer)]:
            one.close()


async def test_those_that_trickle_their_bodies_keep_nobody_out() -> None:
    async with serving(connections=ConnectionLimits(connections=16)) as room:
        slow = [await room.connect() for _ in range(16)]
        for _, writer in slow:
            writer.write(POST + b"{")
        newest = await room.connect()
        newest[1].write(GET)
        assert (await read_answer(newest[0])).status == 200
        assert await at_end(slow[0][0])
        slow[-1][1].write(b'"parcelId":"a"}')
        assert (await read_answer(slow[-1][0])).status == 201
        for _, writer in [*slow, newest]:
            writer.close()


async def test_a_body_that_breaks_the_framing_is_told_soon(room: Room) -> None:
    answer = await room.raw(POST.replace(b"Content-Length: 16", b"Transfer-Encoding: chunked") + b"xyz\r\n")
    assert answer.error == (400, "INVALID_REQUEST", {"request": "must be HTTP/1.1"})
    assert room.doings.calls == []


async def test_trailers_and_chunk_extensions_change_nothing(room: Room) -> None:
    chunks = b'10;x=y\r\n{"parcelId":"a"}\r\n0\r\nX-API-Key: wrong\r\nHost: evil.example\r\n\r\n'
    head = POST.replace(b"Content-Length: 16", b"Transfer-Encoding: chunked")
    reader, writer = await room.connect()
    writer.write(head + chunks + GET)
    assert (await read_answer(reader)).status == 201
    assert (await read_answer(reader)).status == 200
    writer.close()


async def test_a_client_that_does_not_read_its_answers_is_cut_off() -> None:
    async with serving(connections=QUICK, contract=CONTRACT) as room:
        size = len((await room.call("GET", "/docs")).body)
        reader, writer = await room.connect()
        writer.write(b"GET /docs HTTP/1.1\r\nHost: localhost\r\n\r\n" * 300)
        other, other_writer = await room.connect()
        for _ in range(4):  # four deadlines of others, one after another
            other_writer.write(GET[:-2])
            assert (await read_answer(other)).status == 408
            other_writer.close()
            other, other_writer = await room.connect()
        received = 0
        with contextlib.suppress(ConnectionError):
            while part := await asyncio.wait_for(reader.read(1 << 20), 10):
                received += len(part)
        assert received < 300 * size
        writer.close()
        other_writer.close()
