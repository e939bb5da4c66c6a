"""Settings of the service: flags, then environment, then the file, then defaults (cli.md; docs/operators.md)."""

import json
from pathlib import Path

import pytest

from harness.api import Api
from harness.processes import openharbor
from harness.virtual_site import await_boards, found, served, virtual


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return found(tmp_path, [virtual("a", 1)])


def largest_body(data: Path, *flags: str, env: dict[str, str] | None = None) -> int:
    """The limit that a served gateway names when it is sent too much."""
    with served(data, *flags, env=env) as service:
        answer = Api(service.url).post("/transactions", b" " * 70_000)
        assert answer.error == "PAYLOAD_TOO_LARGE"
        return int(answer.body["details"]["maxBytes"])


@pytest.mark.slow
def test_the_environment_goes_before_the_file_and_the_file_before_the_default(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "service.toml"
    file.write_text("[gateway]\nbody_bytes = 2048\n")
    assert largest_body(data) == 65_536
    assert largest_body(data, "--config", str(file)) == 2048
    assert largest_body(data, "--config", str(file), env={"OPENHARBOR_GATEWAY_BODY_BYTES": "4096"}) == 4096


@pytest.mark.slow
def test_a_flag_goes_before_the_environment(data: Path) -> None:
    with served(data, env={"OPENHARBOR_GATEWAY_PORT": "1"}) as service:  # `served` gives --port 0
        assert Api(service.url).get("/health").status == 200


@pytest.mark.slow
def test_origins_and_hosts_that_the_operator_names_may_call(data: Path) -> None:
    env = {
        "OPENHARBOR_GATEWAY_ALLOWED_ORIGINS": "https://kiosk.example",
        "OPENHARBOR_GATEWAY_ALLOWED_HOSTS": "lobby.example",
    }
    with served(data, env=env) as service:
        api = Api(service.url)
        assert api.get("/lockers", Origin="https://kiosk.example").status == 200
        assert api.get("/lockers", Origin="https://other.example").status == 403
        assert api.get("/lockers", Host="lobby.example").status == 200
        assert api.get("/lockers", Host="other.example").status == 403


@pytest.mark.slow
def test_callers_on_loopback_are_not_limited(data: Path) -> None:
    with served(data, env={"OPENHARBOR_GATEWAY_REQUESTS_PER_MINUTE": "5"}) as service:
        assert {Api(service.url).get("/lockers").status for _ in range(20)} == {200}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[gateway]\nport = 70000\n", ["port", "must be 0 to 65535"]),
        ("[gateway]\nbody_bytes = 'large'\n", ["body_bytes", "must be 1024 to 16777216 bytes"]),
        ("[gateway]\ncolour = 'red'\n", ["colour"]),
        ("[gateway\n", ["service.toml"]),
    ],
)
def test_a_wrong_setting_in_the_file_is_refused_by_name_and_range(
    data: Path, tmp_path: Path, text: str, named: list[str]
) -> None:
    file = tmp_path / "service.toml"
    file.write_text(text)
    done = openharbor("gateway", "serve", "--data", str(data), "--config", str(file), check=False)
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    for words in named:
        assert words in done.stderr, done.stderr


def test_serving_a_directory_without_a_gateway_says_what_to_do(tmp_path: Path) -> None:
    done = openharbor("gateway", "serve", "--data", str(tmp_path), "--port", "0", check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    assert "gateway init" in done.stderr


@pytest.mark.slow
def test_logs_are_json_lines_where_nobody_watches_and_the_level_can_be_chosen(data: Path) -> None:
    with served(data, "--log-level", "warning") as service:
        await_boards(Api(service.url), 1)
        assert service.log.read_text() == ""
    with served(data, "--log-level", "debug") as service:
        await_boards(Api(service.url), 1)
        entries = [json.loads(line) for line in service.log.read_text().splitlines()]
    assert entries
    assert all({"timestamp", "level", "logger", "message"} <= set(entry) for entry in entries)


@pytest.mark.slow
def test_the_address_on_the_ready_line_is_the_one_that_is_served(data: Path) -> None:
    with served(data) as service:
        assert service.ready == f"openharbor gateway ready {service.url}"
        assert service.url.startswith("http://127.0.0.1:")
