"""Which locker a transaction gets, over HTTP (gateway-local.yaml, createTransaction "Choice")."""

from collections.abc import Iterator

import pytest

from harness.api import Api
from harness.virtual_site import running, virtual

SMALL, MEDIUM, LARGE, SCREEN = {1, 5}, {2, 6}, {3, 7}, 4


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Seven lockers: small, medium, large (3 is low), screen, small, medium, large."""
    types = ("small", "medium", "large", "screen")
    with running(tmp_path_factory.mktemp("allocation"), [virtual("a", 7)], types=types) as api:
        yield api


@pytest.fixture
def api(site: Api) -> Api:
    """The site with nothing held and everything in service."""
    for one in site.get("/transactions").body:
        site.delete(f"/transactions/{one['transactionId']}")
    for number in (*SMALL, *MEDIUM, *LARGE):
        assert site.patch(f"/lockers/{number}", {"outOfService": False, "brokenLock": False}).status == 200
    return site


def given(api: Api, name: str, **wish: object) -> int:
    answer = api.post("/transactions", {"transactionId": name, **wish})
    assert answer.status == 201, answer.body
    return int(answer.body["lockerId"])


def test_without_a_type_the_smallest_free_one_is_given_first(api: Api) -> None:
    got = [given(api, f"t-{n}") for n in range(6)]
    assert [set(got[:2]), set(got[2:4]), set(got[4:])] == [SMALL, MEDIUM, LARGE]
    answer = api.post("/transactions", {"transactionId": "one-too-many"})
    assert (answer.status, answer.error, answer.body["details"]) == (503, "NO_AVAILABLE_LOCKERS", {})


def test_with_a_type_exactly_that_one_is_given(api: Api) -> None:
    assert {given(api, "a", lockerType="medium"), given(api, "b", lockerType="medium")} == MEDIUM
    answer = api.post("/transactions", {"transactionId": "c", "lockerType": "medium"})
    assert (answer.status, answer.error) == (503, "NO_AVAILABLE_LOCKERS")
    assert answer.body["details"] == {"lockerType": "medium"}


def test_allow_larger_gives_the_next_larger_type_that_has_a_free_locker(api: Api) -> None:
    got = [given(api, f"t-{n}", lockerType="medium", allowLarger=True) for n in range(4)]
    assert [set(got[:2]), set(got[2:])] == [MEDIUM, LARGE]
    assert api.post("/transactions", {"transactionId": "x", "lockerType": "medium", "allowLarger": True}).status == 503


def test_allow_larger_never_gives_a_smaller_one(api: Api) -> None:
    assert {given(api, f"t-{n}", lockerType="large", allowLarger=True) for n in range(2)} == LARGE
    assert api.post("/transactions", {"transactionId": "x", "lockerType": "large", "allowLarger": True}).status == 503


def test_allow_larger_without_a_type_changes_nothing(api: Api) -> None:
    assert given(api, "t", allowLarger=True) in SMALL


def test_a_low_locker_is_given_only_where_one_is_free(api: Api) -> None:
    assert given(api, "t", requireLowLocker=True) == 3
    assert api.post("/transactions", {"transactionId": "u", "requireLowLocker": True}).error == "NO_AVAILABLE_LOCKERS"
    answer = api.post("/transactions", {"transactionId": "u", "requireLowLocker": True, "lockerType": "small"})
    assert answer.error == "NO_AVAILABLE_LOCKERS"


def test_among_equals_the_one_not_used_for_longest_is_given(api: Api) -> None:
    first = given(api, "a", lockerType="small")
    assert api.delete("/transactions/a").status == 204
    second = given(api, "b", lockerType="small")
    assert {first, second} == SMALL
    assert api.delete("/transactions/b").status == 204
    assert given(api, "c", lockerType="small") == first


def test_a_type_that_does_not_exist_is_not_found(api: Api) -> None:
    answer = api.post("/transactions", {"transactionId": "t", "lockerType": "extra-wide"})
    assert (answer.status, answer.error) == (404, "LOCKER_TYPE_NOT_FOUND")
    assert answer.body["details"] == {"slug": "extra-wide"}


def test_a_locker_out_of_service_is_not_given_and_keeps_its_transaction(api: Api) -> None:
    held = given(api, "held", lockerType="small")
    other = next(iter(SMALL - {held}))
    for number in (held, other):
        change = {"outOfService": True, "reasonCode": "CLEANING", "reason": "Spilled"}
        assert api.patch(f"/lockers/{number}", change).body == {"success": True}
    assert api.post("/transactions", {"transactionId": "t", "lockerType": "small"}).status == 503
    shown = api.get(f"/lockers/{held}").body
    assert (shown["transactionId"], shown["reasonCode"], shown["reason"]) == ("held", "CLEANING", "Spilled")
    assert api.patch(f"/lockers/{other}", {"outOfService": False}).status == 200
    shown = api.get(f"/lockers/{other}").body
    assert (shown["available"], shown["reasonCode"], shown["reason"]) == (True, None, None)
    assert given(api, "t", lockerType="small") == other


def test_a_type_that_is_always_out_of_service_is_never_given_nor_put_into_service(api: Api) -> None:
    shown = api.get(f"/lockers/{SCREEN}").body
    assert (shown["outOfService"], shown["available"], shown["reasonCode"]) == (True, False, "ALWAYS_OOS")
    answer = api.patch(f"/lockers/{SCREEN}", {"outOfService": False})
    assert (answer.status, answer.error) == (409, "CONFLICT")
    assert answer.body["details"] == {"lockerId": "4", "lockerType": "screen"}
    assert api.post("/transactions", {"transactionId": "t", "lockerType": "screen"}).error == "NO_AVAILABLE_LOCKERS"


def test_an_active_transaction_is_shown_whatever_else_the_repeat_asks(api: Api) -> None:
    locker = given(api, "t", lockerType="small")
    answer = api.post("/transactions", {"transactionId": "t", "lockerType": "large", "requireLowLocker": True})
    assert (answer.status, answer.body["lockerId"]) == (409, locker)
    assert answer.body == api.get("/transactions/t").body


def test_an_id_may_be_used_again_after_its_release_and_a_second_release_is_not_found(api: Api) -> None:
    given(api, "again")
    assert api.delete("/transactions/again").status == 204
    assert api.delete("/transactions/again").error == "TRANSACTION_NOT_FOUND"
    given(api, "again")


def test_callers_cannot_pick_the_locker(api: Api) -> None:
    for wanted in (2, None, "2"):
        answer = api.post("/transactions", {"transactionId": "t", "lockerId": wanted})
        assert (answer.status, answer.error) == (400, "INVALID_REQUEST")
        assert answer.body["details"] == {"lockerId": "is not accepted here"}
    assert api.get("/transactions/t").status == 404


def test_locker_types_are_listed_by_size_with_their_counts(api: Api) -> None:
    given(api, "t", lockerType="medium")
    kinds = api.get("/locker-types").body
    assert [kind["slug"] for kind in kinds] == ["small", "medium", "screen", "large"]
    counts = {kind["slug"]: (kind["lockerCount"], kind["availableCount"]) for kind in kinds}
    assert counts == {"small": (2, 2), "medium": (2, 1), "screen": (1, 0), "large": (2, 2)}
