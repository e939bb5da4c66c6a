"""Bodies: which are read, how much of them, and what is said of those that are refused."""

import json

import pytest

from openharbor.kit.http.limits import Limits

from .room import Room, at_end, read_answer, serving

LIMIT = 65_536
HEAD = b"POST /parcels HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def padded(size: int) -> bytes:
    """A valid body of this many bytes."""
    return b'{"parcelId":"a"' + b" " * (size - 16) + b"}"


def with_length(body: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(body: bytes) -> bytes:
    parts = [body[at : at + 5000] for at in range(0, len(body), 5000)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


async def test_a_body_of_the_limit_is_read_and_one_byte_more_is_refused(room: Room) -> None:
    for framed in (with_length, chunked):
        assert (await room.raw(framed(padded(LIMIT)))).status == 201
        answer = await room.raw(framed(padded(LIMIT + 1)))
        assert answer.error == (413, "PAYLOAD_TOO_LARGE", {"maxBytes": "65536"})


async def test_the_limit_can_be_configured() -> None:
    async with serving(limits=Limits(body_bytes=20)) as room:
        assert (await room.raw(chunked(padded(20)))).status == 201
        assert (await room.raw(chunked(padded(21)))).error == (413, "PAYLOAD_TOO_LARGE", {"maxBytes": "20"})


async def test_a_length_above_the_limit_is_refused_before_the_body_comes(room: Room) -> None:
    answer = await room.raw(HEAD + b"Expect: 100-continue\r\nContent-Length: 9999999999999999\r\n\r\n")
    assert answer.error[:2] == (413, "PAYLOAD_TOO_LARGE")


async def test_after_a_body_that_was_too_large_the_connection_can_be_used_on(room: Room) -> None:
    reader, writer = await room.connect()
    writer.write(with_length(padded(LIMIT + 100)) + with_length(padded(20)))
    assert [(await read_answer(reader)).status for _ in range(2)] == [413, 201]
    writer.close()


async def test_a_body_without_end_is_not_read_for_ever(room: Room) -> None:
    reader, writer = await room.connect()
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(1000):
        writer.write(b"2000\r\n" + b"x" * 8192 + b"\r\n")
        try:
            await writer.drain()
        except ConnectionError:
            break
    assert await at_end(reader)
    writer.close()
    assert (await room.call("GET", "/parcels")).status == 200


@pytest.mark.parametrize(
    "given", ["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"']
)
async def test_a_body_is_json_in_utf_8(room: Room, given: str) -> None:
    assert (await room.call("POST", "/parcels", {"parcelId": "a"}, {"Content-Type": given})).status == 201


@pytest.mark.parametrize(
    "given", ["", "text/plain", "application/vnd.api+json", "application/json; charset=utf-16", "multipart/form-data"]
)
async def test_a_body_of_another_type_is_refused_by_its_type(room: Room, given: str) -> None:
    answer = await room.call("POST", "/parcels", {"parcelId": "a"}, {"Content-Type": given})
    assert answer.error == (415, "UNSUPPORTED_MEDIA_TYPE", {"contentType": given})


@pytest.mark.parametrize("framing", [b"", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n"])
async def test_a_body_that_is_needed_and_missing_is_told(room: Room, framing: bytes) -> None:
    end = b"0\r\n\r\n" if b"chunked" in framing else b""
    answer = await room.raw(HEAD + framing + b"\r\n" + end)
    assert answer.error == (400, "INVALID_REQUEST", {"body": "is required"})


async def test_a_body_that_may_be_left_out_counts_as_an_empty_object(room: Room) -> None:
    bodies: tuple[object, ...] = (None, {})
    for body in bodies:
        answer = await room.call("POST", "/parcels/open-all", body)
        assert (answer.status, answer.json) == (201, [None, None, {}])
    assert [call.raw_body for call in room.doings.calls] == [b"", b"{}"]


async def test_a_field_that_would_change_what_is_asked_for_is_refused(room: Room) -> None:
    answer = await room.call("POST", "/parcels/open-all", {"parcelIds": ["a"]})
    assert answer.error == (400, "INVALID_REQUEST", {"parcelIds": "is not accepted here"})


async def test_a_body_that_no_operation_takes_is_ignored_unread(room: Room) -> None:
    answer = await room.call("GET", "/parcels/a", b"\xff not even json", {"Content-Type": "text/plain"})
    assert answer.status == 200
    answer = await room.raw(
        b"GET /parcels/a HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\n"
    )
    assert answer.status == 200  # and not one byte of the body was sent


@pytest.mark.parametrize(
    ("body", "details"),
    [
        (b"{", {"body": "is cut off, or holds half of a surrogate pair"}),
        (b'{"parcelId": }', {"body": "expected a value at line 1, column 14"}),
        (b'{"parcelId":"a"}\nx', {"body": "has more after its end"}),
        (b'{"parcelId":"a","x":"\xff"}', {"body": "is not UTF-8 at line 1, column 22"}),
        (b'{"parcelId":"a","x":' + b"[" * 5000 + b"]" * 5000 + b"}", {"body": "is nested too deeply"}),
        (b"null", {"body": "must be an object"}),
        (b"{}", {"parcelId": "is required"}),
        (b'{"parcelId":null}', {"parcelId": "must be 1 to 20 characters of a-z 0-9 : -"}),
        (b'{"parcelId":"A"}', {"parcelId": "must be 1 to 20 characters of a-z 0-9 : -"}),
        (b'{"parcelId":"a","weight":1001}', {"weight": "must be 1 to 1000"}),
        (b'{"parcelId":"a","weight":1.5}', {"weight": "must be 1 to 1000"}),
        (b'{"parcelId":"a","weight":"1"}', {"weight": "must be 1 to 1000"}),
        (b'{"parcelId":"a","weight":1e999}', {"weight": "must be 1 to 1000"}),
        (b'{"parcelId":"a","weight":NaN}', {"body": "expected a value at line 1, column 26"}),
        (b'{"parcelId":"a","kind":"crate"}', {"kind": "must be box or letter"}),
    ],
)
async def test_a_malformed_body_is_told_with_the_field_and_the_limit(
    room: Room, body: bytes, details: dict[str, str]
) -> None:
    answer = await room.call("POST", "/parcels", body)
    assert answer.error == (400, "INVALID_REQUEST", details)
    assert room.doings.calls == []


async def test_a_whole_number_may_be_written_with_a_fraction_of_nothing(room: Room) -> None:
    answer = await room.call("POST", "/parcels", b'{"parcelId":"a","weight":2.0}')
    assert json.loads(answer.body)[2] == {"parcelId": "a", "weight": 2}
