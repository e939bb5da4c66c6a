"""Alarms in the journal: raised, cleared, acknowledged, each change with its audit entry, none twice."""

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.gateway_alarms.journals import NOW, found
from openharbor.gateway import alarm_store
from openharbor.gateway.alarm_journal import acknowledge, write_news
from openharbor.gateway.alarms import Alarm, Cause, CauseKind, Change, News, decide, thinned
from openharbor.gateway.journal import load_state
from openharbor.gateway.trail import SYSTEM, State, every_entry
from openharbor.kit.audit import verify
from openharbor.kit.database.driver import connect, sqlite3
from openharbor.kit.database.face import Transaction as Tx
from openharbor.kit.database.transaction import SqliteTransaction
from openharbor.kit.errors import Refusal
from openharbor.kit.http.operation import Caller

ADMIN = Caller("admin", "admin", "10.0.0.5")
LEFT_OPEN = Cause("door_left_open", 3, 1)
JAMMED = Cause("lock_jammed", 3, 1)
AWAY = Cause("device_offline", device_id="kiosk-1")
JUMPED = Cause("gateway_clock")


def begun(cause: Cause, at: int = NOW, message: str = "Door of locker 3 open for 300 s") -> News:
    return News(cause, True, at, message)


def ended(cause: Cause, at: int = NOW + 1000) -> News:
    return News(cause, holds=False, at=at)


def listed(tx: Tx, *, open_only: bool = True) -> list[Alarm]:
    return alarm_store.listed_alarms(tx, open_only=open_only, limit=1000)


def acknowledged(tx: Tx, state: State, alarm_id: int, note: str | None = None) -> tuple[State, Alarm, Change | None]:
    state, answer = acknowledge(tx, state, alarm_id, note, ADMIN, NOW + 5000)
    assert not isinstance(answer, Refusal)
    return state, *answer


def test_a_cause_that_begins_raises_an_alarm(tx: Tx, state: State) -> None:
    _, changes = write_news(tx, state, [begun(LEFT_OPEN)])
    assert [(one.kind, one.alarm.alarm_id) for one in changes] == [("raised", 1)]
    assert listed(tx) == [Alarm(1, LEFT_OPEN, "Door of locker 3 open for 300 s", NOW)]


def test_the_same_cause_raises_no_second_alarm_while_the_first_lasts(tx: Tx, state: State) -> None:
    state, _ = write_news(tx, state, [begun(LEFT_OPEN), begun(LEFT_OPEN, NOW + 1)])
    _, changes = write_news(tx, state, [begun(LEFT_OPEN, NOW + 2)])
    assert changes == ()
    assert len(listed(tx)) == 1
    with pytest.raises(sqlite3.IntegrityError):
        alarm_store.insert_alarm(tx, Alarm(0, LEFT_OPEN, "again", NOW))


def test_it_raises_another_one_when_it_comes_back(tx: Tx, state: State) -> None:
    write_news(tx, state, [begun(LEFT_OPEN), ended(LEFT_OPEN), begun(LEFT_OPEN, NOW + 2000)])
    assert [(one.alarm_id, one.cleared_at) for one in listed(tx)] == [(2, None), (1, NOW + 1000)]


def test_an_alarm_stays_open_until_it_is_over_and_acknowledged(tx: Tx, state: State) -> None:
    state, _ = write_news(tx, state, [begun(LEFT_OPEN), begun(AWAY), ended(AWAY)])
    state, alarm, _ = acknowledged(tx, state, 1)
    assert (alarm.acknowledged_at, alarm.acknowledged_by, alarm.note) == (NOW + 5000, "admin", None)
    assert [one.alarm_id for one in listed(tx)] == [2, 1], "one lasts, nobody has seen the other"
    state, _, _ = acknowledged(tx, state, 2)
    assert [one.alarm_id for one in listed(tx)] == [1]
    write_news(tx, state, [ended(LEFT_OPEN)])
    assert listed(tx) == []
    assert [one.alarm_id for one in listed(tx, open_only=False)] == [2, 1]


