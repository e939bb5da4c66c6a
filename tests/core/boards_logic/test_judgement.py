"""The table of outcomes, row by row (lock-boards.md 4.6)."""

from dataclasses import replace
from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openharbor.boards.judgement import Evidence, Sensor, judge
from openharbor.boards.outcomes import Acknowledgement, DoorState

ACKNOWLEDGED = Evidence(sent=True, ack="positive", before="closed", after="closed", duration_ms=42)
SILENT = Evidence(sent=True, ack="none", before="closed", after="closed")


def test_row_1_a_line_that_is_down_leaves_the_pulse_unsent_and_may_be_tried_again() -> None:
    outcome = judge(Evidence(sent=False, before="closed"))
    assert (outcome.outcome, outcome.pulse, outcome.retry, outcome.reason) == ("unreachable", "not_sent", True, "")


@pytest.mark.parametrize("why", ["expired", "journal", "rate", "offline"])
def test_row_1_what_was_not_sent_for_a_lasting_reason_is_not_tried_again(why: str) -> None:
    outcome = judge(Evidence(sent=False, why=why))
    assert (outcome.outcome, outcome.pulse, outcome.retry, outcome.reason) == ("unreachable", "not_sent", False, why)


@pytest.mark.parametrize("ack", get_args(Acknowledgement))
def test_row_2_a_door_seen_to_open_is_opened_whatever_the_board_said(ack: Acknowledgement) -> None:
    outcome = judge(replace(SILENT, ack=ack, opened=True, after="open"))
    assert (outcome.outcome, outcome.confirmed, outcome.retry, outcome.pulse) == ("opened", True, False, "sent")
    assert (outcome.door_before, outcome.door_after) == ("closed", "open")


@pytest.mark.parametrize("before", ["closed", "unknown"])
def test_row_3_a_door_that_stays_shut_after_an_acknowledged_pulse_is_jammed(before: DoorState) -> None:
    outcome = judge(replace(ACKNOWLEDGED, before=before))
    assert (outcome.outcome, outcome.confirmed, outcome.retry, outcome.duration_ms) == ("jammed", False, False, 42)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"sensor": "ignored"}, "ignored"),
        ({"sensor": "none"}, "no_sensor"),
        ({"before": "open", "after": "open"}, "already_open"),
        ({"before": "unknown", "after": "open"}, "already_open"),
        ({"after": "unknown"}, "unreadable"),
        ({"lapsed": True}, "unreadable"),
    ],
)
def test_row_4_without_a_sensor_to_believe_an_acknowledged_pulse_is_unconfirmed(
    changed: dict[str, str], reason: str
) -> None:
    outcome = judge(replace(ACKNOWLEDGED, **changed))  # type: ignore[arg-type]  # fields by name
    assert (outcome.outcome, outcome.reason, outcome.confirmed, outcome.retry) == ("unconfirmed", reason, False, False)


@pytest.mark.parametrize("sensor", ["ignored", "none"])
def test_without_a_sensor_the_door_counts_as_unknown_in_every_row(sensor: Sensor) -> None:
    outcome = judge(replace(ACKNOWLEDGED, sensor=sensor, opened=True, after="open"))
    assert outcome.outcome == "unconfirmed"
    assert (outcome.door_before, outcome.door_after) == ("unknown", "unknown")


def test_row_5_a_negative_answer_is_refused_with_its_reason() -> None:
    outcome = judge(replace(ACKNOWLEDGED, ack="negative", refusal="cooldown"))
    assert (outcome.outcome, outcome.reason, outcome.retry, outcome.pulse) == ("refused", "cooldown", False, "sent")


@pytest.mark.parametrize(("after", "expected"), [("closed", "jammed"), ("unknown", "unconfirmed")])
def test_row_6_a_board_that_may_stay_silent_and_answers_the_next_read_is_taken_as_acknowledging(
    after: DoorState, expected: str
) -> None:
    outcome = judge(replace(SILENT, answered_next=True, after=after))
    assert (outcome.outcome, outcome.ack, outcome.retry) == (expected, "none", False)


def test_row_7_a_door_read_as_closed_after_the_proof_time_may_be_fired_again() -> None:
    outcome = judge(replace(SILENT, proof="closed"))
    assert (outcome.outcome, outcome.pulse, outcome.retry) == ("unreachable", "unknown", True)


@pytest.mark.parametrize(
    "evidence",
    [
        replace(SILENT, proof="unknown"),
        replace(SILENT, proof="open"),
        replace(SILENT, before="open", proof="closed"),
        replace(SILENT, sensor="ignored", proof="closed"),
        replace(SILENT, sensor="none", proof="closed"),
        replace(SILENT, sensor="suspect", proof="closed"),
    ],
)
def test_row_8_in_doubt_nothing_may_be_fired_again(evidence: Evidence) -> None:
    outcome = judge(evidence)
    assert (outcome.outcome, outcome.pulse, outcome.retry) == ("unreachable", "unknown", False)


DOORS = st.sampled_from(get_args(DoorState))
EVIDENCE = st.builds(
    Evidence,
    sent=st.booleans(),
    why=st.sampled_from(["", "expired", "journal", "rate", "offline"]),
    ack=st.sampled_from(get_args(Acknowledgement)),
    sensor=st.sampled_from(get_args(Sensor)),
    before=DOORS,
    after=DOORS,
    opened=st.booleans(),
    lapsed=st.booleans(),
    answered_next=st.booleans(),
    proof=DOORS,
)


@given(EVIDENCE)
def test_a_second_pulse_is_allowed_only_when_none_left_or_the_door_is_proven_shut(evidence: Evidence) -> None:
    outcome = judge(evidence)
    if outcome.retry:
        unsent = outcome.pulse == "not_sent"
        proven = evidence.proof == "closed" and evidence.sensor == "usable" and evidence.ack == "none"
        assert unsent or proven


@given(EVIDENCE)
def test_opened_and_confirmed_are_said_only_of_a_door_that_was_seen_to_open(evidence: Evidence) -> None:
    outcome = judge(evidence)
    assert outcome.confirmed == (outcome.outcome == "opened")
    if outcome.confirmed:
        assert evidence.sent
        assert evidence.opened
        assert evidence.sensor in ("usable", "suspect")


def test_every_combination_has_an_outcome() -> None:
    for ack, sensor, before, after, proof in product(
        get_args(Acknowledgement), get_args(Sensor), get_args(DoorState), get_args(DoorState), get_args(DoorState)
    ):
        judge(Evidence(sent=True, ack=ack, sensor=sensor, before=before, after=after, proof=proof))
