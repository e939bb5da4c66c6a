"""schemathesis runs the contract file itself against the running gateway, with every check, and finds nothing.

How, and each exception with its reason: schemathesis.toml beside this file.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.api import Api
from harness.processes import openharbor
from harness.virtual_site import await_boards, found, served, virtual

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
CONTRACT = HERE.parents[1] / "contract" / "gateway-local.yaml"
SCOPES = ("read", "transactions", "maintenance", "devices", "system")
BOARDS = [virtual("tower-a", 4), virtual("tower-b", 2)]


def explore(url: str, *options: str) -> None:
    """Runs schemathesis to its end; fails with what it found."""
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"), "run"]
    done = subprocess.run(
        [*command, str(CONTRACT), "--url", url, *options],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "PYTHONPATH": str(HERE.parent), "NO_COLOR": "1"},
    )
    assert done.returncode == 0, f"{done.stdout[-12000:]}\n{done.stderr[-2000:]}"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """A gateway on loopback: nobody needs a key."""
    with served(found(tmp_path, BOARDS, types=("small", "medium", "large", "screen"))) as service:
        api = Api(service.url)
        await_boards(api, len(BOARDS))
        yield api


def test_the_gateway_answers_everything_that_the_contract_allows_as_the_contract_says(api: Api) -> None:
    explore(api.url, "--phases", "examples,coverage,fuzzing", "--max-examples", "8")


def test_chains_of_requests_are_answered_as_the_contract_says(api: Api) -> None:
    explore(api.url, "--phases", "stateful", "--max-examples", "60")


def test_the_same_holds_where_every_caller_needs_a_key(tmp_path: Path) -> None:
    data = found(tmp_path, BOARDS, types=("small", "medium", "large", "screen"))
    scopes = [word for scope in SCOPES for word in ("--scope", scope)]
    key = openharbor("gateway", "api-key", "create", "--data", str(data), "--name", "test", *scopes).stdout.strip()
    with served(data, "--host", "0.0.0.0") as service:
        url = f"http://127.0.0.1:{service.url.rsplit(':', 1)[1]}"
        await_boards(Api(url).with_key(key), len(BOARDS))
        explore(url, "--phases", "coverage,fuzzing", "--max-examples", "3", "--header", f"X-API-Key: {key}")