def test_a_second_acknowledgement_changes_nothing(tx: Tx, state: State) -> None:
    state, _ = write_news(tx, state, [begun(LEFT_OPEN)])
    state, first, change = acknowledged(tx, state, 1, "Closed by hand")
    assert change is not None
    assert (change.kind, first.note) == ("acknowledged", "Closed by hand")
    again, second, nothing = acknowledged(tx, state, 1, "Again")
    assert (second, nothing, again) == (first, None, state)


def test_an_alarm_that_does_not_exist_cannot_be_acknowledged(tx: Tx, state: State) -> None:
    _, refused = acknowledge(tx, state, 999, None, ADMIN, NOW)
    assert isinstance(refused, Refusal)
    assert (refused.status, refused.code, refused.message) == (404, "NOT_FOUND", "No alarm has the id 999")
    assert refused.details == {"alarmId": "999"}


def test_each_change_is_an_audit_entry_that_names_what_it_is_about(tx: Tx, state: State) -> None:
    state, _ = write_news(tx, state, [begun(LEFT_OPEN), begun(AWAY, message="Device kiosk-1 missed 3 heartbeats")])
    state, _, _ = acknowledged(tx, state, 1, "Closed by hand")
    state, _ = write_news(tx, state, [ended(LEFT_OPEN)])
    entries = list(every_entry(tx))
    assert verify(entries) is None
    raised, away, seen, over = entries[1:]
    assert (raised.action, raised.actor.type, raised.locker_id, raised.controller_id) == (
        "ALARM_RAISED",
        "system",
        3,
        1,
    )
    assert raised.details == {
        "alarmId": "1",
        "code": "DOOR_LEFT_OPEN",
        "message": "Door of locker 3 open for 300 s",
    }
    assert away.details["deviceId"] == "kiosk-1"
    assert (seen.action, seen.actor.name, seen.details["note"]) == ("ALARM_ACKNOWLEDGED", "admin", "Closed by hand")
    assert (over.action, over.details) == ("ALARM_CLEARED", {"alarmId": "1", "code": "DOOR_LEFT_OPEN"})
    assert load_state(tx) == state


def test_a_clock_that_was_set_back_clears_no_alarm_before_it_was_raised(tx: Tx, state: State) -> None:
    write_news(tx, state, [begun(JUMPED), ended(JUMPED, NOW - 3_600_000)])
    assert [one.cleared_at for one in listed(tx)] == [NOW]


def test_words_that_a_system_made_up_are_cut_and_made_whole(tx: Tx, state: State) -> None:
    _, changes = write_news(tx, state, [begun(LEFT_OPEN, message="\udcff" + "x" * 600)])
    assert changes[0].alarm.message == "?" + "x" * 499
    assert listed(tx)[0].message == changes[0].alarm.message


def test_the_counts_tell_what_lasts_and_what_nobody_has_seen(tx: Tx, state: State) -> None:
    write_news(tx, state, [begun(LEFT_OPEN), begun(AWAY), ended(AWAY), begun(AWAY), ended(AWAY), begun(AWAY)])
    assert alarm_store.count_open(tx) == {"DOOR_LEFT_OPEN": (1, 0), "DEVICE_OFFLINE": (1, 2)}


def test_what_lasts_is_found_without_a_look_at_the_past(tx: Tx, database_file: Path) -> None:
    with closing(connect(database_file)) as connection:
        for sql in (
            "SELECT * FROM alarms WHERE cleared_at IS NULL AND cause > '' ORDER BY cause",
            "SELECT * FROM alarms WHERE cleared_at IS NULL AND cause = 'x'",
        ):
            plan = connection.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
            assert ["one_lasting_per_cause" in row["detail"] for row in plan] == [True]
        plan = connection.execute(
            f"EXPLAIN QUERY PLAN SELECT * FROM alarms WHERE {alarm_store.OPEN} ORDER BY alarm_id DESC LIMIT 9"
        ).fetchall()
        assert ["alarms_open" in row["detail"] for row in plan] == [True]


def test_old_alarms_are_forgotten_but_never_one_that_is_open_nor_the_last_number(tx: Tx, state: State) -> None:
    state, _ = write_news(tx, state, [begun(LEFT_OPEN), ended(LEFT_OPEN), begun(AWAY), ended(AWAY), begun(JAMMED)])
    state, _, _ = acknowledged(tx, state, 1)
    state, _, _ = acknowledged(tx, state, 3)
    state, _ = write_news(tx, state, [ended(JAMMED)])
    assert alarm_store.forget_alarms(tx, NOW + 1000, 500) == 0, "not over for long enough"
    assert alarm_store.forget_alarms(tx, NOW + 10_000, 500) == 1
    assert [one.alarm_id for one in listed(tx, open_only=False)] == [3, 2]


