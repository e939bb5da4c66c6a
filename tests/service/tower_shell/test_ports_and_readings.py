"""Which lock a port is, what a board's word is worth, and which readings the device is told."""

import pytest
from msgspec.structs import replace

from harness.towers import provision
from openharbor.blink.events import DROPPED_OFF
from openharbor.boards.address import parse
from openharbor.boards.outcomes import OpenOutcome
from openharbor.tower.app import version_of
from openharbor.tower.cabinet import Contact, Place, outcome_of, places_of
from openharbor.tower.door_news import news
from openharbor.tower.power_up import provisioned
from openharbor.tower.state import Opening, Pending, PulseOutcome, Tower

CU16 = "kerong-cu16+tcp://127.0.0.1:5000?board={}&feedback=closed_is_1"
SHUT, OPEN, UNREAD = Contact(False, 10.0), Contact(True, 10.0), Contact(None, None)


def tower(*, pending: bool = False, fired_ms: int | None = None) -> Tower:
    """Two lockers at ports 0 and 1, both doors known as shut; an opening of the first on its way."""
    made = replace(provisioned(provision(2, made_at=0), bytes(32)), doors={1: False, 2: False})
    if not pending:
        return made
    opening = Opening(number=1, reason=DROPPED_OFF, started=0)
    return replace(made, pending=Pending(opening=opening, port=0, asked=None, iv=b"", fired_ms=fired_ms))


def outcome(kind: str, pulse: str, reason: str = "") -> OpenOutcome:
    given = {"outcome": kind, "pulse": pulse, "ack": "none", "door_before": "closed", "door_after": "closed"}
    return OpenOutcome(**given, confirmed=False, retry=False, reason=reason, duration_ms=1)  # type: ignore[arg-type]  # words of the test table


def test_locks_are_counted_through_the_boards() -> None:
    places = places_of([parse(CU16.format(0)), parse(f"{CU16.format(1)}&locks=12")])
    assert len(places) == 28
    assert (places[0], places[15], places[16], places[27]) == (Place(0, 1), Place(0, 16), Place(1, 1), Place(1, 12))


def test_a_board_has_to_say_how_many_locks_it_has() -> None:
    with pytest.raises(ValueError, match=r"boards\[1\].*locks"):
        places_of([parse(CU16.format(0)), parse("wkly+tcp://127.0.0.1:5001?board=0")])


@pytest.mark.parametrize(
    ("kind", "pulse", "reason", "worth"),
    [
        ("unreachable", "not_sent", "", "failed"),
        ("unreachable", "not_sent", "expired", "failed"),
        ("unreachable", "unknown", "", "unknown"),
        ("unconfirmed", "sent", "ignored", "sent"),
        ("refused", "sent", "exception-02", "failed"),
        ("refused", "sent", "busy", "failed"),
        ("refused", "sent", "cooldown", "failed"),
        ("refused", "sent", "failed", "unknown"),
    ],
)
def test_only_what_surely_fired_nothing_has_failed(kind: str, pulse: str, reason: str, worth: PulseOutcome) -> None:
    assert outcome_of(outcome(kind, pulse, reason)) == worth


def test_only_what_differs_is_told() -> None:
    told: dict[int, bool | None] = {0: False, 1: False}
    assert news(tower(), {0: SHUT, 1: SHUT}, told, None) == {}
    assert news(tower(), {0: SHUT, 1: OPEN}, told, None) == {1: True}
    assert news(tower(), {0: UNREAD, 1: SHUT}, told, None) == {0: None}


def test_a_door_that_the_device_knows_nothing_of_is_told() -> None:
    forgotten = replace(tower(), doors={2: False})
    assert news(forgotten, {0: SHUT, 1: SHUT}, {0: False, 1: False}, None) == {0: False}


def test_while_a_pulse_is_on_its_way_nothing_is_told() -> None:
    assert news(tower(pending=True), {0: OPEN, 1: OPEN}, {}, None) == {}


@pytest.mark.parametrize(("fired_at", "expected"), [(9.0, {0: True}), (10.0, {}), (11.0, {})])
def test_the_awaited_door_is_told_as_read_after_the_pulse(fired_at: float, expected: dict[int, bool]) -> None:
    waiting = tower(pending=True, fired_ms=1)
    assert news(waiting, {0: OPEN, 1: SHUT}, {0: True, 1: False}, fired_at) == expected


def test_the_awaited_door_is_told_as_soon_as_it_cannot_be_read() -> None:
    assert news(tower(pending=True, fired_ms=1), {0: UNREAD, 1: SHUT}, {0: None, 1: False}, 11.0) == {0: None}


@pytest.mark.parametrize(
    ("firmware", "version"),
    [("0.1.0", (0, 1, 0)), ("1.4.2rc1", (1, 4, 2)), ("2", (2, 0, 0)), ("1.300.5", (1, 127, 5))],
)
def test_a_version_is_three_bytes_that_a_phone_can_print(firmware: str, version: tuple[int, int, int]) -> None:
    assert version_of(firmware) == version
