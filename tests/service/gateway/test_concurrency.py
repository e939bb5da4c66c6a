"""Many clients at once: no locker twice, one answer for one key, one pulse for one key."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from harness.api import Api, Reply
from harness.emulated import Emulated, emulated
from harness.virtual_site import running, virtual

pytestmark = pytest.mark.slow


def at_once(clients: int, ask: Callable[[int], Reply]) -> list[Reply]:
    """The answers of so many clients that all start together."""
    start = Barrier(clients)

    def one(number: int) -> Reply:
        start.wait(60)
        return ask(number)

    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(one, range(clients)))


@pytest.fixture
def fifty(tmp_path: Path) -> Iterator[Api]:
    """A gateway with fifty lockers."""
    with running(tmp_path, [virtual("north", 25), virtual("south", 25)]) as api:
        yield api


@pytest.fixture
def wired(tmp_path: Path) -> Iterator[tuple[Api, Emulated]]:
    """A gateway whose four locks hang on an emulated board, which counts what reaches the solenoids."""
    with emulated("kerong-cu16", 4, tmp_path) as cabinet, running(tmp_path / "site", [(cabinet.address, 4)]) as api:
        yield api, cabinet


def test_of_200_clients_exactly_50_get_one_of_50_lockers_and_no_locker_is_given_twice(fifty: Api) -> None:
    answers = at_once(200, lambda n: fifty.post("/transactions", {"transactionId": f"parcel-{n}"}))
    assert Counter(answer.status for answer in answers) == {201: 50, 503: 150}
    assert {answer.error for answer in answers if answer.status == 503} == {"NO_AVAILABLE_LOCKERS"}
    given = [answer.body["lockerId"] for answer in answers if answer.status == 201]
    assert sorted(given) == list(range(1, 51))
    listed = {one["transactionId"]: one["lockerId"] for one in fifty.get("/transactions").body}
    assert listed == {one.body["transactionId"]: one.body["lockerId"] for one in answers if one.status == 201}


def test_the_same_transaction_from_50_clients_is_created_once_and_49_are_shown_it(fifty: Api) -> None:
    answers = at_once(50, lambda _: fifty.post("/transactions", {"transactionId": "parcel"}))
    assert Counter(answer.status for answer in answers) == {201: 1, 409: 49}
    assert len({answer.body["lockerId"] for answer in answers}) == 1
    assert len({str(answer.body) for answer in answers}) == 1
    assert len(fifty.get("/transactions").body) == 1


def test_one_idempotency_key_from_20_clients_creates_once_and_is_replayed_19_times(fifty: Api) -> None:
    answers = at_once(
        20, lambda _: fifty.post("/transactions", {"transactionId": "parcel"}, Idempotency_Key="only-one")
    )
    assert Counter(answer.status for answer in answers) == {201: 20}
    assert sum(answer.replayed for answer in answers) == 19
    assert len({str(answer.body) for answer in answers}) == 1


def test_parallel_releases_free_the_locker_once(fifty: Api) -> None:
    assert fifty.post("/transactions", {"transactionId": "parcel"}).status == 201
    answers = at_once(20, lambda _: fifty.delete("/transactions/parcel"))
    assert Counter(answer.status for answer in answers) == {204: 1, 404: 19}
    assert fifty.get("/health").body["lockers"]["available"] == 50


def test_creates_and_releases_in_a_crowd_never_give_a_locker_that_is_held(fifty: Api) -> None:
    def come_and_go(number: int) -> Reply:
        name = f"parcel-{number}"
        answer = fifty.post("/transactions", {"transactionId": name})
        if answer.status == 201 and number % 2:
            assert fifty.delete(f"/transactions/{name}").status == 204
        return answer

    answers = at_once(120, come_and_go)
    held = [one["lockerId"] for one in fifty.get("/transactions").body]
    assert len(held) == len(set(held))
    kept = [one for number, one in enumerate(answers) if one.status == 201 and number % 2 == 0]
    assert sorted(held) == sorted(one.body["lockerId"] for one in kept)
    assert {answer.status for answer in answers} <= {201, 503}


def test_parallel_opens_with_one_key_fire_once(wired: tuple[Api, Emulated]) -> None:
    api, cabinet = wired
    answers = at_once(12, lambda _: api.post("/lockers/2/open", Idempotency_Key="once"))
    assert Counter(answer.status for answer in answers) == {200: 12}
    assert sum(not answer.replayed for answer in answers) == 1
    assert len({str(answer.body) for answer in answers}) == 1
    assert cabinet.pulsed() == [2]


def test_one_key_for_two_lockers_opens_one_of_them_and_is_a_conflict_for_the_other(wired: tuple[Api, Emulated]) -> None:
    api, cabinet = wired
    answers = at_once(10, lambda n: api.post(f"/lockers/{n % 2 + 1}/open", Idempotency_Key="once"))
    assert Counter(answer.status for answer in answers) == {200: 5, 409: 5}
    opened = {answer.body["lockerId"] for answer in answers if answer.status == 200}
    assert cabinet.pulsed() == sorted(opened)
    assert len(opened) == 1


def test_parallel_opens_of_different_lockers_fire_each_once_and_never_two_coils_together(
    wired: tuple[Api, Emulated],
) -> None:
    api, cabinet = wired
    answers = at_once(4, lambda n: api.post(f"/lockers/{n + 1}/open"))
    assert [answer.status for answer in answers] == [200] * 4
    assert all(answer.body["confirmed"] for answer in answers)
    assert sorted(cabinet.pulsed()) == [1, 2, 3, 4]
    assert cabinet.violations() == []


def test_a_second_open_all_during_the_first_is_a_conflict_and_fires_nothing(wired: tuple[Api, Emulated]) -> None:
    api, cabinet = wired
    answers = at_once(4, lambda _: api.post("/lockers/open-all"))
    assert Counter(answer.status for answer in answers) == {200: 1, 409: 3}
    assert {answer.error for answer in answers if answer.status == 409} == {"CONFLICT"}
    assert sorted(cabinet.pulsed()) == [1, 2, 3, 4]
