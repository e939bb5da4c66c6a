"""The shop's tour of the README runs as it stands there, by plain curl, and its answers are the contract's."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from harness.pages import ROOT, commands, marked
from harness.processes import serving

pytestmark = pytest.mark.slow

PREPARING = ("openharbor", ". ")


def test_the_shop_s_tour_of_the_readme_runs_as_told(tmp_path: Path) -> None:
    lines = commands(marked((ROOT / "README.md").read_text(), "delivery"))
    with ExitStack() as services:
        for line in [line for line in lines if line.startswith("openharbor")]:
            url = _prepare(line, tmp_path, services)
        script = [line for line in lines if not line.startswith(PREPARING)]
        answers = _typed([line.replace("http://127.0.0.1:8000", url) for line in script], tmp_path)
    reserved, token, assigned, released, types, free, drawn, link = answers
    assert reserved["duration"] == 300
    assert reserved["locker"]["status"] == {"name": "reserved", "id": 2}
    assert set(token) == {"id", "tower_id", "locker", "payload_auth", "payload", "expires"}
    assert token["locker"]["status"]["name"] == "rented"
    assert [one["assignment"]["clientInfo"] for one in assigned] == ["order-1042"]
    assert released["status"]["name"] == "declined"
    assert [one["id"] for one in types] == [1, 2, 3]
    assert free["lockerAvailability"]["totalLockers"] == 16
    assert set(drawn) == {*token, "sdk_access_token"}
    assert (link["kind"], link["status"], link["clientInfo"]) == ("dropoff", "pending", "order-1057")
    assert link["lockerId"] == drawn["locker"]["id"]


def _prepare(line: str, directory: Path, services: ExitStack) -> str:
    """Types one command of the first block; the address, once it serves."""
    if " serve " not in line:
        here = line.replace("src/openharbor", str(ROOT / "src" / "openharbor"))
        _shell(here.replace("openharbor cloud", f"{sys.executable} -m openharbor cloud"), directory)
        return ""
    words = [word.replace("sqlite:///./", f"sqlite:///{directory}/").replace("8000", "0") for word in line.split()[1:]]
    return services.enter_context(serving(*words, log=directory / "log")).url


def _typed(lines: list[str], directory: Path) -> list[Any]:
    """The answers that somebody sees who types these lines into one shell."""
    script = "\n".join(f"{line}\necho" if line.startswith(("call ", "curl ")) else line for line in lines)
    shown = _shell(script, directory).splitlines()
    return [json.loads(line) for line in shown if line.strip()]


def _shell(script: str, directory: Path) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
