"""The times of a line and of a board, in seconds, from their addresses (lock-boards.md 2.1, 4.8)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from openharbor.boards.address import Address
from openharbor.boards.protocols.families import FAMILIES

BOARD_PULSE_MS = 1000  # what a pulse counts as where the board times it and nobody told us
AFTER_PROOF_S = 0.2
LONGEST_ATTEMPT_S = 20.0  # from the frame on


class BoardSettings(msgspec.Struct, frozen=True):
    """What an operator may change while boards run. `pulse_ms`: 50 to 2000; `open_detection_seconds`: 1 to 18."""

    pulse_ms: int = 500
    open_detection_seconds: float = 10


Settings = Callable[[], BoardSettings]


@dataclass(frozen=True, slots=True)
class LineTimes:
    """`silence_s` before a frame on a serial line; `gap_s` after an answer over TCP; `byte_s`: one byte on the wire, 0
    where another device owns it. `echo` None: found out at connect (2.4)."""

    silence_s: float
    gap_s: float
    quiet_s: float
    byte_s: float
    echo: bool | None


@dataclass(frozen=True, slots=True)
class BoardTimes:
    """`pulse_ms` None: the board times its pulse itself."""

    read_s: float
    unlock_s: float
    poll_s: float
    fast_poll_s: float
    min_repeat_s: float
    pulse_ms: int | None
    times_pulse: bool

    def pulse_of(self, settings: BoardSettings) -> int:
        """How long a pulse is, or counts as, in milliseconds."""
        if self.pulse_ms is not None:
            return self.pulse_ms
        return BOARD_PULSE_MS if self.times_pulse else settings.pulse_ms

    def proof_s(self, settings: BoardSettings) -> float:
        """From sending on, after how long a closed door proves that the lock did not fire (4.6)."""
        return self.unlock_s + self.pulse_of(settings) / 1000 + AFTER_PROOF_S


def line_times(addresses: Iterable[Address]) -> LineTimes:
    """The times of the line that these boards share: where they differ, the more patient."""
    boards = list(addresses)
    serial = any(board.transport == "serial" for board in boards)
    bits = max(9 + board.stopbits + (board.parity != "N") for board in boards)
    return LineTimes(
        silence_s=max(board.silence_ms for board in boards) / 1000,
        gap_s=max(board.gap_ms for board in boards) / 1000,
        quiet_s=max(board.quiet_ms for board in boards) / 1000,
        byte_s=bits / min(board.baudrate for board in boards) if serial else 0.0,
        echo=next((board.echo for board in boards if board.echo is not None), None),
    )


def board_times(address: Address) -> BoardTimes:
    return BoardTimes(
        read_s=address.read_ms / 1000,
        unlock_s=address.unlock_ms / 1000,
        poll_s=address.poll_ms / 1000,
        fast_poll_s=address.fast_poll_ms / 1000,
        min_repeat_s=address.min_repeat_ms / 1000,
        pulse_ms=address.pulse_ms,
        times_pulse=FAMILIES[address.family].pulse_ms is None,
    )
