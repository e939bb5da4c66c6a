"""schemathesis runs the cloud's contract files against a running cloud, on SQLite and on PostgreSQL, and finds nothing.

How, and each exception with its reason: cloud.toml beside this file.
"""

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.clouds import TOWER, Cloud, cloud, new_database, token
from harness.processes import openharbor

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
CONTRACTS = HERE.parents[1] / "contract"
SDK_OPERATIONS = {
    "login_access_token",
    "get_services",
    "get_services_without_slash",
    "create_session_token",
    "get_tower_configuration",
    "get_tower_commands",
    "upload_tower_events",
    "reset_tower_events",
}


def explore(contract: str, url: str, *options: str, **files: Path) -> None:
    """Runs schemathesis to its end; fails with what it found.

    `tower`: the provisioning file of the tower that it plays. `seen`: where it writes down what was answered.
    """
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "cloud.toml"), "run"]
    done = subprocess.run(
        [*command, str(CONTRACTS / contract), "--url", url, *options],
        capture_output=True,
        text=True,
        timeout=280,
        env={
            **os.environ,
            "PYTHONPATH": str(HERE.parent),
            "NO_COLOR": "1",
            **{f"CONTRACT_{name.upper()}": str(file) for name, file in files.items()},
        },
    )
    assert done.returncode == 0, f"{done.stdout[-12000:]}\n{done.stderr[-2000:]}"


@pytest.fixture(params=["sqlite", "postgres"])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cloud]:
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres").database("contract")
    with cloud(new_database(tmp_path, url), tmp_path / "log") as served:
        yield served


def test_the_service_provider_api_answers_everything_as_its_contract_says(running: Cloud) -> None:
    bearer = f"Authorization: Bearer {token(running.url, running.database.acme)}"
    explore(
        "service-provider.yaml",
        f"{running.url}/api/v1",
        *("--phases", "examples,coverage,fuzzing", "--max-examples", "6", "--header", bearer),
    )


def test_chains_of_requests_are_answered_as_the_contract_says(running: Cloud) -> None:
    bearer = f"Authorization: Bearer {token(running.url, running.database.acme)}"
    explore(
        "service-provider.yaml",
        f"{running.url}/api/v1",
        *("--phases", "stateful", "--max-examples", "30", "--header", bearer),
    )


def test_the_accounts_answer_everything_as_their_contract_says(running: Cloud) -> None:
    client = running.database.acme
    basic = base64.b64encode(f"{client.client_id}:{client.secret}".encode()).decode()
    explore(
        "accounts.yaml",
        f"{running.url}/realms/harbor",
        *("--phases", "examples,coverage,fuzzing", "--max-examples", "20", "--header", f"Authorization: Basic {basic}"),
    )


@pytest.fixture(params=["sqlite", "postgres"])
def with_staff(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cloud]:
    """Acme's client may ask for every claim, so that nothing is refused for its claims alone."""
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres").database("contract_sdk")
    database = new_database(tmp_path, url)
    openharbor("cloud", "client", "claims", *database.flags, database.acme.client_id, "owner", "technician")
    operator = ("cloud", "operator", "create", *database.flags, "technician@example.com", "--password-stdin")
    openharbor(*operator, stdin="correct horse battery staple\n")
    with cloud(database, tmp_path / "log") as served:
        yield served


def test_the_sdk_api_answers_everything_as_its_contract_says(with_staff: Cloud, tmp_path: Path) -> None:
    bearer = f"Authorization: Bearer {token(with_staff.url, with_staff.database.acme, 'tower_access')}"
    explore(
        "sdk.yaml",
        f"{with_staff.url}/sdk/v1",
        *("--phases", "examples,coverage,fuzzing", "--max-examples", "15", "--header", bearer),
        tower=tmp_path / f"{TOWER}.json",
        seen=tmp_path / "seen",
    )
    answered = {tuple(line.split()) for line in (tmp_path / "seen").read_text().splitlines()}
    assert {name for name, status in answered if status == "200"} == SDK_OPERATIONS
    assert answered >= {("upload_tower_events", "400"), ("login_access_token", "400"), ("login_access_token", "429")}
    assert {status for _, status in answered} >= {"401", "404", "422"}
