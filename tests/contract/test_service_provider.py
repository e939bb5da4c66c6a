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

from harness.clouds import Cloud, cloud, new_database, token

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
CONTRACTS = HERE.parents[1] / "contract"


def explore(contract: str, url: str, *options: str) -> None:
    """Runs schemathesis to its end; fails with what it found."""
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "cloud.toml"), "run"]
    done = subprocess.run(
        [*command, str(CONTRACTS / contract), "--url", url, *options],
        capture_output=True,
        text=True,
        timeout=280,
        env={**os.environ, "PYTHONPATH": str(HERE.parent), "NO_COLOR": "1"},
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
