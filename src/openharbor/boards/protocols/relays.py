"""What Waveshare relay boards say in both of their framings: the Modbus PDUs (lock-boards.md 3.6)."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from openharbor.boards.protocols.arguments import Arguments, Builder, Options, forbidden, number, within
from openharbor.boards.protocols.board_codec import BoardCodec
from openharbor.boards.protocols.codec import Answer, Foreign, More, NoFrame, Reply, Request, Sorted
from openharbor.boards.protocols.families import WAVESHARE
from openharbor.boards.protocols.frames import Frame, by_lock, compare, low_bits_first

INPUTS = 8
READS, WRITES = (1, 2, 3), (5, 6, 15, 16)
PULSE_AT = 0x0200  # 0200 + relay: on for n x 100 ms, timed by the board
ALL_RELAYS = 0x00FF
MODES, ADDRESS, VERSION = 0x1000, 0x4000, 0x8000
OLDEST_VERSION = 200  # before 2.00 the protocol is not Modbus
LONGEST_PULSE_MS = 2000
BUSY = 6
NORMAL = 0  # the one channel mode in which an input does not drive the relay

FUNCTIONS = {
    "pulse": 5,
    "all_off": 5,
    "hold_off": 5,
    "inputs": 2,
    "coils": 1,
    "channel_modes": 3,
    "version": 3,
    "read_address": 3,
    "set_address": 6,
    "set_channel_mode": 6,
}
REGISTERS = {"channel_modes": INPUTS, "version": 1, "read_address": 1}


def _pdu(function: int, *words: int) -> bytes:
    return bytes([function]) + b"".join(word.to_bytes(2, "big") for word in words)


def _relay(args: Arguments, options: Options) -> int:
    locks = options.get("locks") or WAVESHARE.default_locks
    return number(args, "lock", range(1, int(locks or 0) + 1)) - 1


def _pulse(args: Arguments, options: Options) -> bytes:
    ms = number(args, "ms", range(1, LONGEST_PULSE_MS + 1))
    return _pdu(5, PULSE_AT + _relay(args, options), units_of(ms))


def _set_channel_mode(args: Arguments, options: Options) -> bytes:
    if args.get("mode"):
        forbidden("a channel mode other than 0 lets the input drive the coil")
    return _pdu(6, MODES + _relay(args, options), number(args, "mode", range(1)))


PDUS: Mapping[str, Builder] = {
    "pulse": _pulse,
    "all_off": lambda _args, _options: _pdu(5, ALL_RELAYS, 0),
    "hold_off": lambda args, options: _pdu(5, _relay(args, options), 0),
    "inputs": lambda args, _: _pdu(2, 0, number(args, "count", range(1, 257))),
    "coils": lambda args, _: _pdu(1, 0, number(args, "count", range(1, 257))),
    "channel_modes": lambda _args, _options: _pdu(3, MODES, INPUTS),
    "version": lambda _args, _options: _pdu(3, VERSION, 1),
    "read_address": lambda _args, _options: _pdu(3, ADDRESS, 1),
    "set_address": lambda args, _: _pdu(6, ADDRESS, number(args, "address", WAVESHARE.boards)),
    "set_channel_mode": _set_channel_mode,
}


def units_of(ms: int) -> int:
    """A pulse in the board's unit of 100 ms, rounded up."""
    return -(-ms // 100)


def unit_of(command: str, args: Arguments) -> int:
    """The unit in the frame. 0 reaches every board, so only the two address commands of the installer may have it."""
    if command == "set_address":
        return 0
    units = range(248) if command == "read_address" else WAVESHARE.boards
    return within("unit", args.get("unit"), units)


def pdu_length(body: bytes) -> int | More | NoFrame:
    """How long the answer PDU at the front of `body` (one byte or more) is."""
    function = body[0]
    if function & 0x80:
        return 2 if function & 0x7F in READS + WRITES else NoFrame("command")
    if function in WRITES:
        return 5
    if function not in READS:
        return NoFrame("command")
    if len(body) < 2:
        return More()
    whole_words = function != 3 or body[1] % 2 == 0
    return 2 + body[1] if 1 <= body[1] <= 32 and whole_words else NoFrame("value")


def read_pdu(unit: int, body: bytes, tid: int | None = None) -> Frame:
    """What a whole answer PDU says."""
    function = body[0]
    if function & 0x80:
        return Frame("exception", unit, function=function & 0x7F, code=body[1], tid=tid)
    if function in (1, 2):
        kind = "coils" if function == 1 else "inputs"
        return Frame(kind, unit, bits=low_bits_first(body[2:]), tid=tid)
    words = tuple(body[at] << 8 | body[at + 1] for at in range(2 if function == 3 else 1, len(body), 2))
    if function == 3:
        return Frame("registers", unit, values=words, tid=tid)
    address, value = words
    if function == 5 and PULSE_AT <= address <= PULSE_AT + 0xFF:
        return Frame("pulse_ack", unit, address - PULSE_AT + 1, units=value, tid=tid)
    if function == 5 and (address, value) == (ALL_RELAYS, 0):
        return Frame("all_off_ack", unit, tid=tid)
    return Frame("write_ack", unit, function=function, address=address, value=value, tid=tid)


@dataclass(frozen=True, slots=True)
class RelayBoard(BoardCodec):
    """A board with or without inputs; without them there is nothing to read but its version."""

    kinds: ClassVar[dict[str, str]] = {
        "pulse": "pulse_ack",
        "all_off": "all_off_ack",
        **dict.fromkeys(REGISTERS, "registers"),
    }

    locks: int
    has_inputs: bool

    @abstractmethod
    def command(self, name: str, lock: int | None = None, **match: int) -> Request:
        """The request in this framing."""

    def open(self, lock: int, pulse_ms: int) -> Request:
        return self.command("pulse", lock, ms=pulse_ms)

    def reads(self) -> tuple[Request, ...]:
        return (self.command("inputs", count=INPUTS),) if self.has_inputs else ()

    def read(self, lock: int) -> Request | None:
        return self.command("inputs", count=INPUTS) if self.has_inputs and lock <= INPUTS else None

    def liveness(self) -> Request:
        return self.command("version")

    def safe_state(self) -> tuple[Request, ...]:
        return (self.command("all_off"),)

    def checks(self) -> tuple[Request, ...]:
        version = self.command("version")
        return (version, self.command("channel_modes")) if self.has_inputs else (version,)

    def fault(self, request: Request, answer: Answer) -> str | None:
        """Old firmware, or an input that drives its relay. A board that refuses the question has no such register."""
        if request.command == "version" and answer.values and answer.values[0] < OLDEST_VERSION:
            return f"firmware {answer.values[0] / 100:.2f} is not Modbus-compatible; 2.00 or later is needed"
        linked = [channel for channel, mode in enumerate(answer.values, start=1) if mode != NORMAL]
        if request.command == "channel_modes" and linked:
            channels = ", ".join(map(str, linked))
            return (
                f"channel {channels} is linked to its input, so a door contact would fire the lock; set its mode to 0"
            )
        return None

    def firmware(self, request: Request, answer: Answer) -> str | None:
        return f"{answer.values[0] / 100:.2f}" if request.command == "version" and answer.values else None

    def compare(self, frame: Frame, pending: Request) -> Sorted:
        """Transaction, board, command, lock, count (lock-boards.md 2.3, 3.6)."""
        if frame.tid != pending.match.get("tid"):
            return Foreign("transaction")
        if frame.kind == "exception" and frame.board == pending.board:
            return Reply() if frame.function == FUNCTIONS[pending.command] else Foreign("command")
        found = compare(frame, pending, self.kinds.get(pending.command, pending.command))
        return found if not isinstance(found, Reply) or _counts_agree(frame, pending) else Foreign("count")

    def read_answer(self, frame: Frame, request: Request) -> Answer:
        if frame.kind == "exception":
            reason = "busy" if frame.code == BUSY else f"exception-{frame.code:02X}"
            return Answer(accepted=False if request.command == "pulse" else None, reason=reason)
        if frame.kind == "inputs":
            return Answer(bits=by_lock(frame.bits, min(self.locks, INPUTS)))
        if frame.kind == "coils":
            return Answer(values=tuple(int(bit or 0) for bit in frame.bits))  # a relay is not a door
        return Answer(accepted=True if frame.kind == "pulse_ack" else None, values=frame.values)


def _counts_agree(frame: Frame, pending: Request) -> bool:
    if frame.kind == "pulse_ack":
        return frame.units == units_of(pending.match["ms"])
    if frame.kind == "registers":
        return len(frame.values) == REGISTERS[pending.command]
    if frame.kind in ("inputs", "coils"):
        return len(frame.bits) == 8 * -(-pending.match["count"] // 8)
    return True
