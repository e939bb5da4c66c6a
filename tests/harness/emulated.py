"""An emulated cabinet as a process: its addresses, what people do to it, and what it saw."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.api import Api
from harness.processes import serving


@dataclass(frozen=True)
class Emulated:
    """A running `openharbor cabinet serve`. `address`: what to put into a site file."""

    address: str
    control: Api

    def pulsed(self) -> list[int]:
        """The locks whose solenoids got current, in the order of their pulses."""
        return [pulse["lock"] for pulse in self.control.get("/pulses").body]

    def settled(self) -> bool:
        """No solenoid has current."""
        return all(pulse["ms"] is not None for pulse in self.control.get("/pulses").body)

    def door(self, lock: int) -> str:
        """As it stands, whatever its sensor says: closed, ajar or open."""
        return str(next(one["door"] for one in self.control.get("/lockers").body if one["locker"] == lock))

    def shut(self, lock: int) -> None:
        """A person pushes the door to."""
        answer = self.control.post(f"/lockers/{lock}/door", {"open": False})
        assert answer.status < 300, answer.body

    def violations(self) -> list[dict[str, Any]]:
        """Broken rules of lock-boards.md 6.5."""
        return [entry for entry in self.control.get("/v1/trace").body if entry["kind"] == "violation"]


@contextmanager
def emulated(protocol: str, lockers: int, directory: Path, *flags: str) -> Iterator[Emulated]:
    """A cabinet of so many lockers that speaks a protocol, on free ports."""
    directory.mkdir(parents=True, exist_ok=True)
    arguments = ("cabinet", "serve", "--protocol", protocol, "--lockers", str(lockers), *flags)
    with serving(*arguments, log=directory / "cabinet.log") as service:
        words = service.ready.split()
        at = words.index("control")
        yield Emulated(words[at - 1], Api(words[at + 1]))
