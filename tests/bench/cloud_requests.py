"""What the load generator is asked to send to a cloud, and to the servers beside it."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from .loads import all_answered

BODY = '{"duration":3600,"client_info":"parcel 4711"}'
EACH = 4  # tokens of a locker: its first (row A2 of locker-states.md) and three more of the same assignment (A7)
APART = 600  # lockers between two tokens of the same one, so that the 64 connections hardly ever meet at a locker
Locker = tuple[str, int]  # tower id and locker id


def mints(lockers: Sequence[Locker], token: str, connections: int) -> dict[str, Any]:
    """`EACH` drop-off tokens for each locker."""
    blocks = [lockers[first : first + APART] for first in range(0, len(lockers), APART)]
    order = [locker for block in blocks for _ in range(EACH) for locker in block]
    paths = [f"/api/v1/towers/{tower}/lockers/{number}/dropoff-locker-tokens" for tower, number in order]
    headers = {"Content-Type": "application/json", **authorization(token)}
    return {"method": "POST", "headers": headers, "body": BODY, "paths": paths, "connections": connections}


def reads(paths: Sequence[str], token: str, connections: int = 1) -> dict[str, Any]:
    return {"method": "GET", "headers": authorization(token), "body": "", "paths": paths, "connections": connections}


def authorization(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}", "Accept": "*/*"}


def send(host_port: str, burst: dict[str, Any]) -> dict[str, Any]:
    """The result of one burst, sent from a process of its own, if every answer was a 200."""
    host, _, port = host_port.rpartition(":")
    plan = json.dumps({"host": host, "port": int(port), "bursts": [burst]})
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.cloud_load"], input=plan, capture_output=True, text=True, check=True
    )
    return all_answered(json.loads(done.stdout)[0], 200)
