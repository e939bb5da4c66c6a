"""One case for every command that a phone may send, and what the cases share."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import pytest

from openharbor.blink import refusals
from openharbor.blink.packets import Packet
from openharbor.phone.errors import FirmwareError
from openharbor.phone.results import Opened
from openharbor.tower.lockers import Locker
from service.sdk_calls.place import Phone

LOCKERS: Final = 16
TECHNICIAN: Final = "technician"
RANGE, VALUE = refusals.MSG_ITEM_RANGE, refusals.MSG_ITEM_VALUE
INVALID_ID: Final = refusals.MSG_INVALID_ID
NOT_FOUND, LAST_OPEN, BUSY = 502, 504, 509

Run = Callable[[Phone], Awaitable[None]]


@dataclass(frozen=True)
class Case:
    claims: tuple[str, ...]
    run: Run


CASES: Final[dict[Packet, Case]] = {}


def case(packet: Packet, *claims: str) -> Callable[[Run], Run]:
    """For a session with these claims; a user's if left out."""

    def kept(run: Run) -> Run:
        CASES[packet] = Case(claims, run)
        return run

    return kept


@contextmanager
def refused(code: int) -> Iterator[None]:
    with pytest.raises(FirmwareError) as caught:
        yield
    assert caught.value.code == code


def locker(phone: Phone, number: int) -> Locker:
    return phone.rig.running.state.lockers[number]


async def dropped_off(phone: Phone, number: int) -> None:
    """Opens with a new drop-off token; the door is looked at."""
    before = phone.rig.pulses().count(number)
    generation = locker(phone, number).generation + 1
    assert await phone.open(phone.rig.server.token(number, generation=generation)) == Opened(number, seen=True)
    assert phone.rig.lock(number).door == "open"
    assert phone.rig.pulses().count(number) == before + 1
    assert not locker(phone, number).available
