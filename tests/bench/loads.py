"""What the load generator is asked to send."""

import json
import subprocess
import sys
from typing import Any

LONG_S = 120.0
JSON = "Content-Type: application/json\r\n"


def request(method: str, path: str, body: str = "") -> str:
    """A request template; `{n}` becomes a number."""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{JSON if body else ''}Accept: */*\r\n\r\n{body}"


CREATE = request("POST", "/transactions", '{"transactionId":"parcel-{n}"}')
RELEASE = request("DELETE", "/transactions/parcel-{n}")


def burst(template: str, connections: int, limit: int, first: int = 0, seconds: float = LONG_S) -> dict[str, Any]:
    """`limit` requests, numbered from `first`."""
    return {
        "template": template,
        "connections": connections,
        "limit": limit,
        "first": first,
        "seconds": seconds,
    }


def send(host_port: str, *bursts: dict[str, Any]) -> list[dict[str, Any]]:
    """One burst after another, from a process of its own; a result for each."""
    host, _, port = host_port.rpartition(":")
    plan = json.dumps({"host": host, "port": int(port), "bursts": bursts})
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.load"], input=plan, capture_output=True, text=True, check=True
    )
    return list(json.loads(done.stdout))


def all_answered(result: dict[str, Any], status: int) -> dict[str, Any]:
    """The result, if every answer had this status; a figure of refusals means nothing."""
    assert set(result["statuses"]) == {str(status)}, result["statuses"]
    return result
