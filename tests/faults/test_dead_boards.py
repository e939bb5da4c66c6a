"""Boards that do not answer, boards that come back, and a gateway that is told to stop during an open."""

import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from harness.cabinets import Cabinet, cabinet, with_parameters
from harness.client import LOST, Answered, Client
from harness.gateways import Gateway, gateway, new_site, start_gateway
from harness.processes import until

pytestmark = pytest.mark.slow

QUICK = "pulse_ms=100"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def cabinets(log: Path) -> Iterator[tuple[Cabinet, Cabinet]]:
    with cabinet(log) as first, cabinet(log) as second:
        yield first, second


def site_of(directory: Path, *addresses: str, detection: int = 2) -> Path:
    return new_site(directory, [(with_parameters(one, QUICK), 8) for one in addresses], detection=detection)


def nobody_listens() -> str:
    """The address of a board behind a port where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"waveshare+tcp://127.0.0.1:{taken.getsockname()[1]}?unit=1&feedback=closed_is_1"


def controllers(client: Client) -> list[Any]:
    return list(client.get("/system").json["controllers"])


def online(client: Client) -> list[bool]:
    return [one["online"] for one in controllers(client)]


def open_locker(gate: Gateway, locker: int, key: str | None = None) -> Answered:
    with gate.client() as client:
        return client.post(f"/lockers/{locker}/open", key=key)


def test_a_board_that_is_absent_at_the_start_is_told_with_its_reason_and_the_others_work(
    tmp_path: Path, log: Path, cabinets: tuple[Cabinet, Cabinet]
) -> None:
    data = site_of(tmp_path, nobody_listens(), cabinets[0].address)
    with gateway(data, log) as gate, gate.client() as client:
        until(lambda: online(client) == [False, True])
        until(lambda: controllers(client)[0]["failureReason"] is not None)
        dead, alive = controllers(client)
        assert dead["failureReason"].strip()
        assert (dead["lastSeenAt"], alive["failureReason"]) == (None, None)
        health = client.get("/health")
        assert (health.status, health.json["status"], health.json["controllers"]) == (
            200,
            "degraded",
            {"total": 2, "online": 1},
        )
        until(lambda: all(one["doorOpen"] is False for one in client.get("/lockers?bankId=2").json))
        for locker in client.get("/lockers?bankId=1").json:
            shown = {name: locker[name] for name in ("operational", "available", "reasonCode", "doorOpen")}
            assert shown == {
                "operational": False,
                "available": False,
                "reasonCode": "CONTROLLER_OFFLINE",
                "doorOpen": None,
            }
        created = client.post("/transactions", {"transactionId": "parcel"})
        assert (created.status, created.json["bankId"]) == (201, 2)
        assert client.post("/transactions/parcel/open").json["confirmed"] is True


def test_an_open_on_an_absent_board_ends_with_controller_unreachable(tmp_path: Path, log: Path) -> None:
    data = site_of(tmp_path, nobody_listens())
    with gateway(data, log) as gate:
        answer = open_locker(gate, 1, key="open")
        assert (answer.status, answer.error) == (503, "CONTROLLER_UNREACHABLE")
        details = answer.json["details"]
        assert (details["lockerId"], details["controllerId"], details["doorOpen"]) == ("1", "1", "unknown")
        again = open_locker(gate, 1, key="open")
        assert (again.body, again.replayed) == (answer.body, True)


@pytest.mark.parametrize("fault", ["silent", "garbage", "half_frame"])
def test_a_board_that_is_not_to_be_understood_delays_no_other(
    tmp_path: Path, log: Path, cabinets: tuple[Cabinet, Cabinet], fault: str
) -> None:
    data = site_of(tmp_path, *(one.address for one in cabinets))
    with gateway(data, log) as gate, ThreadPoolExecutor(1) as thread:
        gate.wait_healthy()
        cabinets[0].line_fault(fault)
        dead = thread.submit(open_locker, gate, 1)
        quick = [open_locker(gate, number) for number in (9, 10)]
        assert not dead.done(), "the living board's opens waited for the dead one's"
        assert [(one.status, one.json["confirmed"]) for one in quick] == [(200, True)] * 2
        assert (dead.result().status, dead.result().error) == (503, "CONTROLLER_UNREACHABLE")
        with gate.client() as client:
            until(lambda: online(client) == [False, True])
        assert cabinets[1].pulses() == {1: 1, 2: 1}


def test_a_board_that_falls_silent_goes_offline_and_comes_back_by_itself(
    tmp_path: Path, log: Path, cabinets: tuple[Cabinet, Cabinet]
) -> None:
    data = site_of(tmp_path, *(one.address for one in cabinets))
    with gateway(data, log) as gate, gate.client() as client:
        gate.wait_healthy()
        cabinets[0].line_fault("silent")
        until(lambda: online(client) == [False, True], within=30)
        assert all(one["doorOpen"] is None for one in client.get("/lockers?bankId=1").json)
        cabinets[0].line_fault("none")
        until(lambda: online(client) == [True, True], within=60)
        assert client.post("/lockers/1/open").json["confirmed"] is True


def test_an_open_reaches_a_cabinet_that_is_back_without_waiting_for_the_next_poll(tmp_path: Path, log: Path) -> None:
    with cabinet(log) as first:
        data = site_of(tmp_path, first.address)
        with gateway(data, log) as gate, gate.client() as client:
            gate.wait_healthy()
            first.service.kill()
            until(lambda: online(client) == [False], within=30)
            with cabinet(log, port=first.port) as second:
                assert client.post("/lockers/1/open").status == 200
                assert second.pulses() == {1: 1}
                until(lambda: online(client) == [True], within=60)


def test_told_to_stop_during_an_open_it_ends_that_open_answers_reads_and_refuses_changes(
    tmp_path: Path, log: Path, cabinets: tuple[Cabinet, Cabinet]
) -> None:
    data = site_of(tmp_path, cabinets[0].address, detection=5)
    gate = start_gateway(data, log)
    try:
        gate.wait_healthy()
        with ThreadPoolExecutor(1) as thread, gate.client() as client:
            opening = jammed_open(thread, gate, cabinets[0])
            gate.service.process.send_signal(signal.SIGTERM)
            until(lambda: client.delete("/transactions/nobody").error == "SHUTTING_DOWN")
            assert client.get("/lockers").status == 200
            assert client.get("/health").status == 200
            for refused in (
                client.post("/transactions", {"transactionId": "late"}),
                client.post("/lockers/2/open"),
                client.patch("/lockers/2", {"brokenLock": True}),
            ):
                assert (refused.status, refused.error) == (503, "SHUTTING_DOWN")
            assert (opening.result().status, opening.result().error) == (500, "HARDWARE_MALFUNCTION")
        assert gate.service.process.wait(30) == 0
        assert cabinets[0].pulses() == {1: 1}
    finally:
        gate.service.kill()
    with gateway(data, log) as restarted, restarted.client() as client:
        again = client.post("/lockers/1/open", key="jammed")
        assert (again.status, again.body, again.replayed) == (500, opening.result().body, True)
        assert client.get("/transactions").json == []


def test_told_twice_to_stop_it_is_gone_at_once_with_exit_code_130(
    tmp_path: Path, log: Path, cabinets: tuple[Cabinet, Cabinet]
) -> None:
    data = site_of(tmp_path, cabinets[0].address, detection=18)
    gate = start_gateway(data, log)
    try:
        gate.wait_healthy()
        with ThreadPoolExecutor(1) as thread, gate.client() as client:
            opening = jammed_open(thread, gate, cabinets[0])
            gate.service.process.send_signal(signal.SIGTERM)
            until(lambda: client.delete("/transactions/nobody").error == "SHUTTING_DOWN")
            gate.service.process.send_signal(signal.SIGTERM)
            assert gate.service.process.wait(10) == 130
            assert isinstance(opening.exception(10), LOST)
    finally:
        gate.service.kill()
    with gateway(data, log) as restarted, restarted.client() as client:
        until(lambda: client.post("/lockers/1/open", key="jammed").replayed)
        again = client.post("/lockers/1/open", key="jammed")
        assert (again.status, again.error) == (500, "INTERNAL_ERROR")
        assert cabinets[0].pulses() == {1: 1}


def jammed_open(thread: ThreadPoolExecutor, gate: Gateway, board: Cabinet) -> Any:
    """An open of locker 1 that has fired and waits for a door that does not move; its future."""
    board.fault(1, "jam")
    opening = thread.submit(open_locker, gate, 1, "jammed")
    until(lambda: board.pulses() == {1: 1})
    return opening
