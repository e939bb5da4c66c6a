"""`openharbor demo`: a whole transaction on emulated cabinets, told step by step; exit 0 only if each step was seen."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

# What a listener must have heard, in this order.
STEPS = ("cabinet", "gateway", "transaction", "locker", "open", "door", "confirmed", "release")


def demo(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "openharbor", "demo", *flags],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "NO_COLOR": "1"},
    )


def test_the_demo_ends_well_and_tells_each_step() -> None:
    done = demo()
    assert done.returncode == 0, done.stdout + done.stderr
    told = done.stdout.lower()
    for step in STEPS:
        assert step in told, done.stdout
    assert "Traceback" not in done.stderr


def test_the_demo_speaks_a_real_lock_board_protocol() -> None:
    done = demo("--seed", "11")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "kerong" in done.stdout.lower() or "wkly" in done.stdout.lower()
