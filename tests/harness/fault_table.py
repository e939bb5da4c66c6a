"""Which outcome the contract names for each fault of the emulated cabinet (lock-boards.md 4.6 and 6.3)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from harness.api import Reply

Sees = Literal["", "open", "closed", "unknown"]


@dataclass(frozen=True)
class Outcome:
    """What the caller gets. `confirmed` and `door` as the answer tells them."""

    status: int
    error: str
    confirmed: bool | None
    door: str


OPENED = Outcome(200, "", True, "True")  # row 2
ALREADY = Outcome(200, "", False, "True")  # row 4, already_open
JAMMED = Outcome(500, "HARDWARE_MALFUNCTION", None, "false")  # row 3
BLIND = Outcome(500, "HARDWARE_MALFUNCTION", None, "unknown")  # row 4, unreadable; row 5 with a door in doubt
GONE = Outcome(503, "CONTROLLER_UNREACHABLE", None, "unknown")  # rows 1, 7 and 8
BACK = (OPENED, ALREADY, GONE)  # from a board that went away and came back

Expected = Outcome | tuple[Outcome, ...]


def outcome_of(answer: Reply) -> Outcome:
    """An answer as a row of the table."""
    if answer.status == 200:
        return Outcome(200, "", answer.body["confirmed"], str(answer.body["doorOpen"]))
    return Outcome(answer.status, answer.error, None, answer.body["details"].get("doorOpen", ""))


EVERY = (
    "kerong-cu16",
    "kerong-cu24",
    "kerong-cu48",
    "xor8a80",
    "wkly",
    "waveshare",
    "waveshare-pty",
    "modbus-tcp",
    "winnsen",
)
SILENT = ("kerong-cu16", "kerong-cu24")  # need not acknowledge: row 6
MODBUS = ("waveshare", "waveshare-pty", "modbus-tcp")
TCP = tuple(line for line in EVERY if line != "waveshare-pty")
CHECKED = tuple(line for line in EVERY if line not in ("modbus-tcp", "winnsen"))


@dataclass(frozen=True)
class Case:
    """One fault. `on`: the lines it is tried on. `expected`, and `but` for lines that differ.

    `sees`: what the gateway must have read of the door before it is asked to open. `whole_board`: the fault strikes the
    board, not one lock. `settled`: it has struck before the gateway is asked to open, and the board was read again.
    `pulses`: how many may reach the lock, None: not told here.
    """

    fault: str
    expected: Expected
    but: Mapping[str, Expected] = field(default_factory=dict)
    on: tuple[str, ...] = EVERY
    options: Mapping[str, Any] = field(default_factory=dict)
    whole_board: bool = False
    settled: bool = False
    sees: Mapping[str, Sees] = field(default_factory=dict)
    pulses: tuple[int, ...] = (1,)
    pulses_but: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    name: str = ""

    def expects(self, line: str) -> tuple[Outcome, ...]:
        found = self.but.get(line, self.expected)
        return found if isinstance(found, tuple) else (found,)

    def expects_pulses(self, line: str) -> tuple[int, ...]:
        return self.pulses_but.get(line, self.pulses)

    @property
    def title(self) -> str:
        return self.name or self.fault


def _for(lines: tuple[str, ...], value: Any) -> dict[str, Any]:
    return dict.fromkeys(lines, value)


ONE = {"count": 1}
# A cut wire reads 0: "open" for closed_is_1, "closed" for Winnsen's open_is_1. A short one reads the other way.
CUT_READS: dict[str, Sees] = {**_for(EVERY, "open"), "winnsen": "closed"}
SHORT_READS: dict[str, Sees] = {**_for(EVERY, "closed"), "winnsen": "open"}

MECHANICS = [
    Case("stuck_door", JAMMED),
    Case("latch_jammed", JAMMED),
    Case("weak_spring", JAMMED),
    Case("relatches", JAMMED),
    Case("coil_burnt", JAMMED),
    Case("coil_stuck_on", OPENED),
    Case("opens_by_itself", ALREADY, sees=_for(EVERY, "open")),
]
SENSOR = [
    Case("wire_cut", ALREADY, {"winnsen": JAMMED}, sees=CUT_READS),
    Case("wire_short", JAMMED, {"winnsen": ALREADY}, sees=SHORT_READS),
    Case("polarity_inverted", ALREADY, sees=_for(EVERY, "open")),
    Case("bounce", OPENED),
    Case("sensor_stuck", JAMMED),
    Case("unreadable", BLIND, on=("wkly",), sees={"wkly": "unknown"}),
    Case("wires_crossed", JAMMED, whole_board=True, options={"a": 0, "b": 0}),
]
# Such an answer ends a stream with headers (2.2); a door not seen before the line is back is not said to be shut.
STREAM: dict[str, Expected] = {"modbus-tcp": (OPENED, BLIND, GONE)}

ANSWER = [
    # The unlock answer is spoilt, but the door is seen to open: row 2, whatever the acknowledgement.
    Case("checksum_wrong", OPENED, on=CHECKED, options=ONE),
    Case("half_frame", OPENED, STREAM, options=ONE),
    Case("split", OPENED, options={"n": 2, "gap_ms": 5, **ONE}),
    Case("merged", OPENED, STREAM, options=ONE),
    Case("noise_before", OPENED, STREAM, options=ONE),
    Case("noise_after", OPENED, STREAM, options=ONE),
    Case("bit_flip", OPENED, STREAM, options=ONE),
    Case("garbage", OPENED, STREAM, options=ONE),
    Case("wrong_board", OPENED, options=ONE),
    Case("wrong_lock", OPENED, options=ONE),
    Case("collision", OPENED, STREAM, options=ONE),
    Case("exception", JAMMED, on=MODBUS, pulses=(0,)),
    Case("exception", JAMMED, on=MODBUS, options={"code": 6}, pulses=(0,), name="exception-06-busy"),
    Case("status_code", JAMMED, on=("wkly",), options={"v": 0xFF}, pulses=(0,), name="status_code-failed"),
    Case("status_code", JAMMED, on=("wkly",), options={"v": 1}, pulses=(0,), name="status_code-one"),
    Case("status_code", JAMMED, on=("winnsen",), options={"v": 0}, pulses=(0,), name="status_code-zero"),
    Case("status_code", JAMMED, on=("winnsen",), options={"v": 2}, pulses=(0,), name="status_code-cooldown"),
]
TIMING = [
    Case("no_reply", OPENED, options=ONE),
    Case("late_reply", OPENED, options={"ms": 3000, **ONE}),
    Case("late_into_next", OPENED, options=ONE),
    Case("duplicate_reply", OPENED, options=ONE),
    Case("slow", OPENED, options={"ms_per_byte": 3, **ONE}),
]
TRUTH = [
    Case("acts_without_reply", OPENED),
    Case("replies_without_acting", JAMMED, pulses=(0,)),
    # Without an acknowledgement: row 7 tries three times, row 6 judges as if acknowledged.
    Case("ignores_request", GONE, _for(SILENT, JAMMED), pulses=(0,)),
    Case(
        "ignores_request",
        OPENED,
        _for(SILENT, JAMMED),
        options=ONE,
        pulses_but=_for(SILENT, (0,)),
        name="ignores_request-once",
    ),
    Case("fires_wrong_lock", JAMMED, pulses=(0,)),
    Case("fires_twice", OPENED, pulses=(1, 2)),
]
BUS = [
    Case("duplicate_address", OPENED, whole_board=True),
    Case("baud_mismatch", GONE, whole_board=True, pulses=(0,)),
    Case("push_flood", OPENED, on=("wkly",), whole_board=True),
    Case("push_lost", OPENED, on=("wkly",)),
    Case("push_inside_reply", OPENED, on=("wkly",), options=ONE),
    Case("too_fast_deaf", OPENED, whole_board=True),
]
LINK = [
    Case("tcp_refuse", GONE, on=TCP, whole_board=True, pulses=(0,)),
    Case("tcp_reset", (OPENED, BLIND, GONE), on=TCP, whole_board=True, settled=True, options=ONE),
    Case("tcp_half_open", GONE, on=TCP, whole_board=True, pulses=(0,)),
    Case("tcp_one_client", OPENED, on=TCP, whole_board=True),
    Case("pty_unplug", GONE, on=("waveshare-pty",), whole_board=True, pulses=(0,)),
    Case("header_mode_wrong", (GONE, BLIND), on=MODBUS, whole_board=True, pulses=(0, 1)),
]
POWER = [
    Case("power_off", GONE, whole_board=True, pulses=(0,)),
    # Row 7 fires again once the door was read; a board that is still starting at the proof read ends it (row 8). A door
    # that was lost in the meantime and is first read as open has opened, but nobody saw it do so (row 4).
    Case("reboot", BACK, _for(SILENT, (*BACK, JAMMED)), whole_board=True, pulses=(0, 1)),
    Case("brown_out", BACK, _for(SILENT, (*BACK, JAMMED)), whole_board=True, pulses=(0, 1)),
    Case("pulse_timer_drift", OPENED),
]

CASES = [*MECHANICS, *SENSOR, *ANSWER, *TIMING, *TRUTH, *BUS, *LINK, *POWER]
