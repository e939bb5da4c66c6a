"""The options of an emulated cabinet: how its mechanics, its electronics and its protocol behave."""

from dataclasses import dataclass, fields
from typing import Literal, TypedDict

from openharbor.boards.emulator.families import Family

Feedback = Literal["closed_is_1", "open_is_1", "none"]


@dataclass(frozen=True, slots=True)
class Model:
    """Times in milliseconds, currents in milliampere. None: as the family usually has it.

    `sensor`: what the switch sees, the door or the latch's hook. `latch`: `memory` stays released until the door is
    shut, `momentary` engages when the current ends. `spring`: doors pop by themselves `pop_ms` after the release.
    `person` collects: somebody pulls 1 to 3 s after the release and shuts 10 s later. `cut_reads`: the input bit of a
    cut wire. `pulse_tolerance_percent`: how far a board's own timer may be off, drawn once a board.
    """

    feedback: Feedback | None = None
    sensor: Literal["door", "hook"] = "door"
    latch: Literal["memory", "momentary"] = "memory"
    spring: bool = True
    person: Literal["nobody", "collects"] = "nobody"
    cut_reads: Literal[0, 1] = 0
    pulse_ms: float = 500
    pulse_tolerance_percent: float = 0
    release_ms: float = 80
    pop_ms: float = 150
    burn_ms: float = 5000
    coil_ma: int = 2000
    limit_ma: int = 2500
    boot_ms: float = 800
    answer_delay_ms: float = 20
    unlock_answer_ms: float | None = None
    acknowledges: bool | None = None
    cooldown_ms: float = 0
    baud: int | None = None
    pushes: bool = True
    status_bytes: int | None = None  # xor8a80
    reply_layout: Literal["count", "etx"] = "count"  # kerong-cu48
    status_order: Literal["status_first", "lock_first"] = "status_first"  # winnsen
    sequence_count: bool = True  # wkly
    version: int = 200  # waveshare, times 100


class Options(TypedDict, total=False):
    """The same, as keyword arguments."""

    feedback: Feedback | None
    sensor: Literal["door", "hook"]
    latch: Literal["memory", "momentary"]
    spring: bool
    person: Literal["nobody", "collects"]
    cut_reads: Literal[0, 1]
    pulse_ms: float
    pulse_tolerance_percent: float
    release_ms: float
    pop_ms: float
    burn_ms: float
    coil_ma: int
    limit_ma: int
    boot_ms: float
    answer_delay_ms: float
    unlock_answer_ms: float | None
    acknowledges: bool | None
    cooldown_ms: float
    baud: int | None
    pushes: bool
    status_bytes: int | None
    reply_layout: Literal["count", "etx"]
    status_order: Literal["status_first", "lock_first"]
    sequence_count: bool
    version: int


def checked(model: Model) -> Model:
    """The model, if every number is in its range; raises ValueError naming the option and the limit."""
    for field in fields(model):
        value = getattr(model, field.name)
        if field.name.endswith(("_ms", "_ma")) and value is not None and not 0 <= value <= 600_000:
            raise ValueError(f"{field.name} must be 0 to 600000, not {value}")
    if not 0 <= model.pulse_tolerance_percent <= 50:
        raise ValueError(f"pulse_tolerance_percent must be 0 to 50, not {model.pulse_tolerance_percent}")
    if model.status_bytes is not None and not 1 <= model.status_bytes <= 7:
        raise ValueError(f"status_bytes must be 1 to 7, not {model.status_bytes}")
    return model


def feedback_of(model: Model, family: Family) -> str:
    """How the doors are wired: as told, or as the family usually is."""
    return model.feedback or family.feedback
