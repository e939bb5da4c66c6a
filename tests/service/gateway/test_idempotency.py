"""Idempotency keys over HTTP, and over a restart (gateway-local.yaml, "Idempotency")."""

from pathlib import Path

import pytest

from harness.api import Api
from harness.virtual_site import await_boards, found, running, served, virtual


def test_the_same_key_with_the_same_request_returns_the_stored_create(tmp_path: Path) -> None:
    with running(tmp_path, [virtual("a", 3)]) as api:
        first = api.post("/transactions", {"transactionId": "t", "lockerType": "medium"}, Idempotency_Key="k")
        again = api.post("/transactions", {"lockerType": "medium", "transactionId": "t"}, Idempotency_Key="k")
        assert (first.status, first.replayed) == (201, False)
        assert (again.status, again.replayed, again.body) == (201, True, first.body)
        assert again.headers["location"] == first.headers["location"] == "/transactions/t"
        without = api.post("/transactions", {"transactionId": "t", "lockerType": "medium"})
        assert (without.status, without.replayed) == (409, False)


def test_the_same_key_with_another_request_is_a_conflict(tmp_path: Path) -> None:
    with running(tmp_path, [virtual("a", 3)]) as api:
        assert api.post("/transactions", {"transactionId": "t"}, Idempotency_Key="k").status == 201
        for path, body in (
            ("/transactions", {"transactionId": "u"}),
            ("/transactions", {"transactionId": "t", "allowLarger": True}),
            ("/transactions/t/open", None),
            ("/lockers/1/open", None),
        ):
            answer = api.post(path, body, Idempotency_Key="k")
            assert (answer.status, answer.error) == (409, "CONFLICT"), path
            assert answer.body["details"] == {"header": "Idempotency-Key"}
        assert [one["transactionId"] for one in api.get("/transactions").body] == ["t"]
        assert api.get("/lockers/1").body["openCount"] == 0


def test_an_answer_that_did_nothing_leaves_the_key_usable(tmp_path: Path) -> None:
    with running(tmp_path, [virtual("a", 1)]) as api:
        assert api.post("/transactions", {"transactionId": "first"}).status == 201
        refused = api.post("/transactions", {"transactionId": "second"}, Idempotency_Key="k")
        assert (refused.status, refused.error) == (503, "NO_AVAILABLE_LOCKERS")
        assert api.post("/transactions", {"transactionId": "x", "lockerId": 1}, Idempotency_Key="k").status == 400
        assert api.post("/lockers/99/open", Idempotency_Key="k").status == 404
        assert api.delete("/transactions/first").status == 204
        made = api.post("/transactions", {"transactionId": "second"}, Idempotency_Key="k")
        assert (made.status, made.replayed) == (201, False)


def test_a_stored_open_is_replayed_and_fires_nothing_even_after_its_transaction_was_released(tmp_path: Path) -> None:
    with running(tmp_path, [virtual("a", 2)]) as api:
        api.post("/transactions", {"transactionId": "t"})
        first = api.post("/transactions/t/open", Idempotency_Key="k")
        assert (first.status, first.replayed) == (200, False)
        assert api.delete("/transactions/t").status == 204
        again = api.post("/transactions/t/open", Idempotency_Key="k")
        assert (again.status, again.replayed, again.body) == (200, True, first.body)
        assert api.get(f"/lockers/{first.body['lockerId']}").body["openCount"] == 1
        assert api.post("/transactions/t/open", Idempotency_Key="another").error == "TRANSACTION_NOT_FOUND"


def test_a_malformed_key_is_refused_and_named(tmp_path: Path) -> None:
    with running(tmp_path, [virtual("a", 1)]) as api:
        for key in ("", "two words", "ä", "x" * 256):
            for path, body in (("/transactions", {"transactionId": "t"}), ("/lockers/1/open", None)):
                answer = api.post(path, body, Idempotency_Key=key)
                assert (answer.status, answer.error) == (400, "INVALID_REQUEST"), key
                assert answer.body["details"] == {"Idempotency-Key": "must be 1 to 255 visible ASCII characters"}
        assert api.get("/transactions").body == []


@pytest.mark.slow
def test_keys_transactions_and_service_state_outlive_a_restart(tmp_path: Path) -> None:
    data = found(tmp_path, [virtual("a", 3)])
    with served(data) as service:
        api = Api(service.url)
        await_boards(api, 1)
        made = api.post("/transactions", {"transactionId": "t"}, Idempotency_Key="create")
        opened = api.post("/transactions/t/open", Idempotency_Key="open")
        assert (made.status, opened.status) == (201, 200)
        api.patch("/lockers/3", {"outOfService": True, "reasonCode": "VANDALISM"})
        api.patch("/system", {"siteName": "Renamed", "pulseMs": 700})
        held = api.get("/transactions/t").body
    with served(data) as service:
        api = Api(service.url)
        await_boards(api, 1)
        assert api.get("/transactions/t").body == held
        again = api.post("/transactions", {"transactionId": "t"}, Idempotency_Key="create")
        assert (again.status, again.replayed, again.body) == (201, True, made.body)
        again = api.post("/transactions/t/open", Idempotency_Key="open")
        assert (again.status, again.replayed, again.body) == (200, True, opened.body)
        assert api.get(f"/lockers/{held['lockerId']}").body["openCount"] == 1
        assert api.get("/lockers/3").body["reasonCode"] == "VANDALISM"
        system = api.get("/system").body
        assert (system["siteName"], system["settings"]["pulseMs"]) == ("Renamed", 700)