# Whatever is told -------------------------------------------------------

CAUSES = (LEFT_OPEN, JAMMED, AWAY)
TOLD = st.lists(st.tuples(st.sampled_from(CAUSES), st.booleans()), max_size=30)


@contextmanager
def fresh(empty: Path) -> Iterator[tuple[Tx, State]]:
    with TemporaryDirectory() as directory, closing(connect(Path(shutil.copy(empty, directory)))) as connection:
        connection.execute("BEGIN")
        tx = SqliteTransaction(connection)
        yield tx, found(tx)
        connection.execute("ROLLBACK")


@settings(max_examples=25)
@given(told=TOLD, cut=st.integers(0, 30), seen=st.sets(st.integers(1, 10)))
def test_every_alarm_that_was_raised_is_over_and_seen_or_listed(
    empty_database: Path, told: list[tuple[Cause, bool]], cut: int, seen: set[int]
) -> None:
    with fresh(empty_database) as (tx, state):
        news = [News(cause, holds, NOW + at, "why") for at, (cause, holds) in enumerate(told)]
        state, changes = write_news(tx, state, news[:cut])
        raised = [one.alarm.alarm_id for one in changes if one.kind == "raised"]
        for alarm_id in seen & set(raised):
            state, _, _ = acknowledged(tx, state, alarm_id)
        state, more = write_news(tx, load_state(tx), news[cut:])  # as after a restart
        raised += [one.alarm.alarm_id for one in more if one.kind == "raised"]
        every = {one.alarm_id: one for one in listed(tx, open_only=False)}
        assert sorted(every) == raised == list(range(1, len(raised) + 1))
        over = {number for number, one in every.items() if one.cleared_at is not None and number in seen & set(every)}
        assert {one.alarm_id for one in listed(tx)} == set(every) - {
            number for number in over if every[number].acknowledged_at is not None
        }
        lasting = [one.cause for one in every.values() if one.lasting]
        assert len(lasting) == len(set(lasting))
        assert {one.cause for one in alarm_store.lasting_alarms(tx)} == holding(told)
        assert verify(every_entry(tx)) is None


def holding(told: list[tuple[Cause, bool]]) -> set[Cause]:
    last = dict(told)
    return {cause for cause, holds in last.items() if holds}


@given(TOLD)
def test_news_that_were_thinned_out_end_the_same_and_are_few(told: list[tuple[Cause, bool]]) -> None:
    alternating: dict[Cause, bool] = {}
    news = []
    for at, (cause, _) in enumerate(told):
        alternating[cause] = not alternating.get(cause, False)
        news.append(News(cause, alternating[cause], at, "why"))
    kept = thinned(news)
    assert kept == [one for one in news if one in kept], "the order is the same"
    for cause in CAUSES:
        before, left = ([one for one in every if one.cause == cause] for every in (news, kept))
        assert len(left) <= 4
        assert left[:1] == before[:1]
        assert left[-1:] == before[-1:]
        assert [one.holds for one in left] == [one.holds for one in before][: len(left)]


@pytest.mark.parametrize(
    ("kind", "code"),
    [("sensor_unreadable", "SENSOR_FAULT"), ("device_clock", "CLOCK_DRIFT"), ("lock_jammed", "LOCK_JAMMED")],
)
def test_causes_have_the_contracts_codes(kind: CauseKind, code: str) -> None:
    assert Cause(kind).code == code


def test_what_is_known_already_changes_nothing() -> None:
    lasting = Alarm(1, JAMMED, "why", NOW)
    assert decide(lasting, begun(JAMMED)) is None
    assert decide(None, ended(JAMMED)) is None


def test_the_system_speaks_for_itself(tx: Tx, state: State) -> None:
    _, answer = acknowledge(tx, write_news(tx, state, [begun(JAMMED)])[0], 1, "", SYSTEM, NOW)
    assert not isinstance(answer, Refusal)
    assert (answer[0].acknowledged_by, answer[0].note) == (None, None)
