"""Frames as read: what a family's parser says of one, and how the receiver's questions are answered with it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from openharbor.boards.protocols.codec import Foreign, Found, Look, More, NoFrame, Reply, Request, Sorted

PUSH = "door_push"


@dataclass(frozen=True, slots=True)
class Frame:
    """One valid frame. `kind` is named as in the vectors; `bits[i]` is the raw bit of the i-th lock, None: no usable
    value. Which other fields are set depends on the kind."""

    kind: str
    board: int
    lock: int | None = None
    bits: tuple[bool | None, ...] = ()
    items: tuple[bool, ...] = ()
    ok: bool | None = None
    result: str = ""
    units: int | None = None
    values: tuple[int, ...] = ()
    function: int | None = None
    code: int | None = None
    address: int | None = None
    value: int | None = None
    tid: int | None = None


Parsed = Frame | NoFrame
Lengths = tuple[int, ...] | More | NoFrame  # lengths to try, best first


def first_fit(buffer: bytes, lengths: Lengths, parse: Callable[[bytes], Parsed], *, silent: bool) -> Look:
    """The first of `lengths` that is a frame (lock-boards.md 2.2.2). The reason of a refusal is the best length's."""
    if isinstance(lengths, NoFrame):
        return lengths
    if isinstance(lengths, More):
        return NoFrame("length") if silent else lengths
    refusal = NoFrame("length")
    judged = False
    for length in lengths:
        if len(buffer) < length:
            if not silent:
                return More()
            continue
        parsed = parse(buffer[:length])
        if isinstance(parsed, Frame):
            return Found(length)
        refusal, judged = (refusal if judged else parsed), True
    return refusal


def compare(frame: Frame, pending: Request, kind: str) -> Sorted:
    """Whether `frame` answers: board, then command, then lock (lock-boards.md 2.3)."""
    if frame.board != pending.board:
        return Foreign("board")
    if frame.kind != kind:
        return Foreign("command")
    if frame.lock is not None and frame.lock != pending.lock:
        return Foreign("lock")
    return Reply()


def low_bits_first(data: Iterable[int]) -> tuple[bool, ...]:
    """Bit 0 of the first byte is the first lock."""
    return tuple(bool(byte >> bit & 1) for byte in data for bit in range(8))


def by_lock(bits: tuple[bool | None, ...], locks: int | None) -> dict[int, bool | None]:
    """Bits by lock number from 1; bits above the real lock count float, so they are left out (lock-boards.md 3.4)."""
    return dict(enumerate(bits[:locks], start=1))
