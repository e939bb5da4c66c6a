"""The parameters of a connection URL (lock-boards.md 5.1): how each is read, its default, where it belongs.

Readers raise ValueError with the limit; the caller adds the parameter's name.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from openharbor.boards.protocols.codec import Family
from openharbor.boards.protocols.families import FAMILIES

Draft = dict[str, Any]  # the fields of an Address read so far
Read = Callable[[str, Draft], Any]

BAUDRATES = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 128000, 256000)
QUIET_MS = {"serial": 20, "tcp": 50, "virtual": 20}
VIRTUAL_LOCKS = 16  # of an emulated board whose family has no number of its own
HIGHEST_DIP_SWITCH = 31  # xor8a80: some vendor texts go to C8
NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")


class Parameter(NamedTuple):
    """`default` may look at fields that stand earlier in the table."""

    read: Read
    default: Callable[[Draft], Any]
    belongs: Callable[[Draft], bool] = lambda _: True


def silence_ms(baud: int, bits_per_char: int) -> int:
    """Silence in milliseconds before a frame on RS-485: 3.5 characters, never under 1.75 ms, and 1 ms (2.1)."""
    pause_ms = 3.5 * bits_per_char * 1000 / baud if baud <= 19200 else 1.75
    return math.ceil(pause_ms + 1)


def family_of(draft: Mapping[str, Any]) -> Family:
    return FAMILIES[draft["family"]]


def boards_of(draft: Mapping[str, Any]) -> range:
    """The board addresses this bus may have; `board_max` raises the last one of xor8a80 (3.4)."""
    boards = family_of(draft).boards
    return range(boards.start, (draft["board_max"] or boards[-1]) + 1)


def _whole(text: str, limits: range) -> int:
    if not re.fullmatch(r"[0-9]{1,7}", text) or int(text) not in limits:
        raise ValueError(f"must be a whole number from {limits[0]} to {limits[-1]}")
    return int(text)


def _number(least: int, most: int) -> Read:
    return lambda text, _: _whole(text, range(least, most + 1))


def _one_of(values: Mapping[str, Any]) -> Read:
    def read(text: str, _: Draft) -> Any:
        if text not in values:
            raise ValueError(f"must be one of {', '.join(values)}")
        return values[text]

    return read


def _words(*values: str) -> Read:
    return _one_of({value: value for value in values})


def _sensors(text: str, draft: Draft) -> frozenset[int]:
    limits = range(1, (draft["locks"] or family_of(draft).locks[-1]) + 1)
    parts = [re.fullmatch(r"([0-9]{1,3})(?:-([0-9]{1,3}))?", part) for part in text.split(",")]
    spans = [(int(part[1]), int(part[2] or part[1])) for part in parts if part]
    if len(spans) != len(parts) or any(a not in limits or b not in limits or a > b for a, b in spans):
        raise ValueError(f"must be locks from {limits[0]} to {limits[-1]}, such as 1-8,10")
    return frozenset(lock for first, last in spans for lock in range(first, last + 1))


def show_sensors(sensors: frozenset[int]) -> str:
    """The shortest list of spans, ascending: 1-8,10."""
    firsts = sorted(lock for lock in sensors if lock - 1 not in sensors)
    lasts = sorted(lock for lock in sensors if lock + 1 not in sensors)
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in zip(firsts, lasts, strict=True))


def _supply(text: str, _: Draft) -> str:
    if not NAME.fullmatch(text):
        raise ValueError("must be a name of 1 to 64 letters, digits, '.', '_' and '-'")
    return text


def _board(text: str, draft: Draft) -> int:
    return _whole(text, boards_of(draft))


def _locks(text: str, draft: Draft) -> int:
    return _whole(text, family_of(draft).locks)


def _default_board(draft: Draft) -> int:
    if draft["transport"] != "virtual":
        raise ValueError("must be given")
    return family_of(draft).boards[0]


def _default_locks(draft: Draft) -> int | None:
    family = family_of(draft)
    if draft["transport"] == "virtual":
        return family.default_locks or VIRTUAL_LOCKS
    if family.default_locks is None and not family.pushes:  # WKLY tells by its answer
        raise ValueError("must be given for this driver")
    return family.default_locks


def _default_feedback(draft: Draft) -> str | None:
    return "closed_is_1" if draft["transport"] == "virtual" else None


def _default_silence(draft: Draft) -> int:
    bits = 1 + 8 + (draft["parity"] != "N") + int(draft["stopbits"])
    return silence_ms(draft["baudrate"], bits)


def _on(*transports: str) -> Callable[[Draft], bool]:
    return lambda draft: draft["transport"] in transports


def _for(*families: str) -> Callable[[Draft], bool]:
    return lambda draft: draft["family"] in families


def _is(value: Any) -> Callable[[Draft], Any]:
    return lambda _: value


_FLAG = _one_of({"0": False, "1": True})

PARAMETERS: Mapping[str, Parameter] = {
    "board_max": Parameter(_number(HIGHEST_DIP_SWITCH, 200), _is(None), _for("xor8a80")),
    "board": Parameter(_board, _default_board),
    "locks": Parameter(_locks, _default_locks),
    "feedback": Parameter(_words("closed_is_1", "open_is_1", "none"), _default_feedback),
    "sensor": Parameter(_words("hook", "door"), _is("hook")),
    "sensors": Parameter(_sensors, _is(None)),
    "baudrate": Parameter(
        _one_of({str(rate): rate for rate in BAUDRATES}), lambda draft: family_of(draft).baud, _on("serial")
    ),
    "parity": Parameter(_words("N", "E", "O"), _is("N"), _on("serial")),
    "stopbits": Parameter(_number(1, 2), _is(1), _on("serial")),
    "echo": Parameter(
        _one_of({"auto": None, "0": False, "1": True}),
        lambda draft: None if family_of(draft).serial else False,
        lambda draft: family_of(draft).serial,
    ),
    "supply": Parameter(_supply, _is(None)),
    "reply_layout": Parameter(_words("count", "etx"), _is("count"), _for("kerong-cu48")),
    "status_order": Parameter(_words("status_first", "lock_first"), _is("status_first"), _for("winnsen")),
    "status_bytes": Parameter(_number(1, 7), _is(None), _for("xor8a80")),
    "busy_reset": Parameter(_FLAG, _is(False), _for("kerong-cu16")),
    "native_open_all": Parameter(_FLAG, _is(False), _for("wkly", "xor8a80")),
    "sequence_count": Parameter(_FLAG, _is(True), _for("wkly")),
    "read_ms": Parameter(_number(10, 10_000), lambda draft: family_of(draft).read_ms),
    "unlock_ms": Parameter(_number(10, 20_000), lambda draft: family_of(draft).unlock_ms),
    "pulse_ms": Parameter(_number(1, 2_000), _is(None)),
    "quiet_ms": Parameter(_number(1, 1_000), lambda draft: QUIET_MS[draft["transport"]]),
    "gap_ms": Parameter(_number(0, 1_000), lambda draft: 20 if draft["transport"] == "tcp" else 0, _on("tcp")),
    "silence_ms": Parameter(
        _number(0, 1_000),
        lambda draft: 0 if draft["transport"] == "tcp" else _default_silence(draft),
        _on("serial", "virtual"),
    ),
    "poll_ms": Parameter(_number(50, 60_000), _is(500)),
    "fast_poll_ms": Parameter(_number(10, 60_000), _is(150)),
    "min_repeat_ms": Parameter(_number(0, 60_000), _is(1_500)),
}  # in reading order


def written(name: str, draft: Mapping[str, Any]) -> str:
    """The name a parameter has in the URL of this family: `unit` for the board address of Modbus."""
    return family_of(draft).address_name if name == "board" else name


def show(value: Any) -> str:
    """A parameter's value as it stands in the URL."""
    if isinstance(value, frozenset):
        return show_sensors(value)
    return str(int(value)) if isinstance(value, bool) else str(value)
