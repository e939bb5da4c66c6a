"""Giving lockers to transactions and taking them back, on a real database (gateway-local.yaml, Transactions)."""

import msgspec
import pytest
from msgspec.structs import replace

from openharbor.gateway.allocation import Wish
from openharbor.gateway.examples import VIRTUAL
from openharbor.gateway.journal import found_site, load_state
from openharbor.gateway.site import Live, Transaction
from openharbor.gateway.site_file import SiteFile, read_site_file
from openharbor.gateway.trail import State, every_entry
from openharbor.gateway.transactions import (
    AlreadyActive,
    Assigned,
    Creation,
    NewTransaction,
    create_transaction,
    key_space,
    release_transaction,
)
from openharbor.kit.audit import AuditActor, AuditEntry, verify
from openharbor.kit.database.driver import sqlite3
from openharbor.kit.database.face import Transaction as Tx
from openharbor.kit.errors import Refusal
from openharbor.kit.http.operation import Caller
from openharbor.kit.idempotency import KEPT_MS, Keyed, Replay

NOW = 1_772_000_000_000
CLOSED = {locker_id: Live(True, True, False, 0) for locker_id in range(1, 7)}
KIOSK = Caller("apiKey", "Lobby kiosk", "10.0.0.9", "4")
ANY = Wish()


@pytest.fixture
def start(tx: Tx) -> State:
    made = read_site_file(VIRTUAL.read_text(), gateway_id="gw-1", host_name="box", now=NOW)
    assert isinstance(made, SiteFile)
    return found_site(tx, made.site, "x", NOW)


def create(
    tx: Tx, state: State, transaction_id: str, wish: Wish = ANY, key: Keyed | None = None, now: int = NOW
) -> tuple[State, Creation]:
    return create_transaction(tx, state, NewTransaction(transaction_id, wish, key), CLOSED, KIOSK, now)


def assigned(made: Creation) -> int:
    assert isinstance(made, Assigned)
    return made.body.locker_id


def last_entry(tx: Tx) -> AuditEntry:
    return list(every_entry(tx))[-1]


def test_a_transaction_gets_a_locker_and_the_journal_says_so(tx: Tx, start: State) -> None:
    state, made = create(tx, start, "parcel-1", Wish("medium"))
    assert isinstance(made, Assigned)
    assert msgspec.to_builtins(made.body) == {
        "transactionId": "parcel-1",
        "lockerId": 2,
        "createdAt": "2026-02-25T06:13:20.000Z",
        "lockerType": "medium",
        "bankId": 1,
        "bankLockerNumber": 2,
        "lastOpenedAt": None,
        "openCount": 0,
    }
    assert state.site.lockers[2].transaction_id == "parcel-1"
    assert load_state(tx) == state


def test_an_active_id_gets_no_second_locker_whatever_else_is_asked(tx: Tx, start: State) -> None:
    first, made = create(tx, start, "parcel-1", Wish("medium"))
    again, repeated = create(tx, first, "parcel-1", Wish("no-such-type"), now=NOW + 9)
    assert isinstance(made, Assigned)
    assert isinstance(repeated, AlreadyActive)
    assert repeated.body == made.body
    assert again.site is first.site


def test_after_a_release_the_id_and_the_locker_are_free_again(tx: Tx, start: State) -> None:
    state, _ = create(tx, start, "parcel-1", Wish("large"))
    state, released = release_transaction(tx, state, "parcel-1", KIOSK, NOW + 1)
    assert isinstance(released, Transaction)
    assert state.site.lockers[3].transaction_id is None
    state, made = create(tx, state, "parcel-1", Wish("large"), now=NOW + 2)
    assert assigned(made) == 3
    assert load_state(tx) == state


def test_a_locker_just_used_is_the_last_to_be_given_again(tx: Tx, start: State) -> None:
    state, made = create(tx, start, "parcel-1", Wish("medium"))
    assert assigned(made) == 2
    state, _ = release_transaction(tx, state, "parcel-1", KIOSK, NOW + 1)
    state, made = create(tx, state, "parcel-2", Wish("medium"), now=NOW + 2)
    assert assigned(made) == 6


def test_releasing_what_is_not_active_is_refused_and_audited(tx: Tx, start: State) -> None:
    state, refused = release_transaction(tx, start, "parcel-9", KIOSK, NOW)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.status) == ("TRANSACTION_NOT_FOUND", 404)
    assert refused.details == {"transactionId": "parcel-9"}
    assert state.site is start.site
    entry = last_entry(tx)
    assert (entry.action, entry.success, entry.transaction_id) == ("TRANSACTION_RELEASE_FAILED", False, "parcel-9")
    assert entry.details["error"] == "TRANSACTION_NOT_FOUND"


