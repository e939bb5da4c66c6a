"""The journal of openings: what is written before a pulse leaves, and when the outcome is known."""

import pytest
from msgspec.structs import replace

from openharbor.gateway.allocation import Wish
from openharbor.gateway.examples import VIRTUAL
from openharbor.gateway.journal import found_site, load_state
from openharbor.gateway.opening_journal import (
    GivenAway,
    KeyTaken,
    Order,
    close_interrupted,
    last_opening,
    write_outcome,
    write_pulse,
)
from openharbor.gateway.opening_rules import OpenResult, Place
from openharbor.gateway.site import Live
from openharbor.gateway.site_file import SiteFile, read_site_file
from openharbor.gateway.trail import SYSTEM, State, every_entry
from openharbor.gateway.transactions import Assigned, NewTransaction, create_transaction, release_transaction
from openharbor.kit import idempotency
from openharbor.kit.audit import verify
from openharbor.kit.database.face import Transaction as Tx
from openharbor.kit.idempotency import Keyed

NOW = 1_772_000_000_000
KEY = Keyed("", "key-1", "print")
OPENED = OpenResult(2, 1, 200, None, "Door opened", True, True, 1, 700, at=NOW + 700)
JAMMED = replace(OPENED, status=500, code="HARDWARE_MALFUNCTION", door_open=False, confirmed=False, reason="jammed")
FULL = replace(OPENED, status=503, code="STORAGE_UNAVAILABLE", confirmed=False, stored=False, attempts=0)


@pytest.fixture
def state(tx: Tx) -> State:
    made = read_site_file(VIRTUAL.read_text(), gateway_id="gw-1", host_name="host", now=NOW)
    assert isinstance(made, SiteFile)
    return found_site(tx, made.site, "hash", NOW)


@pytest.fixture
def held(tx: Tx, state: State) -> tuple[State, Order]:
    """Locker 2 is held by a transaction, and this is the order to open it."""
    live = {one: Live(True, True, False, NOW) for one in state.site.lockers}
    asked = NewTransaction("parcel-1", Wish(locker_type="medium"))
    state, got = create_transaction(tx, state, asked, live, SYSTEM, NOW)
    assert isinstance(got, Assigned)
    return state, Order(Place(2, 1, 2), SYSTEM, state.site.transactions["parcel-1"], KEY)


def test_a_pulse_takes_the_key_before_it_leaves(tx: Tx, held: tuple[State, Order]) -> None:
    state, order = held
    write_pulse(tx, state, order, None, 1, NOW)
    record = idempotency.find(tx, "", "key-1", NOW)
    assert record is not None
    assert record.answer is None


def test_a_key_that_is_taken_lets_no_pulse_out(tx: Tx, held: tuple[State, Order]) -> None:
    state, order = held
    write_pulse(tx, state, order, None, 1, NOW)
    with pytest.raises(KeyTaken):
        write_pulse(tx, state, order, None, 1, NOW)
    assert len(tx.all("SELECT * FROM pulses")) == 1


def test_a_locker_that_another_transaction_has_meanwhile_is_not_opened(tx: Tx, held: tuple[State, Order]) -> None:
    state, order = held
    live = {one: Live(True, True, False, NOW) for one in state.site.lockers}
    state, _ = release_transaction(tx, state, "parcel-1", SYSTEM, NOW + 1)
    write_pulse(tx, state, replace(order, key=None), None, 1, NOW)  # a release alone does not stop an open
    for number in range(len(state.site.lockers)):
        state, _ = create_transaction(tx, state, NewTransaction(f"next-{number}", Wish()), live, SYSTEM, NOW + 2)
    with pytest.raises(GivenAway):
        write_pulse(tx, state, order, None, 1, NOW + 3)


def test_further_pulses_belong_to_the_same_opening(tx: Tx, held: tuple[State, Order]) -> None:
    state, order = held
    state, opening = write_pulse(tx, state, order, None, 1, NOW)
    assert write_pulse(tx, state, order, opening, 2, NOW)[1] == opening
    assert [row["attempt"] for row in tx.all("SELECT attempt FROM pulses ORDER BY pulse_id")] == [1, 2]


