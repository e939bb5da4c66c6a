"""The numbers of a session at the tower: what is carried out, answered again or refused (blink-protocol.md 5.5)."""

from hashlib import sha256
from typing import Final

import msgspec

from openharbor.blink import refusals
from openharbor.blink.refusals import Rejected

FIRST_NUMBER: Final = 2  # GRANT_SESSION counts as number 1
MOST_SEEN: Final = 8  # different messages with one number


class Seen(msgspec.Struct, frozen=True):
    """A message that was answered: `auth` (#8) is its identity, `frame` the exact answer."""

    auth: bytes
    number: int
    frame: bytes


class Numbers(msgspec.Struct, frozen=True):
    """Where a session stands. `expected`: number of the next new command.

    `inner`: SHA-256 of the inner map carried out last, `frame` its answer. `seen`: messages of the last two numbers.
    """

    expected: int = FIRST_NUMBER
    inner: bytes | None = None
    frame: bytes = b""
    seen: tuple[Seen, ...] = ()


class Turn(msgspec.Struct, frozen=True):
    """A message to be carried out; its answer has `number` + 1.

    `again`: under the number of the last one, whose answer the phone never got. Otherwise it proves that the phone
    has the last answer (7.4).
    """

    number: int
    again: bool
    auth: bytes
    inner: bytes


class Repeat(msgspec.Struct, frozen=True):
    """A message that was answered before: `frame` goes out once more, and nothing else happens."""

    numbers: Numbers
    frame: bytes


def judge(numbers: Numbers, number: int, auth: bytes, inner: bytes) -> Turn | Repeat:
    """What to do with an authentic message. `auth`: its #8; `inner`: its plain inner bytes.

    Raises Rejected 201, counted, for a number of another time and for a ninth message with one number.
    """
    for one in numbers.seen:
        if one.auth == auth:
            return Repeat(numbers, one.frame)
    again = number == numbers.expected - 2 and numbers.inner is not None
    if number != numbers.expected and not again:
        raise Rejected(refusals.AUTH_INVALID, f"number {number} instead of {numbers.expected}", counts=True)
    digest = sha256(inner).digest()
    full = sum(one.number == number for one in numbers.seen) >= MOST_SEEN
    if again and digest == numbers.inner:
        # Once full, nothing more under this number is carried out: a copy that is not noted can do no harm either.
        noted = numbers if full else _noted(numbers, Seen(auth, number, numbers.frame))
        return Repeat(noted, numbers.frame)
    if full:
        raise Rejected(refusals.AUTH_INVALID, f"more than {MOST_SEEN} messages with number {number}", counts=True)
    return Turn(number, again, auth, digest)


def used(numbers: Numbers, turn: Turn, frame: bytes) -> Numbers:
    """After a wrapped answer, a wrapped ERROR too: the number is used up, older messages are forgotten."""
    kept = tuple(one for one in numbers.seen if one.number >= turn.number)
    return Numbers(turn.number + 2, turn.inner, frame, (*kept, Seen(turn.auth, turn.number, frame)))


def unused(numbers: Numbers, turn: Turn, frame: bytes) -> Numbers:
    """After a refusal in the clear: the number stays, and the message gets this refusal whenever it comes again."""
    return _noted(numbers, Seen(turn.auth, turn.number, frame))


def _noted(numbers: Numbers, seen: Seen) -> Numbers:
    return Numbers(numbers.expected, numbers.inner, numbers.frame, (*numbers.seen, seen))
