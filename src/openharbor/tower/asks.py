"""What waits for the tower's word: a phone's message, or a code at the keypad."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Final

import msgspec

from openharbor.tower import device
from openharbor.tower.state import DRAWN_BYTES, KeypadSays, Step, Tower, draws_from
from openharbor.tower.too_slow import put_off

ANSWER_S: Final = 15.0  # from the last byte of a message (2.4)
# until a pulse may leave: 3.5 s for the slowest board's answer, 3 s for the door, and the rest for flash and link
FIRE_WITHIN_S: Final = 7.0
LEAST_TO_FIRE_S: Final = 0.5

Decide = Callable[[Tower, int], Step]


class Told(msgspec.Struct, frozen=True):
    """The answer to a message (`frame`), or what the keypad shows (`says`). `cut`: then the link is cut.

    `counted`: the message was an authentication failure.
    """

    frame: bytes = b""
    cut: bool = False
    counted: bool = False
    says: KeypadSays | None = None


class Ask:
    """One question, and who waits for its answer. `arrived`: of its last byte, monotonic seconds.

    `decide` makes the step; `put_off` instead when it is too late to fire, `unwritten` when it could not be stored.
    """

    def __init__(self, arrived: float, decide: Decide, put_off: Decide, unwritten: Decide) -> None:
        self.arrived = arrived
        self.decide, self.put_off, self.unwritten = decide, put_off, unwritten
        self.told: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self.counted = False
        self.given_up = False

    def answer(self, told: Told) -> None:
        """Tells it, if it still wants to know."""
        if not self.told.done():
            self.told.set_result(told)

    def give_up(self) -> None:
        """There will be no answer."""
        self.given_up = True
        self.told.cancel()


def message(frame: bytes, arrived: float, failures: int) -> Ask:
    """A whole frame of a link. `failures`: its authentication failures so far."""
    draws = draws_from(secrets.token_bytes(DRAWN_BYTES))
    return Ask(
        arrived,
        lambda tower, at_ms: device.received(tower, frame, at_ms, draws, failures=failures),
        lambda tower, at_ms: put_off(tower, frame, at_ms, draws),
        lambda tower, at_ms: device.unwritten(tower, frame, at_ms, draws, failures=failures),
    )


def code(digits: str, entered: float) -> Ask:
    """Digits at the keypad, and the confirm key."""
    return Ask(
        entered,
        lambda tower, at_ms: device.code_entered(tower, digits, at_ms),
        _keypad_failed,
        _keypad_failed,
    )


def _keypad_failed(tower: Tower, _: int) -> Step:
    return Step(tower, (KeypadSays("failed"),))
