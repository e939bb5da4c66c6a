"""Opens over HTTP on an emulated cabinet: what is answered, counted and believed afterwards."""

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.api import Api
from harness.emulated import Emulated, emulated
from harness.processes import until
from harness.virtual_site import running

pytestmark = pytest.mark.slow


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Api, Emulated]]:
    """Four lockers on a board that pulses for 100 ms; a door has one second to open."""
    with emulated("modbus-tcp", 4, tmp_path) as cabinet:
        board = (f"{cabinet.address}&pulse_ms=100", 4)
        with running(tmp_path / "site", [board], detection=1) as api:
            yield api, cabinet


def jam(cabinet: Emulated, lock: int, fault: str = "jam") -> None:
    assert cabinet.control.post(f"/lockers/{lock}/fault", {"fault": fault}).status < 300


def test_an_open_is_counted_for_its_locker_and_its_transaction(site: tuple[Api, Emulated]) -> None:
    api, cabinet = site
    locker = api.post("/transactions", {"transactionId": "t"}).body["lockerId"]
    answer = api.post("/transactions/t/open").body
    assert (answer["success"], answer["lockerId"], answer["doorOpen"], answer["confirmed"]) == (
        True,
        locker,
        True,
        True,
    )
    assert (answer["message"], answer["attempts"]) == ("Door opened", 1)
    assert 0 < answer["durationMs"] < 20_000
    transaction = api.get("/transactions/t").body
    assert transaction["openCount"] == 1
    assert transaction["lastOpenedAt"] is not None
    shown = api.get(f"/lockers/{locker}").body
    assert (shown["openCount"], shown["doorOpen"], shown["available"]) == (1, True, False)
    assert cabinet.pulsed() == [locker]


def test_a_door_that_stands_open_is_fired_all_the_same_and_not_confirmed(site: tuple[Api, Emulated]) -> None:
    api, cabinet = site
    assert api.post("/lockers/2/open").body["confirmed"] is True
    again = api.post("/lockers/2/open")
    assert again.status == 200
    assert (again.body["doorOpen"], again.body["confirmed"]) == (True, False)
    assert cabinet.pulsed() == [2, 2]


def test_three_jammed_opens_in_a_row_make_a_locker_not_operational_until_one_succeeds(
    site: tuple[Api, Emulated],
) -> None:
    api, cabinet = site
    jam(cabinet, 1)
    for number in range(3):
        assert api.get("/lockers/1").body["operational"] is True, number
        answer = api.post("/lockers/1/open")
        assert (answer.status, answer.error) == (500, "HARDWARE_MALFUNCTION")
        assert answer.body["details"]["doorOpen"] == "false"
        assert answer.body["details"]["attempts"] == "1"
    shown = api.get("/lockers/1").body
    assert (shown["operational"], shown["available"], shown["reasonCode"]) == (False, False, "LOCK_MALFUNCTION")
    jam(cabinet, 1, "none")
    assert api.post("/lockers/1/open").status == 200
    shown = api.get("/lockers/1").body
    assert (shown["operational"], shown["reasonCode"]) == (True, None)


def test_broken_lock_ends_a_lock_malfunction_and_its_opens_ignore_the_sensor(site: tuple[Api, Emulated]) -> None:
    api, cabinet = site
    jam(cabinet, 1)
    for _ in range(3):
        assert api.post("/lockers/1/open").status == 500
    assert api.patch("/lockers/1", {"brokenLock": True}).status == 200
    shown = api.get("/lockers/1").body
    assert (shown["operational"], shown["doorOpen"], shown["brokenLock"]) == (True, None, True)
    answer = api.post("/lockers/1/open")
    assert (answer.status, answer.body["doorOpen"], answer.body["confirmed"]) == (200, None, False)
    assert answer.body["message"] == "Lock fired; door sensor ignored"
    assert cabinet.pulsed() == [1, 1, 1, 1]


