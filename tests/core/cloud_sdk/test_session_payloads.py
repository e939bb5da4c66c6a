"""Session payloads as the vectors have them, byte for byte, and who may have which claims: pure."""

import pytest

from harness.blink_vectors import sealed, tower_keys, unshown
from openharbor.blink.payloads import encode_session
from openharbor.blink.permissions import claims_of
from openharbor.blink.sealing import seal
from openharbor.cloud.accounts.claims import STAFF, USUAL
from openharbor.cloud.scope import TenantScope
from openharbor.cloud.sdk.access import EVERYTHING, Asker, asker_of, granted, usable
from openharbor.cloud.sdk.session_tokens import Minted, Request, client_id_of, session_payload
from openharbor.kit.errors import Refusal
from openharbor.kit.http.operation import Caller

ROWS = {
    row["name"]: row for row in sealed("session_payloads") if set(unshown(row["map"])) == {1, 5, 6, 26, 27, 61, 228}
}
LIVES = {name: (fields := unshown(row["map"]))[6] - fields[5] for name, row in ROWS.items()}
MINTED = sorted(name for name, lives_s in LIVES.items() if 180 <= lives_s <= 86_400)


@pytest.mark.parametrize("name", MINTED)
def test_a_payload_of_the_vectors_is_minted_byte_for_byte(name: str) -> None:
    row = ROWS[name]
    said = unshown(row["map"])
    payload = session_payload(
        tower_id=said[61].hex(),
        duration_s=LIVES[name] - 120,
        claims=claims_of(said[26]),
        client_id=said[27],
        seed=said[228],
        now=said[5] * 1000 + 999,
    )
    assert encode_session(payload).hex() == row["plain"]
    made = seal(tower_keys()[row["rotation"]], encode_session(payload), bytes.fromhex(row["iv"]))
    assert (made.payload.hex(), made.auth.hex()) == (row["payload"], row["payload_auth"])


def test_most_payloads_of_the_vectors_are_ones_that_the_server_would_mint() -> None:
    assert len(MINTED) >= 5


def test_the_client_id_tells_a_client_from_its_end_users_and_these_from_one_another() -> None:
    ids = {client_id_of(*who) for who in (("acme", None), ("acme", "a"), ("acmea", None), ("acme", "b"), ("b", "a"))}
    assert len(ids) == 5
    assert {len(one) for one in ids} == {16}


@pytest.mark.parametrize(
    ("asked", "may", "given"),
    [
        (["sync_packet"], USUAL, ("sync_packet",)),
        (["developer"], USUAL, USUAL),
        (["developer"], (*USUAL, "developer"), ("developer",)),
        (["developer"], (*USUAL, "technician"), USUAL),
        (["locker_pickup", "owner"], (*USUAL, "owner"), ("locker_pickup", "owner")),
        (["locker_pickup", "owner"], USUAL, USUAL),
    ],
)
def test_all_that_was_asked_for_is_granted_or_else_the_usual(
    asked: list[str], may: tuple[str, ...], given: tuple[str, ...]
) -> None:
    assert granted(asked, frozenset(may)) == given


@pytest.mark.parametrize(
    ("end_user", "for_test", "with_staff"),
    [(False, False, True), (False, True, True), (True, False, False), (True, True, True)],
)
def test_staff_claims_are_for_end_users_only_where_the_tower_is_for_test(
    end_user: bool, for_test: bool, with_staff: bool
) -> None:
    left = usable(EVERYTHING, end_user=end_user, for_test=for_test)
    assert left == (EVERYTHING if with_staff else frozenset(USUAL))
    assert frozenset(STAFF).isdisjoint(left) is not with_staff


def test_whoever_acts_for_nobody_is_let_in_only_as_an_operator() -> None:
    assert isinstance(asker_of(Caller("client", "acme", "", tenant=None)), Refusal)
    operator = asker_of(Caller("operator", "ops@example.com", "", tenant=None))
    assert isinstance(operator, Asker)
    assert (operator.scope, operator.actor) == (TenantScope(None), "operator:ops@example.com")


def test_the_subject_of_another_issuer_s_token_is_not_its_client() -> None:
    asker = asker_of(Caller("client", "app", "", tenant=7, claims={"sub": "f81d4fae", "user_id": "Ada"}))
    assert isinstance(asker, Asker)
    assert (asker.name, asker.subject, asker.user_id) == ("app", "f81d4fae", "Ada")


def test_no_secret_is_shown_of_a_request_and_a_token() -> None:
    made = seal(next(iter(tower_keys().values())), b"\xa0", bytes(16))
    request = Request(tower_id="00" * 8, duration_s=1, claims=[], now=0, seed=b"seed" * 8, iv=bytes(16))
    shown = repr(request) + repr(Minted("00" * 8, made, b"seed" * 8, 1))
    assert "seed" not in shown
    assert made.payload.hex() not in shown