@pytest.mark.parametrize(("wish", "status"), [(Wish("large", require_low_locker=True), 503), (Wish("nope"), 404)])
def test_a_refused_create_leaves_only_its_audit_entry(tx: Tx, start: State, wish: Wish, status: int) -> None:
    state, _ = create(tx, start, "parcel-1", Wish("large"))
    after, refused = create(tx, state, "parcel-2", wish)
    assert isinstance(refused, Refusal)
    assert refused.status == status
    assert after.site is state.site
    assert last_entry(tx).details == {"error": refused.code, **refused.details, "address": "10.0.0.9"}


def test_the_audit_log_tells_who_did_what_and_its_chain_is_whole(tx: Tx, start: State) -> None:
    state, _ = create(tx, start, "parcel-1")
    state, _ = release_transaction(tx, state, "parcel-1", KIOSK, NOW + 5)
    entries = list(every_entry(tx, page=2))
    assert [entry.action for entry in entries] == ["GATEWAY_FOUNDED", "TRANSACTION_CREATED", "TRANSACTION_RELEASED"]
    assert entries[1].actor == AuditActor("apiKey", "Lobby kiosk")
    assert (entries[1].locker_id, entries[1].controller_id, entries[1].transaction_id) == (1, 1, "parcel-1")
    assert verify(entries) is None
    assert (state.head.last_id, state.head.last_hash) == (3, entries[2].hash)


KEY = Keyed(key_space(KIOSK), "k-1", "f1")


def test_a_repeat_with_the_same_key_gets_the_stored_201_even_after_the_release(tx: Tx, start: State) -> None:
    state, made = create(tx, start, "parcel-1", key=KEY)
    assert isinstance(made, Assigned)
    state, _ = release_transaction(tx, state, "parcel-1", KIOSK, NOW)
    after, repeated = create(tx, state, "parcel-1", key=KEY, now=NOW + 1)
    assert isinstance(repeated, Replay)
    assert repeated.answer.status == 201
    assert repeated.answer.body == msgspec.json.encode(made.body)
    assert repeated.answer.headers == {"Location": "/transactions/parcel-1"}
    assert after is state


def test_the_same_key_with_another_request_is_a_conflict(tx: Tx, start: State) -> None:
    state, _ = create(tx, start, "parcel-1", key=KEY)
    after, refused = create(tx, state, "parcel-2", key=replace(KEY, fingerprint="f2"))
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.status, refused.details) == ("CONFLICT", 409, {"header": "Idempotency-Key"})
    assert after.site is state.site


def test_keys_of_different_callers_do_not_meet(tx: Tx, start: State) -> None:
    state, _ = create(tx, start, "parcel-1", key=KEY)
    _, made = create(tx, state, "parcel-2", key=Keyed(key_space(Caller("loopback", None, "::1")), "k-1", "f2"))
    assert isinstance(made, Assigned)


def test_an_answer_that_did_nothing_leaves_the_key_usable(tx: Tx, start: State) -> None:
    state, _ = create(tx, start, "parcel-1", Wish("large"))
    state, full = create(tx, state, "parcel-2", Wish("large"), KEY)
    assert isinstance(full, Refusal)
    state, active = create(tx, state, "parcel-1", Wish("large"), KEY)
    assert isinstance(active, AlreadyActive)
    state, _ = release_transaction(tx, state, "parcel-1", KIOSK, NOW)
    _, made = create(tx, state, "parcel-2", Wish("large"), KEY)
    assert isinstance(made, Assigned)


def test_a_key_is_kept_for_24_hours(tx: Tx, start: State) -> None:
    state, _ = create(tx, start, "parcel-1", key=KEY)
    state, _ = release_transaction(tx, state, "parcel-1", KIOSK, NOW)
    _, before = create(tx, state, "parcel-1", key=KEY, now=NOW + KEPT_MS - 1)
    _, after = create(tx, state, "parcel-1", key=KEY, now=NOW + KEPT_MS)
    assert isinstance(before, Replay)
    assert isinstance(after, Assigned)


def test_the_database_has_the_last_word_on_who_has_a_locker(tx: Tx, start: State) -> None:
    create(tx, start, "parcel-1", Wish("large"))
    with pytest.raises(sqlite3.IntegrityError):
        create(tx, start, "parcel-2", Wish("large"))
    with pytest.raises(sqlite3.IntegrityError):
        create(tx, start, "parcel-1", Wish("small"))


def test_a_caller_that_the_contract_has_no_word_for_is_a_key_without_a_name(tx: Tx, start: State) -> None:
    release_transaction(tx, start, "parcel-1", Caller("anonymous", None, "10.0.0.7"), NOW)
    assert last_entry(tx).actor == AuditActor("apiKey", None)
    assert last_entry(tx).details["address"] == "10.0.0.7"
