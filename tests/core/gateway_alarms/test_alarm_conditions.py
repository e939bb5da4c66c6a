"""Everything watched at once: no alarm twice, none lost, and a restart changes nothing."""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from openharbor.boards.outcomes import BoardState, EventKind
from openharbor.gateway.alarm_conditions import (
    BoardSight,
    BoardTold,
    Conditions,
    Fact,
    FoundOpen,
    Look,
    OpenSucceeded,
    after,
    begin,
    holding_of,
    seen_doors,
)
from openharbor.gateway.alarm_doors import DoorSight
from openharbor.gateway.alarm_presence import Times
from openharbor.gateway.alarms import Cause, News
from openharbor.gateway.site import Device

NOW = 1_772_000_000_000
LEFT_OPEN_S = 90
KINDS: tuple[EventKind, ...] = (
    "door_opened",
    "door_closed",
    "door_unknown",
    "uncommanded_open",
    "opened_unseen",
    "jammed",
    "sensor_suspect",
    "board_online",
    "board_offline",
    "bus_down",
)
OFFLINE = Cause("controller_offline", controller_id=1)
GATEWAY_CLOCK = Cause("gateway_clock")


def times(at: float, set_by: int = 0) -> Times:
    return Times(NOW + round(at * 1000) + set_by, at)


def device(at: float, off_ms: int | None = 0) -> Device:
    heard = NOW + round(at * 1000)
    told = None if off_ms is None else heard + off_ms
    return Device("kiosk-1", "kiosk", "ok", None, "10.0.0.31", None, {}, told, heard, NOW)


def look(at: float, *, online: bool = True, door: bool | None = False, heard: float = 0.0, **changed: Any) -> Look:
    """Lockers 1 and 2 on one board, the second one's door always shut, and a kiosk last `heard` at a time."""
    made = Look(
        times(at),
        LEFT_OPEN_S,
        {
            1: DoorSight(1, online, senses=True, open=door if online else None),
            2: DoorSight(1, online, senses=True, open=False if online else None),
        },
        {1: BoardSight("Tower A", BoardState(online, failure=None if online else "no answer"))},
        {"kiosk-1": device(heard)},
    )
    return replace(made, **changed)


def play(conditions: Conditions, facts: Iterable[Fact]) -> tuple[Conditions, list[News]]:
    every: list[News] = []
    for fact in facts:
        conditions, news = after(conditions, fact)
        every += news
    return conditions, every


def told(news: Sequence[News]) -> list[tuple[str, bool]]:
    return [(one.cause.kind, one.holds) for one in news]


def every_second(start: int, seconds: int, **seen: Any) -> list[Fact]:
    """The kiosk is heard from all the time."""
    return [look(float(at), heard=float(at), **seen) for at in range(start, start + seconds + 1)]


# One thing after another ------------------------------------------------


def test_a_board_away_for_a_minute_is_told_once_with_its_name_and_why() -> None:
    _, news = play(begin([]), [*every_second(0, 5), *every_second(6, 200, online=False)])
    assert told(news) == [("controller_offline", True)]
    assert news[0].message == "Controller 1 (Tower A) has been offline for 60 s: no answer"
    assert news[0].at == NOW + 66_000


def test_what_a_board_tells_between_two_looks_is_news_at_once() -> None:
    conditions, _ = after(begin([]), look(0.0))
    conditions, news = after(conditions, BoardTold(times(0.4), 1, 1, "uncommanded_open"))
    assert told(news) == [("uncommanded_open", True)]
    _, news = after(conditions, BoardTold(times(0.8), 1, 1, "door_closed"))
    assert told(news) == [("uncommanded_open", False)]


def test_a_jam_is_ended_by_an_open_that_succeeds() -> None:
    conditions, _ = play(begin([]), [look(0.0), BoardTold(times(0.5), 1, 2, "jammed")])
    assert holding_of(conditions) == {Cause("lock_jammed", 2, 1)}
    _, news = after(conditions, OpenSucceeded(times(5.0), 2, confirmed=True))
    assert told(news) == [("lock_jammed", False)]


def test_a_door_found_open_after_a_restart_is_an_alarm_until_it_is_shut() -> None:
    conditions, news = play(begin([]), [look(0.0, door=True), FoundOpen(times(0.1), 1)])
    assert told(news) == [("uncommanded_open", True)]
    assert told(after(conditions, look(1.0))[1]) == [("uncommanded_open", False)]


def test_a_clock_that_is_set_is_an_alarm_that_is_over_at_once() -> None:
    jumped = look(1.0, times=times(1.0, set_by=3_600_000))
    _, news = play(begin([]), [look(0.0), jumped, look(2.0, times=times(2.0, set_by=3_600_000))])
    assert told(news) == [("gateway_clock", True), ("gateway_clock", False)]
    assert news[0].message == "The clock of the gateway jumped 3600 s forward"


def test_a_device_that_is_silent_and_one_that_is_wrong_are_told_by_name() -> None:
    wrong = look(0.0, devices={"kiosk-1": device(0.0, off_ms=-300_000)})
    _, news = play(begin([]), [wrong, *(look(float(at), devices=wrong.devices) for at in range(1, 190))])
    assert told(news) == [("device_clock", True), ("device_offline", True)]
    assert [one.cause.device_id for one in news] == ["kiosk-1", "kiosk-1"]


def test_what_was_removed_takes_its_alarms_along() -> None:
    held = [
        Cause("controller_offline", controller_id=9),
        Cause("lock_jammed", 40, 9),
        Cause("device_offline", device_id="gone"),
    ]
    conditions, news = after(begin(held), look(0.0))
    assert {one.cause for one in news if not one.holds} == set(held)
    assert not holding_of(conditions)


