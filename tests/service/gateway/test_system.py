"""Health, metrics, settings, logs and heartbeats over HTTP (gateway-local.yaml, System)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.api import Api
from harness.processes import until
from harness.virtual_site import await_boards, found, running, served, virtual


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with running(tmp_path_factory.mktemp("system"), [virtual("a", 4), virtual("b", 2)]) as api:
        yield api


def beat(**fields: Any) -> dict[str, Any]:
    return {"deviceId": "kiosk-1", "deviceType": "kiosk", "status": "ok", **fields}


def metric(api: Api, name: str) -> float | None:
    text: str = api.get("/metrics").body
    rows = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return next((float(value) for found, value in rows if found == name), None)


def test_health_counts_controllers_and_lockers(api: Api) -> None:
    health = api.get("/health").body
    assert (health["status"], health["database"]) == ("ok", "ok")
    assert health["controllers"] == {"total": 2, "online": 2}
    assert health["lockers"]["total"] == 6


def test_health_is_degraded_while_a_board_does_not_answer_and_its_lockers_say_why(tmp_path: Path) -> None:
    nobody = ("kerong-cu16+tcp://127.0.0.1:9?board=0&feedback=closed_is_1", 2)
    with served(found(tmp_path, [virtual("a", 2), nobody])) as service:
        api = Api(service.url)
        until(lambda: api.get("/health").body["controllers"]["online"] == 1, within=30)
        health = api.get("/health")
        assert (health.status, health.body["status"]) == (200, "degraded")
        locker = api.get("/lockers/3").body
        assert (locker["operational"], locker["available"], locker["reasonCode"]) == (
            False,
            False,
            "CONTROLLER_OFFLINE",
        )
        assert locker["doorOpen"] is None
        board = api.get("/system").body["controllers"][1]
        assert (board["online"], board["lastSeenAt"]) == (False, None)
        assert board["failureReason"]
        until(lambda: api.get("/lockers?operational=true").body != [], within=30)
        assert api.post("/transactions", {"transactionId": "a"}).body["lockerId"] in (1, 2)


def test_metrics_count_opens_by_outcome_and_lockers_by_state(api: Api) -> None:
    before = metric(api, 'openharbor_opens_total{outcome="opened"}') or 0.0
    number = next(one["lockerId"] for one in api.get("/lockers").body if one["doorOpen"] is False)
    assert api.post(f"/lockers/{number}/open").status == 200
    assert metric(api, 'openharbor_opens_total{outcome="opened"}') == before + 1
    available = api.get("/health").body["lockers"]["available"]
    assert metric(api, 'openharbor_lockers{state="available"}') == available
    assert api.get("/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")


def test_settings_are_changed_as_a_whole_or_not_at_all(api: Api) -> None:
    answer = api.patch("/system", {"pulseMs": 300, "timezone": "America/Denver", "siteName": "Lobby"})
    assert answer.status == 200
    assert (answer.body["settings"]["pulseMs"], answer.body["timezone"], answer.body["siteName"]) == (
        300,
        "America/Denver",
        "Lobby",
    )
    refused = api.patch("/system", {"pulseMs": 400, "openDetectionSeconds": 19})
    assert (refused.status, refused.error) == (400, "INVALID_REQUEST")
    assert refused.body["details"] == {"openDetectionSeconds": "must be 1 to 18"}
    assert api.get("/system").body["settings"]["pulseMs"] == 300


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({}, {"body": "nothing to change"}),
        ({"unknown": 1}, {"body": "nothing to change"}),
        ({"pulseMs": 49}, {"pulseMs": "must be 50 to 2000"}),
        ({"pulseMs": 2001}, {"pulseMs": "must be 50 to 2000"}),
        ({"pulseMs": "500"}, {"pulseMs": "must be 50 to 2000"}),
        ({"doorLeftOpenSeconds": -1}, {"doorLeftOpenSeconds": "must be 0 to 86400"}),
        ({"openDetectionSeconds": 0}, {"openDetectionSeconds": "must be 1 to 18"}),
        ({"timezone": "Mars/Olympus"}, {"timezone": "must be an IANA time zone name"}),
        ({"siteName": ""}, {"siteName": "must be 1 to 100 characters"}),
    ],
)
def test_a_setting_out_of_range_is_refused_with_its_limit(
    api: Api, body: dict[str, Any], details: dict[str, str]
) -> None:
    answer = api.patch("/system", body)
    assert (answer.status, answer.error, answer.body["details"]) == (400, "INVALID_REQUEST", details)


def test_a_heartbeat_registers_a_device_and_may_be_repeated(api: Api) -> None:
    for _ in range(2):
        answer = api.post("/system/heartbeat", beat(metrics={"cpuTemperatureC": 51.5}, message="Paper low"))
        assert (answer.status, answer.body) == (200, {"success": True, "message": "Heartbeat stored"})


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"deviceType": "toaster"}, "deviceType"),
        ({"status": "fine"}, "status"),
        ({"deviceId": ".hidden"}, "deviceId"),
        ({"deviceId": "x" * 65}, "deviceId"),
        ({"ipAddress": "10.0.0.256"}, "ipAddress"),
        ({"metrics": {"a": "hot"}}, "metrics"),
        ({"metrics": {str(n): n for n in range(65)}}, "metrics"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"message": "x" * 501}, "message"),
    ],
)
def test_a_malformed_heartbeat_names_its_field(api: Api, fields: dict[str, Any], named: str) -> None:
    answer = api.post("/system/heartbeat", beat(**fields))
    assert (answer.status, answer.error) == (400, "INVALID_REQUEST")
    assert named in " ".join(answer.body["details"])


@pytest.mark.slow
def test_at_most_1000_devices_are_registered_and_known_ones_go_on(tmp_path: Path) -> None:
    with running(tmp_path, [virtual("a", 1)]) as api:
        for number in range(1000):
            assert api.post("/system/heartbeat", beat(deviceId=f"d-{number}")).status == 200
        answer = api.post("/system/heartbeat", beat(deviceId="one-too-many"))
        assert (answer.status, answer.error) == (409, "CONFLICT")
        assert answer.body["details"] == {"maxDevices": "1000"}
        assert api.post("/system/heartbeat", beat(deviceId="d-0")).status == 200


def test_logs_tell_of_each_open_and_can_be_filtered_by_level_time_and_number(api: Api) -> None:
    assert api.post("/lockers/5/open").status == 200
    opened = [one for one in api.get("/system/logs?limit=1000").body if one["logger"] == "openharbor.opening"]
    assert opened[-1]["context"]["lockerId"] == 5
    ids = [one["id"] for one in api.get("/system/logs?limit=1000").body]
    assert ids == sorted(set(ids))
    assert len(api.get("/system/logs?limit=1").body) == 1
    since = opened[-1]["timestamp"]
    assert all(one["timestamp"] >= since for one in api.get(f"/system/logs?since={since}").body)
    levels = {one["level"] for one in api.get("/system/logs?level=error&limit=1000").body}
    assert levels <= {"error", "critical"}


@pytest.mark.parametrize("query", ["level=loud", "limit=0", "limit=1001", "limit=ten", "since=yesterday"])
def test_a_malformed_log_query_is_refused_and_named(api: Api, query: str) -> None:
    answer = api.get(f"/system/logs?{query}")
    assert (answer.status, answer.error) == (400, "INVALID_REQUEST")
    assert list(answer.body["details"]) == [query.partition("=")[0]]


@pytest.mark.slow
def test_ids_of_log_entries_rise_over_restarts(tmp_path: Path) -> None:
    data = found(tmp_path, [virtual("a", 1)])
    last = 0
    for _ in range(2):
        with served(data) as service:
            api = Api(service.url)
            await_boards(api, 1)
            ids = [one["id"] for one in api.get("/system/logs?limit=1000").body]
            assert ids
            assert min(ids) > last
            last = max(ids)


def test_malformed_requests_name_what_is_wrong(api: Api) -> None:
    bad_json = api.call("POST", "/transactions", b'{"transactionId": ')
    assert (bad_json.status, bad_json.error, list(bad_json.body["details"])) == (400, "INVALID_REQUEST", ["body"])
    kind = api.call("POST", "/transactions", b"{}", Content_Type="text/plain")
    assert (kind.status, kind.error, kind.body["details"]) == (
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        {"contentType": "text/plain"},
    )
    large = api.call("POST", "/transactions", b" " * 65537)
    assert (large.status, large.error, large.body["details"]) == (413, "PAYLOAD_TOO_LARGE", {"maxBytes": "65536"})
    missing = api.post("/transactions", {})
    assert missing.body["details"] == {"transactionId": "is required"}
    for path, field in (("/lockers/x", "lockerId"), ("/lockers/0", "lockerId"), ("/transactions/.a", "transactionId")):
        answer = api.get(path)
        assert (answer.status, list(answer.body["details"])) == (400, [field])


def test_a_locker_is_refused_a_change_that_changes_nothing_or_has_no_reason(api: Api) -> None:
    assert api.patch("/lockers/1", {}).body["details"] == {"body": "nothing to change"}
    assert api.patch("/lockers/1", {"outOfService": True}).body["details"] == {"reasonCode": "is required"}
    assert list(api.patch("/lockers/1", {"brokenLock": "yes"}).body["details"]) == ["brokenLock"]


def test_open_all_refuses_fields_that_it_does_not_know(api: Api) -> None:
    answer = api.post("/lockers/open-all", {"lockerIds": [1, 2]})
    assert (answer.status, answer.body["details"]) == (400, {"lockerIds": "is not accepted here"})
    assert api.post("/lockers/open-all", {"bankId": 9}).error == "NOT_FOUND"
    assert api.post("/lockers/open-all", {"lockerType": "giant"}).error == "LOCKER_TYPE_NOT_FOUND"
    none = api.post("/lockers/open-all", {"lockerType": "large"})
    assert (none.status, none.body["totalLockers"], none.body["results"]) == (200, 0, [])


@pytest.mark.slow
def test_open_all_opens_every_locker_in_service_and_those_only(tmp_path: Path) -> None:
    with running(tmp_path, [virtual("a", 2), virtual("b", 2)]) as api:
        api.patch("/lockers/2", {"outOfService": True, "reasonCode": "CLEANING"})
        answer = api.post("/lockers/open-all")
        assert answer.status == 200
        assert [one["lockerId"] for one in answer.body["results"]] == [1, 3, 4]
        assert all(one["confirmed"] for one in answer.body["results"])
        assert (answer.body["openedCount"], answer.body["failedCount"]) == (3, 0)
        assert api.get("/lockers/2").body["openCount"] == 0


@pytest.mark.slow
def test_more_than_15_pulses_a_minute_for_one_lock_are_refused_and_nothing_is_fired(tmp_path: Path) -> None:
    board = ("virtual://a?lockers=1&min_repeat_ms=0&speaks=modbus-tcp&pulse_ms=100", 1)
    with running(tmp_path, [board]) as api:
        answers = [api.post("/lockers/1/open") for _ in range(16)]
        assert [one.status for one in answers] == [200] * 15 + [429]
        assert answers[-1].error == "RATE_LIMITED"
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert api.get("/lockers/1").body["openCount"] == 15
