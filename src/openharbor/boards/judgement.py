"""What an attempt to open came to: the table of lock-boards.md 4.6 as one decision."""

from dataclasses import dataclass
from typing import Literal

from openharbor.boards.outcomes import Acknowledgement, DoorState, OpenOutcome

Sensor = Literal["usable", "suspect", "ignored", "none"]

FINAL = ("expired", "journal", "rate", "offline")  # reasons for sending nothing that no repeat changes


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of one attempt when it is judged.

    `sent`: at least one byte may have left. `why`: if not, why not ("" for a line that is down). `before`: the
    debounced door when the frame left, `after`: now. `opened`: accepted as gone from closed to open since then.
    `lapsed`: a door that could be read became unreadable since then. `answered_next`: no acknowledgement, but the board
    answered the next status read and is of a family that may stay silent (row 6). `proof`: a read made after the proof
    time.
    """

    sent: bool
    why: str = ""
    ack: Acknowledgement = "none"
    refusal: str = ""
    sensor: Sensor = "usable"
    before: DoorState = "unknown"
    after: DoorState = "unknown"
    opened: bool = False
    lapsed: bool = False
    answered_next: bool = False
    proof: DoorState = "unknown"
    duration_ms: int = 0


def judge(evidence: Evidence) -> OpenOutcome:
    """The outcome, by the first row of the table that fits. Without a usable sensor the door counts as unknown."""
    seen = evidence.sensor in ("usable", "suspect")
    if not evidence.sent:  # row 1
        return _outcome(evidence, "unreachable", reason=evidence.why, retry=evidence.why not in FINAL)
    if seen and evidence.opened:  # row 2
        return _outcome(evidence, "opened")
    if evidence.ack == "negative":  # row 5
        return _outcome(evidence, "refused", reason=evidence.refusal or "failed")
    if evidence.ack == "positive" or evidence.answered_next:  # rows 3, 4 and 6
        reason = _unconfirmed_because(evidence)
        return _outcome(evidence, "unconfirmed", reason=reason) if reason else _outcome(evidence, "jammed")
    return _outcome(evidence, "unreachable", retry=_proven_shut(evidence))  # rows 7 and 8


def _unconfirmed_because(evidence: Evidence) -> str:
    """Row 4; "" where the door was readable and closed all the time."""
    if evidence.sensor == "ignored":
        return "ignored"
    if evidence.sensor == "none":
        return "no_sensor"
    if "open" in (evidence.before, evidence.after):
        return "already_open"
    return "unreadable" if evidence.after == "unknown" or evidence.lapsed else ""


def _proven_shut(evidence: Evidence) -> bool:
    """Row 7. A door that was open before, or a sensor in doubt, proves nothing."""
    return evidence.sensor == "usable" and evidence.before != "open" and evidence.proof == "closed"


def _outcome(
    evidence: Evidence,
    outcome: Literal["opened", "unconfirmed", "jammed", "refused", "unreachable"],
    *,
    reason: str = "",
    retry: bool = False,
) -> OpenOutcome:
    seen = evidence.sensor in ("usable", "suspect")
    certain = evidence.ack != "none" or evidence.answered_next or outcome == "opened"
    return OpenOutcome(
        outcome=outcome,
        pulse="not_sent" if not evidence.sent else ("sent" if certain else "unknown"),
        ack=evidence.ack,
        door_before=evidence.before if seen else "unknown",
        door_after=evidence.after if seen else "unknown",
        confirmed=outcome == "opened",
        retry=retry,
        reason=reason,
        duration_ms=evidence.duration_ms,
    )
