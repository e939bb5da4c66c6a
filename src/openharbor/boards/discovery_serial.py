"""What answers on a serial port: a scan on request, with reads only (lock-boards.md 5.2).

The only frames sent are the liveness reads of the families. That none of them, alone or next to another, opens a lock
of any family is proven by the vectors' checker and by a test on every emulated family.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from openharbor.boards.address import Address, AddressError, parse
from openharbor.boards.bus import Bus
from openharbor.boards.exchange import Answered, Member, Order
from openharbor.boards.line import CannotConnect, connector
from openharbor.boards.protocols.choose import make_codec
from openharbor.boards.protocols.families import FAMILIES
from openharbor.boards.timing import board_times, line_times
from openharbor.boards.turns import Priority
from openharbor.kit.clock import Clock

BAUD_RATES = (19200, 9600)
BETWEEN_PROBES_S = 0.2
CONNECT_S = 5.0
FIRST_BOARDS = 10  # of each family; boards are numbered from the start, and a full range takes minutes
MANY_LOCKS = 56  # that an address of unknown size is given until its answer tells


class Hit(msgspec.Struct, frozen=True):
    """A board that gave two equal valid answers. `locks`: as many as its answer shows, where only that tells."""

    address: Address
    locks: int | None


class PortScan(msgspec.Struct, frozen=True):
    """What was found on a port. `fault`: why it could not be scanned, or cannot be used as it is."""

    path: str
    hits: tuple[Hit, ...]
    fault: str | None = None


def serial_ports(dev: Path = Path("/dev")) -> tuple[str, ...]:
    """Paths of the serial ports, those that survive a replugging first; each port once."""
    paths = [*sorted((dev / "serial" / "by-id").glob("*")), *sorted(dev.glob("ttyUSB*")), *sorted(dev.glob("ttyACM*"))]
    found: dict[Path, str] = {}
    for path in paths:
        found.setdefault(path.resolve(), str(path))
    return tuple(found.values())


def candidates(path: str, baud: int, boards: int = FIRST_BOARDS) -> Iterator[Address]:
    """The addresses that are asked, family by family. Raises AddressError for a path that no address can have."""
    for family in FAMILIES.values():
        for board in family.boards[:boards] if family.serial else ():
            locks = f"&locks={MANY_LOCKS}" if family.name == "xor8a80" else ""
            yield parse(f"{family.name}+serial://{path}?{family.address_name}={board}&baudrate={baud}{locks}")


async def scan_port(
    path: str,
    *,
    clock: Clock,
    random: Random,
    boards: int = FIRST_BOARDS,
    bauds: Sequence[int] = BAUD_RATES,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> PortScan:
    """Asks for boards at each baud rate and stops at the first at which one answers. Nothing that opens is sent.

    `progress` is told how many of how many addresses were asked. The port must not be in use; a scan can be cancelled.
    """
    try:
        rounds = [tuple(candidates(path, baud, boards)) for baud in bauds]
    except AddressError as error:
        return PortScan(path, (), str(error))
    done, total = 0, sum(map(len, rounds))
    for addresses in rounds:
        hits: list[Hit] = []
        fault = await _can_connect(addresses[0])
        if fault is not None:
            return PortScan(path, (), fault)
        bus = Bus(f"scan of {path}", connector(addresses[0]), line_times(addresses), clock=clock, random=random)
        bus.start()
        try:
            for address in addresses:
                hit = await _probe(bus, address, clock)
                hits += [] if hit is None else [hit]
                done += 1
                progress(done, total)
        finally:
            await bus.stop()
        if hits:
            return PortScan(path, tuple(hits), _mixed(hits))
    return PortScan(path, ())


async def _can_connect(address: Address) -> str | None:
    """Why the port cannot be opened: in use, or not there. A bus would try for ever."""

    def ignore(_: Any) -> None:
        """Nothing was asked yet."""

    try:
        line = await connector(address)(ignore, ignore)
    except CannotConnect as error:
        return str(error)
    await line.close()
    return None


async def _probe(bus: Bus, address: Address, clock: Clock) -> Hit | None:
    """Two equal valid answers make a hit."""
    codec = make_codec(address)
    request, read_s = codec.liveness(), board_times(address).read_s
    member = Member(codec, read_s, on_push=lambda _: None, on_event=lambda *_: None)
    frames: list[bytes] = []
    bus.join(member)
    try:
        for _ in range(2):
            deadline = clock.monotonic() + CONNECT_S
            result = await bus.exchange(member, Order(request, read_s, Priority.REFRESH, deadline))
            await clock.sleep(BETWEEN_PROBES_S)
            if not isinstance(result, Answered):
                return None
            frames.append(result.frame)
    finally:
        bus.leave(member)
    if frames[0] != frames[1]:
        return None
    return _hit(address, frames[0])


def _hit(address: Address, frame: bytes) -> Hit:
    if address.family == "xor8a80":
        # As many as there are status bits: the cabinet may have fewer (lock-boards.md 3.4).
        locks = 8 * (len(frame) - 4)
        return Hit(parse(str(address).replace(f"locks={MANY_LOCKS}", f"locks={locks}")), locks)
    return Hit(address, make_codec(address).learn((frame, frame)).locks)


def _mixed(hits: Sequence[Hit]) -> str | None:
    families = sorted({hit.address.family for hit in hits})
    if len(families) < 2:
        return None
    return f"boards of different families on one line are not supported: {', '.join(families)}"
