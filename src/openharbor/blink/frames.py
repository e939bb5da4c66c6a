"""Message frames: one CBOR byte string with one CBOR map in it (blink-protocol.md 2.1, 2.4, 2.5)."""

from collections.abc import Mapping
from typing import Any, Final

import cbor2

from openharbor.blink import refusals
from openharbor.blink.cbor import BYTES, TEXT, WIDTHS, Fields, decode, encode, encode_as_given
from openharbor.blink.refusals import Rejected

SELF_DESCRIBED: Final = b"\xd9\xd9\xf7"  # the tag in front of a phone's messages
MOST_CONTENT: Final = 4096
MOST_WAITING: Final = 4102  # bytes that may arrive while the tower works
INFO_QUESTION: Final = b"\x64info"  # TCP only (2.3)
PAD: Final = 250
# with content this long the SDK does not find the map (F-1)
TRAPS: Final = frozenset({23, 254, 255, 65_533, 65_534, 65_535})


def tower_frame(fields: Mapping[int, Any]) -> bytes:
    """A tower's message: padded where the SDK would not find its map. Raises ValueError beyond 4,096 bytes."""
    content = encode(fields)
    if len(content) in TRAPS:
        content = encode({**fields, PAD: b""})
    return _framed(content)


def phone_frame(fields: Mapping[int, Any]) -> bytes:
    """A phone's message, with the tag, keys in the order given. Raises ValueError beyond 4,096 bytes."""
    return SELF_DESCRIBED + _framed(encode_as_given(fields))


def _framed(content: bytes) -> bytes:
    if len(content) > MOST_CONTENT:
        raise ValueError(f"a message has {len(content)} bytes and may have {MOST_CONTENT}")
    return cbor2.dumps(content)


def read_message(frame: bytes) -> Fields:
    """The map in a whole frame, with or without the tag. Raises Rejected 108, 208 (steps 1 and 2 of 6.2)."""
    size = _size(frame)
    if size is None or size != len(frame):
        raise Rejected(refusals.MSG_CBOR_INVALID, "the frame is not exactly one byte string")
    start = _start(frame)
    width = _width(frame[start])
    return decode(frame[start + 1 + width :])


class FrameReader:
    """Puts the bytes of a link together to frames. `info`: whether the question `info` is allowed (TCP, 2.3)."""

    def __init__(self, *, info: bool = False) -> None:
        self._info = info
        self._bytes = bytearray()

    def feed(self, data: bytes) -> None:
        """Keeps bytes that arrived. Raises Rejected 208 when more wait than a tower keeps: the link is cut."""
        self._bytes += data
        if len(self._bytes) > MOST_CONTENT + MOST_WAITING:
            raise Rejected(refusals.AUTH_SIZE, f"more than {MOST_WAITING} bytes wait")

    def next(self) -> bytes | None:
        """The next whole frame; None while there is none.

        Raises Rejected 108 for what cannot become a frame, and forgets it; 208 once a header announces too much.
        """
        try:
            size = self._wanted()
        except Rejected:
            self._bytes.clear()
            raise
        if size is None or len(self._bytes) < size:
            return None
        frame = bytes(self._bytes[:size])
        del self._bytes[:size]
        return frame

    def half(self) -> bool:
        """Whether a frame has begun: after 2 s of silence it is to be dropped (2.4)."""
        return bool(self._bytes)

    def drop(self) -> None:
        """Forgets what has arrived."""
        self._bytes.clear()

    def _wanted(self) -> int | None:
        if self._info and self._bytes[:1] == INFO_QUESTION[:1]:
            return self._question()
        return _size(self._bytes)

    def _question(self) -> int:
        if not INFO_QUESTION.startswith(self._bytes[: len(INFO_QUESTION)]):
            raise Rejected(refusals.MSG_CBOR_INVALID, "a text string that is not the question for the info value")
        return len(INFO_QUESTION)


def _start(data: bytes | bytearray) -> int:
    """Where the byte string begins: after the tag, if there is one."""
    return len(SELF_DESCRIBED) if data[:1] == SELF_DESCRIBED[:1] else 0


def _width(first: int) -> int:
    """How many bytes the length takes after the first one. Raises Rejected 108."""
    major, info = first >> 5, first & 31
    if major != BYTES:
        kind = "a text string" if major == TEXT else "no byte string"
        raise Rejected(refusals.MSG_CBOR_INVALID, f"the frame is {kind}")
    if info < 24:
        return 0
    if info not in WIDTHS:
        raise Rejected(refusals.MSG_CBOR_INVALID, "the frame has an indefinite length")
    return WIDTHS[info]


def _size(data: bytes | bytearray) -> int | None:
    """How long the whole frame is; None: its header is not there yet. Raises Rejected 108, 208."""
    tag = data[: len(SELF_DESCRIBED)]
    start = _start(data)
    if start and not SELF_DESCRIBED.startswith(tag):
        raise Rejected(refusals.MSG_CBOR_INVALID, "the frame has a tag other than 55799")
    if len(data) <= start:
        return None
    begin = start + 1 + _width(data[start])
    if len(data) < begin:
        return None
    length = int.from_bytes(data[start + 1 : begin]) if begin > start + 1 else data[start] & 31
    if length > MOST_CONTENT:
        raise Rejected(refusals.AUTH_SIZE, f"a message of {length} bytes is announced, and {MOST_CONTENT} are allowed")
    return begin + length