def test_a_success_counts_on_the_locker_and_on_its_transaction(tx: Tx, held: tuple[State, Order]) -> None:
    state, order = held
    state, opening = write_pulse(tx, state, order, None, 1, NOW)
    state, _ = write_outcome(tx, state, order, opening, OPENED)
    assert state.site.lockers[2].open_count == state.site.transactions["parcel-1"].open_count == 1
    assert state.site.lockers[2].last_opened_at == OPENED.at
    assert load_state(tx) == state


def test_an_open_of_a_released_transaction_counts_on_the_locker_alone(tx: Tx, held: tuple[State, Order]) -> None:
    state, order = held
    state, opening = write_pulse(tx, state, order, None, 1, NOW)
    state, _ = release_transaction(tx, state, "parcel-1", SYSTEM, NOW + 1)
    state, _ = write_outcome(tx, state, order, opening, OPENED)
    assert state.site.lockers[2].open_count == 1
    assert not state.site.transactions


def test_three_jams_in_a_row_speak_against_the_lock_and_a_success_for_it(tx: Tx, held: tuple[State, Order]) -> None:
    state, order = held
    keyless = replace(order, key=None)
    for _ in range(3):
        state, _ = write_outcome(tx, state, keyless, None, JAMMED)
    assert state.site.lockers[2].failures_in_row == 3
    state, _ = write_outcome(tx, state, keyless, None, OPENED)
    assert state.site.lockers[2].failures_in_row == 0


def test_the_answer_is_kept_under_the_key(tx: Tx, held: tuple[State, Order]) -> None:
    state, order = held
    state, opening = write_pulse(tx, state, order, None, 1, NOW)
    write_outcome(tx, state, order, opening, JAMMED)
    record = idempotency.find(tx, "", "key-1", NOW)
    assert record is not None
    assert record.answer is not None
    assert record.answer.status == 500


def test_an_open_that_never_fired_still_keeps_its_answer(tx: Tx, held: tuple[State, Order]) -> None:
    state, order = held
    unreachable = replace(JAMMED, status=503, code="CONTROLLER_UNREACHABLE", attempts=3)
    write_outcome(tx, state, order, None, unreachable)
    record = idempotency.find(tx, "", "key-1", NOW)
    assert record is not None
    assert record.answer is not None
    assert dict(record.answer.headers) == {"Retry-After": "5"}


def test_an_open_that_did_nothing_leaves_its_key_free_and_an_audit_entry(tx: Tx, held: tuple[State, Order]) -> None:
    state, order = held
    before = state.head.last_id
    state, _ = write_outcome(tx, state, order, None, FULL)
    assert idempotency.find(tx, "", "key-1", NOW) is None
    assert state.head.last_id == before + 1


def test_an_open_whose_journaled_pulse_never_left_ends_and_gives_its_key_back(
    tx: Tx, held: tuple[State, Order]
) -> None:
    state, order = held
    state, opening = write_pulse(tx, state, order, None, 1, NOW)
    write_outcome(tx, state, order, opening, FULL)
    assert idempotency.find(tx, "", "key-1", NOW) is None
    assert tx.all("SELECT * FROM openings WHERE finished_at IS NULL") == []


def test_a_start_ends_what_a_stop_left_under_way(tx: Tx, held: tuple[State, Order]) -> None:
    state, order = held
    state, _ = write_pulse(tx, state, order, None, 1, NOW)
    last = last_opening(tx)
    state, later = write_pulse(tx, state, replace(order, key=None), None, 1, NOW)
    state, count = close_interrupted(tx, state, last, NOW + 5)
    record = idempotency.find(tx, "", "key-1", NOW)
    assert count == 1
    assert record is not None
    assert record.answer is not None
    assert b"INTERNAL_ERROR" in record.answer.body
    assert [row["opening_id"] for row in tx.all("SELECT * FROM openings WHERE finished_at IS NULL")] == [later]


@pytest.mark.parametrize("result", [OPENED, JAMMED, FULL], ids=lambda result: result.outcome)
def test_every_outcome_is_a_link_of_the_audit_chain(tx: Tx, held: tuple[State, Order], result: OpenResult) -> None:
    state, order = held
    state, _ = write_outcome(tx, state, replace(order, key=None), None, result)
    assert verify(every_entry(tx)) is None
    assert load_state(tx).head == state.head
