"""Every fault the cabinet knows (lock-boards.md 6.3): its group, its options and limits, and whom it can strike."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Group = Literal["mechanics", "sensor", "answer", "timing", "truth", "bus", "link", "power"]
Value = float | int | str | bool | None

MODBUS = ("waveshare", "modbus-tcp")
MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class Number:
    """A number of `low` to `high`; a default of None means that the fault chooses."""

    low: float
    high: float
    default: float | None = None
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words; the first is the default."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Switch:
    """True or false; false unless told."""


Option = Number | Choice | Switch


@dataclass(frozen=True, slots=True)
class Kind:
    """`families` and `lines` None: all of them. `needs`: what the target must name. `once`: an event, over at once.

    `countable` false: a state that nothing strikes; it ends by its time or when removed. `deafness`: the board does
    not hear a request.
    """

    group: Group
    options: Mapping[str, Option] = field(default_factory=dict)
    families: tuple[str, ...] | None = None
    lines: tuple[str, ...] | None = None
    needs: Literal["", "board", "lock"] = ""
    once: bool = False
    countable: bool = True
    deafness: bool = False

    @property
    def asked(self) -> bool:
        """Whether it strikes requests or their answers, so that it can be for unlocks only, or for reads."""
        return self.group in ("answer", "timing") or self.deafness


def _ms(default: float | None = None) -> Number:
    return Number(0, 10 * MINUTE, default, whole=False)


_MECHANICS = {
    "stuck_door": Kind("mechanics"),
    "latch_jammed": Kind("mechanics"),
    "weak_spring": Kind("mechanics"),
    "relatches": Kind("mechanics"),
    "coil_burnt": Kind("mechanics"),
    "coil_stuck_on": Kind("mechanics", countable=False),
    "opens_by_itself": Kind("mechanics", needs="lock", once=True),
}
_SENSOR = {
    "wire_cut": Kind("sensor"),
    "wire_short": Kind("sensor"),
    "polarity_inverted": Kind("sensor"),
    "bounce": Kind("sensor", {"n": Number(1, 100, 6), "ms": _ms(40)}),
    "wires_crossed": Kind("sensor", {"a": Number(1, 64), "b": Number(1, 64)}, needs="board"),
    "sensor_stuck": Kind("sensor"),
    "unreadable": Kind("sensor", families=("wkly",)),
}
_CHECKED = ("kerong-cu16", "kerong-cu24", "kerong-cu48", "xor8a80", "wkly", "waveshare")
_ANSWER = {
    "checksum_wrong": Kind("answer", families=_CHECKED),
    "half_frame": Kind("answer", {"n": Number(0, 300)}),
    "split": Kind("answer", {"n": Number(1, 300), "gap_ms": _ms(10)}),
    "merged": Kind("answer"),
    "noise_before": Kind("answer", {"n": Number(1, 300)}),
    "noise_after": Kind("answer", {"n": Number(1, 300)}),
    "bit_flip": Kind("answer", {"p": Number(0, 1, whole=False)}),
    "garbage": Kind("answer"),
    "wrong_board": Kind("answer", {"shows": Number(0, 255)}),
    "wrong_lock": Kind("answer", {"shows": Number(1, 64)}),
    "exception": Kind("answer", {"code": Number(1, 255, 4)}, families=MODBUS),
    "status_code": Kind("answer", {"v": Number(0, 255), "short": Switch()}, families=("wkly", "winnsen")),
}
_TIMING = {
    "no_reply": Kind("timing"),
    "late_reply": Kind("timing", {"ms": _ms(1000)}),
    "late_into_next": Kind("timing"),
    "duplicate_reply": Kind("timing", {"gap_ms": _ms(0)}),
    "slow": Kind("timing", {"ms_per_byte": _ms(1)}),
}
_TRUTH = {
    "acts_without_reply": Kind("truth"),
    "replies_without_acting": Kind("truth"),
    "ignores_request": Kind("truth", deafness=True),
    "fires_wrong_lock": Kind("truth", {"fires": Number(1, 64)}),
    "fires_twice": Kind("truth", {"gap_ms": _ms(300)}),
    "cooldown": Kind("truth", {"ms": _ms(5000)}),
    "busy_after_unlock": Kind("truth", families=("kerong-cu16",)),
}
_BUS = {
    "echo": Kind("bus"),
    "duplicate_address": Kind(
        "bus", {"doors": Choice(("same", "different")), "answers": Choice(("follow", "collide"))}, needs="board"
    ),
    "collision": Kind("bus"),
    "baud_mismatch": Kind("bus", deafness=True),
    "push_flood": Kind("bus", {"every_ms": Number(1, MINUTE, 20)}, families=("wkly",), countable=False),
    "push_lost": Kind("bus", families=("wkly",)),
    "push_inside_reply": Kind("bus", families=("wkly",)),
    "too_fast_deaf": Kind("bus"),
}
_LINK = {
    "tcp_refuse": Kind("link", lines=("tcp",), countable=False),
    "tcp_reset": Kind("link", {"at_byte": Number(0, 300, 0)}, lines=("tcp",)),
    "tcp_half_open": Kind("link", lines=("tcp",), countable=False),
    "tcp_one_client": Kind("link", {"keeps": Choice(("last", "first"))}, lines=("tcp",), countable=False),
    "pty_unplug": Kind("link", lines=("pty",), countable=False),
    "header_mode_wrong": Kind("link", families=MODBUS),
}
_POWER = {
    "power_off": Kind("power", countable=False),
    "power_on": Kind("power", once=True),
    "power_cut_at": Kind(
        "power",
        {
            "request_byte": Number(0, 300),
            "answer_byte": Number(0, 300),
            "pulse_ms": _ms(),
            "off_ms": _ms(1000),
        },
    ),
    "brown_out": Kind("power", once=True),
    "reboot": Kind("power", once=True),
    "pulse_timer_drift": Kind("power", {"percent": Number(-90, 900, 50, whole=False)}),
    "old_firmware": Kind("power", families=MODBUS, countable=False),
    "mode_linked": Kind("power", {"ch": Number(1, 32)}, families=MODBUS, needs="board", countable=False),
}

KINDS: Mapping[str, Kind] = {**_MECHANICS, **_SENSOR, **_ANSWER, **_TIMING, **_TRUTH, **_BUS, **_LINK, **_POWER}
SENSOR_KINDS = tuple(_SENSOR)
REQUIRED = {"wires_crossed": ("a", "b"), "mode_linked": ("ch",), "split": ("n",)}


def options_of(type_: str, given: Mapping[str, Value]) -> dict[str, Value]:
    """The options of a fault with their defaults; raises ValueError naming the option and its limit."""
    known = KINDS[type_].options
    for name in given:
        if name not in known:
            raise ValueError(f"{type_} has no option {name!r}" + (f"; it has {', '.join(known)}" if known else ""))
    for name in REQUIRED.get(type_, ()):
        if given.get(name) is None:
            raise ValueError(f"{type_} needs the option {name!r}")
    return {name: _value(f"{type_}.{name}", option, given.get(name)) for name, option in known.items()}


def _value(name: str, option: Option, value: Value) -> Value:
    if isinstance(option, Switch):
        return _switch(name, value)
    if isinstance(option, Choice):
        if value is not None and value not in option.words:
            raise ValueError(f"{name} must be one of {', '.join(option.words)}, not {value!r}")
        return option.words[0] if value is None else value
    return option.default if value is None else _number(name, option, value)


def _switch(name: str, value: Value) -> bool:
    if value is not None and not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, not {value!r}")
    return bool(value)


def _number(name: str, option: Number, value: Value) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not option.low <= value <= option.high or (option.whole and value != int(value)):  # type: ignore[operator, arg-type]  # a number by then
        what = "a whole number" if option.whole else "a number"
        raise ValueError(f"{name} must be {what} of {option.low:g} to {option.high:g}, not {value!r}")
    return int(value) if option.whole else float(value)  # type: ignore[arg-type]  # a number by now
