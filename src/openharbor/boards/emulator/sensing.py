"""From the switch to the input bit: wiring faults, bounce, polarity (lock-boards.md 6.2, 2.5)."""

from collections.abc import Mapping

from openharbor.boards.emulator.fault_kinds import SENSOR_KINDS
from openharbor.boards.emulator.lock import Lock, Parts


def raw_bit(address: int, locks: Mapping[int, Lock], number: int, parts: Parts) -> bool | None:
    """The bit a board reads for a lock; None: a value that means neither (families that can say so)."""
    faults = parts.faults
    if parts.feedback == "none":
        return False
    if not any(faults.active(kind, address) or faults.active(kind, address, number) for kind in SENSOR_KINDS):
        return _by_polarity(locks[number].contact, parts)
    if faults.active("unreadable", address, number):
        return None
    if faults.active("wire_cut", address, number):
        return bool(parts.model.cut_reads)
    if faults.active("wire_short", address, number):
        return not parts.model.cut_reads
    bit = _wired(address, locks, _crossed(address, number, locks, parts), number, parts)
    stuck = faults.active("sensor_stuck", address, number)
    return bit if stuck is None else stuck.frozen.setdefault((address, number), bit)


def _wired(address: int, locks: Mapping[int, Lock], wired: int, number: int, parts: Parts) -> bool:
    bit = _by_polarity(_bouncing(address, locks[wired], parts), parts)
    return not bit if parts.faults.active("polarity_inverted", address, number) else bit


def _by_polarity(contact: bool, parts: Parts) -> bool:
    return contact == (parts.feedback == "closed_is_1")


def _crossed(address: int, number: int, locks: Mapping[int, Lock], parts: Parts) -> int:
    fault = parts.faults.active("wires_crossed", address)
    if fault is None:
        return number
    a, b = int(fault.number("a")), int(fault.number("b"))
    other = {a: b, b: a}.get(number, number)
    return other if other in locks else number


def _bouncing(address: int, lock: Lock, parts: Parts) -> bool:
    """During the bounce the contact alternates, beginning with the new state; at its end the new state stays."""
    fault = parts.faults.active("bounce", address, lock.number)
    if fault is None or lock.edge_us is None:
        return lock.contact
    elapsed = (parts.timeline.now - lock.edge_us) / 1000
    n, ms = fault.number("n", 1), fault.number("ms")
    if elapsed >= ms or int(elapsed * n / ms) % 2 == 0:
        return lock.contact
    return not lock.contact


def bounce_edges(address: int, lock: Lock, parts: Parts) -> list[float]:
    """When, in ms after an edge, a bouncing contact changes again."""
    fault = parts.faults.active("bounce", address, lock.number)
    if fault is None:
        return []
    n, ms = int(fault.number("n", 1)), fault.number("ms")
    return [ms * edge / n for edge in range(1, n + 1)]
