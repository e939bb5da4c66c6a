"""A cabinet on a line with no event loop: time moves when a test says so."""

from typing import Unpack

from openharbor.boards.emulator.cabinet import Cabinet
from openharbor.boards.emulator.cable import Cable
from openharbor.boards.emulator.families import family_named
from openharbor.boards.emulator.grammar import wire_of
from openharbor.boards.emulator.lock import Lock
from openharbor.boards.emulator.model import Model, Options
from openharbor.boards.emulator.timeline import Timeline


class Hand:
    """A clock moved by hand, in milliseconds."""

    def __init__(self) -> None:
        self.us = 0
        self.timeline = Timeline(lambda: self.us)

    def advance(self, ms: float) -> None:
        self.us += round(ms * 1000)
        self.timeline.catch_up()


class Client:
    """A driver's end: keeps what arrived, and when."""

    def __init__(self, rig: "Rig") -> None:
        self._rig = rig
        self.chunks: list[tuple[float, bytes]] = []
        self.resets = 0

    def send(self, data: bytes) -> None:
        self.chunks.append((self._rig.cabinet.timeline.ms, data))

    def reset(self) -> None:
        self.resets += 1

    @property
    def got(self) -> bytes:
        return b"".join(data for _, data in self.chunks)


class Rig:
    """One line with boards, and one client on it."""

    def __init__(
        self,
        family: str = "wkly",
        boards: tuple[int, ...] | None = None,
        locks: int | None = None,
        *,
        seed: int = 7,
        serial: bool = False,
        line: str = "tcp",
        **options: Unpack[Options],
    ) -> None:
        self.hand = Hand()
        traits = family_named(family)
        line = "pty" if serial else line
        self.cabinet = Cabinet(traits, self.hand.timeline, seed=seed, model=Model(**options), line=line)
        for address in (traits.default_board,) if boards is None else boards:
            self.cabinet.add_board(address, locks or traits.locks)
        self.cable = Cable(self.cabinet, wire_of(self.cabinet), serial=serial)
        self.client = Client(self)
        self.cable.attach(self.client)

    def send(self, frame: str) -> None:
        """Hands in bytes, given as hex."""
        self.cable.receive(bytes.fromhex(frame), self.client)

    def ask(self, frame: str, wait_ms: float = 100) -> str:
        """Sends a frame, waits, and gives what came back since, as hex."""
        before = len(self.client.got)
        self.send(frame)
        self.advance(wait_ms)
        return self.client.got[before:].hex(" ").upper()

    def advance(self, ms: float) -> None:
        self.hand.advance(ms)

    def lock(self, number: int, board: int | None = None) -> Lock:
        boards = self.cabinet.boards
        return boards[next(iter(boards)) if board is None else board].locks[number]

    def violations(self, *, all_of_them: bool = False) -> list[str]:
        return [broken.kind for broken in self.cabinet.violations(all_of_them=all_of_them)]