def test_a_board_without_sensors_opens_unconfirmed(tmp_path: Path) -> None:
    with emulated("waveshare", 2, tmp_path) as cabinet:
        blind = cabinet.address.replace("feedback=closed_is_1", "feedback=none")
        assert blind != cabinet.address
        with running(tmp_path / "site", [(blind, 2)], detection=1) as api:
            assert api.get("/lockers/1").body["doorOpen"] is None
            answer = api.post("/lockers/1/open")
            assert (answer.status, answer.body["doorOpen"], answer.body["confirmed"]) == (200, None, False)
            assert answer.body["message"] == "Lock fired; this lock has no door sensor"
            assert cabinet.pulsed() == [1]


def test_a_locker_out_of_service_can_be_opened(site: tuple[Api, Emulated]) -> None:
    api, cabinet = site
    assert api.patch("/lockers/3", {"outOfService": True, "reasonCode": "CLEANING"}).status == 200
    assert api.post("/lockers/3/open").body["confirmed"] is True
    assert cabinet.pulsed() == [3]


def test_an_open_goes_on_when_its_caller_hangs_up(site: tuple[Api, Emulated]) -> None:
    api, cabinet = site
    connection = http.client.HTTPConnection(api.url.removeprefix("http://"))
    connection.request("POST", "/lockers/4/open")
    until(lambda: cabinet.pulsed() == [4])
    connection.close()
    until(lambda: api.get("/lockers/4").body["openCount"] == 1)


def test_open_all_tells_of_each_locker_when_some_fail(site: tuple[Api, Emulated]) -> None:
    api, cabinet = site
    jam(cabinet, 2)
    answer = api.post("/lockers/open-all")
    assert answer.status == 207
    assert (answer.body["success"], answer.body["openedCount"], answer.body["failedCount"]) == (False, 3, 1)
    results = {one["lockerId"]: one for one in answer.body["results"]}
    assert list(results) == [1, 2, 3, 4]
    assert (results[2]["status"], results[2]["error"]) == (500, "HARDWARE_MALFUNCTION")
    assert [results[number]["status"] for number in (1, 3, 4)] == [200, 200, 200]
    assert "error" not in results[1]
    assert sorted(cabinet.pulsed()) == [1, 2, 3, 4]
    assert cabinet.violations() == []


def test_open_all_on_a_dead_board_is_unreachable_and_fires_nothing(site: tuple[Api, Emulated]) -> None:
    api, cabinet = site
    assert cabinet.control.post("/power", {"on": False}).status < 300
    answer = api.post("/lockers/open-all")
    assert (answer.status, answer.error) == (503, "CONTROLLER_UNREACHABLE")
    assert answer.body["details"] == {"totalLockers": "4", "controllerIds": "1"}
    assert int(answer.headers["retry-after"]) >= 1
    assert cabinet.pulsed() == []


def test_a_board_that_goes_away_and_comes_back_takes_its_lockers_along(site: tuple[Api, Emulated]) -> None:
    api, cabinet = site
    assert cabinet.control.post("/power", {"on": False}).status < 300
    until(lambda: api.get("/lockers/1").body["reasonCode"] == "CONTROLLER_OFFLINE", within=30)
    assert api.get("/health").body["status"] == "degraded"
    assert api.get("/lockers/1").body["doorOpen"] is None
    assert api.post("/transactions", {"transactionId": "t"}).error == "NO_AVAILABLE_LOCKERS"
    assert cabinet.control.post("/power", {"on": True}).status < 300
    until(lambda: api.get("/lockers/1").body["operational"], within=60)
    assert api.post("/transactions", {"transactionId": "t"}).status == 201


def test_a_door_opened_by_hand_is_seen_and_told_in_the_log(site: tuple[Api, Emulated]) -> None:
    api, cabinet = site
    assert cabinet.control.post("/lockers/1/door", {"open": True, "force": True}).status < 300
    until(lambda: api.get("/lockers/1").body["doorOpen"] is True)
    warnings = [one["message"] for one in api.get("/system/logs?level=warning").body]
    assert "Uncommanded open" in warnings
    cabinet.shut(1)
    until(lambda: api.get("/lockers/1").body["doorOpen"] is False)