def test_events_of_things_that_nobody_knows_change_nothing() -> None:
    conditions, _ = after(begin([]), look(0.0))
    for fact in (
        BoardTold(times(1.0), 7, None, "board_offline"),
        BoardTold(times(1.0), 1, None, "jammed"),
        BoardTold(times(1.0), 1, 99, "jammed"),
        OpenSucceeded(times(1.0), 99, confirmed=True),
        FoundOpen(times(1.0), 99),
    ):
        assert after(conditions, fact) == (conditions, ())


def test_only_doors_that_can_be_read_count_as_seen() -> None:
    conditions, _ = after(begin([]), look(0.0, door=None))
    assert seen_doors(conditions) == {2: False}
    assert seen_doors(after(conditions, look(1.0, door=True))[0]) == {1: True, 2: False}


# Whatever happens -------------------------------------------------------

STEPS = st.one_of(
    st.tuples(st.just("look"), st.booleans(), st.sampled_from([True, False, None]), st.booleans()),
    st.tuples(st.just("wait"), st.integers(1, 100)),
    st.tuples(st.just("told"), st.sampled_from(KINDS), st.sampled_from([1, 2])),
    st.tuples(st.just("opened"), st.booleans()),
    st.tuples(st.just("ignore"), st.booleans()),
)


class Story:
    """Facts made from steps: time goes on, and what was seen last stays so."""

    def __init__(self) -> None:
        self.at, self.heard = 0.0, 0.0
        self.online, self.open, self.senses = True, False, True

    def facts(self, step: tuple[Any, ...]) -> list[Fact]:
        if step[0] == "wait":
            return [self.look() for _ in range(step[1])]
        if step[0] == "told":
            self.at += 0.1
            locker = None if step[1].startswith(("board", "bus")) else step[2]
            return [BoardTold(times(self.at), 1, locker, step[1])]
        if step[0] == "opened":
            return [OpenSucceeded(times(self.at), 1, confirmed=step[1])]
        if step[0] == "ignore":
            self.senses = step[1]
            return [self.look()]
        _, self.online, self.open, beats = step
        if beats:
            self.heard = self.at
        return [self.look()]

    def look(self) -> Look:
        self.at = float(int(self.at) + 1)
        made = look(self.at, online=self.online, door=self.open, heard=self.heard)
        first = replace(made.doors[1], senses=self.senses)
        return replace(made, doors={**made.doors, 1: first})


@given(st.lists(STEPS, max_size=40), st.integers(0, 40))
def test_no_cause_begins_twice_none_ends_that_did_not_begin_and_what_holds_is_what_was_told(
    steps: list[tuple[Any, ...]], restart_at: int
) -> None:
    story, conditions = Story(), begin([])
    conditions, _ = after(conditions, story.look())
    holding: set[Cause] = set()
    for number, step in enumerate(steps):
        if number == restart_at:
            conditions = begin(holding)
            conditions, news = play(conditions, [story.look()])
            fold(holding, news)
        conditions, news = play(conditions, story.facts(step))
        fold(holding, news)
        assert holding == holding_of(conditions)


def fold(holding: set[Cause], news: Iterable[News]) -> None:
    for one in news:
        assert (one.cause in holding) != one.holds
        assert not one.holds or one.message
        if one.holds:
            holding.add(one.cause)
        else:
            holding.remove(one.cause)


@given(st.lists(STEPS, max_size=40))
def test_a_restart_changes_nothing(steps: list[tuple[Any, ...]]) -> None:
    story, conditions = Story(), begin([])
    for step in steps:
        conditions, _ = play(conditions, story.facts(step))
    last = story.look()
    conditions, _ = after(conditions, last)
    again, news = after(begin(holding_of(conditions)), last)
    assert news == ()
    assert holding_of(again) == holding_of(conditions)


@given(st.lists(STEPS, max_size=40))
def test_when_all_is_well_for_long_enough_every_alarm_is_over(steps: list[tuple[Any, ...]]) -> None:
    story, conditions = Story(), begin([])
    for step in steps:
        conditions, _ = play(conditions, story.facts(step))
    story.senses = True
    well = every_second(int(story.at) + 2, 200)
    opened = [OpenSucceeded(times(story.at + 1), locker, confirmed=True) for locker in (1, 2)]
    conditions, _ = play(conditions, [*opened, *well])
    assert holding_of(conditions) == set()


@given(st.lists(st.tuples(st.integers(1, 59), st.integers(1, 59)), max_size=15), st.booleans())
def test_a_board_that_comes_and_goes_never_cries_wolf(flaps: list[tuple[int, int]], by_events: bool) -> None:
    facts: list[Fact] = every_second(0, 3)
    at = 4
    for down, up in flaps:
        if by_events:
            facts.append(BoardTold(times(at - 0.5), 1, None, "board_offline"))
        facts += every_second(at, down - 1, online=False) + every_second(at + down, up - 1)
        at += down + up
    _, news = play(begin([]), facts)
    assert news == []


@pytest.mark.parametrize("open_now", [True, None])
def test_a_door_forced_while_its_board_was_away_is_told_when_the_board_is_back(open_now: bool | None) -> None:
    facts = [*every_second(0, 3), *every_second(4, 30, online=False)]
    conditions, _ = play(begin([]), [*facts, look(35.0, heard=35.0, door=open_now)])
    _, news = after(conditions, BoardTold(times(35.1), 1, 1, "opened_unseen"))
    assert told(news) == [("uncommanded_open", True)]
