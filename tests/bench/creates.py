"""Creating transactions, durably, beside the same server that stores nothing.

Lockers run out, so creates are measured in bursts; what they made is released between them, untimed.
"""

from pathlib import Path
from statistics import median
from typing import Any

from harness.gateways import Gateway

from .figures import Figure, least
from .loads import CREATE, RELEASE, all_answered, burst, send
from .servers import serving_constant, serving_gateway, slow_disk, virtual_site

LOCKERS = 1000
ROUNDS = 12
LIMITS = {1: None, 16: None, 64: 0.6}
SLOW_LIMIT = 0.3


def measure(directory: Path) -> list[Figure]:
    data = virtual_site(directory / "creates", LOCKERS)
    figures = []
    with serving_gateway(data) as gate, serving_constant(answer_bytes(gate)) as constant:
        rounds(gate, constant, 64, 1)  # warms both up
        for connections, limit in LIMITS.items():
            figures += compared(f"creates/s, {connections} connections", rounds(gate, constant, connections), limit)
    with serving_gateway(data, slow_disk(directory)) as gate, serving_constant(answer_bytes(gate)) as constant:
        measured = rounds(gate, constant, 64)
        figures += compared("creates/s, 64 connections, fsync 5 ms slower", measured, SLOW_LIMIT)
    return figures


def answer_bytes(gate: Gateway) -> int:
    """The size of a create's answer."""
    with gate.client() as client:
        size = len(client.post("/transactions", {"transactionId": "parcel-0"}).body)
        client.delete("/transactions/parcel-0")
    return size


def rounds(gate: Gateway, constant: str, connections: int, count: int = ROUNDS) -> list[tuple[dict[str, Any], ...]]:
    """Bursts of creates, each followed by the same burst at the constant."""
    return [
        (
            create_all(gate, connections),
            all_answered(send(constant, burst(CREATE, connections, LOCKERS))[0], 201),
        )
        for _ in range(count)
    ]


def create_all(gate: Gateway, connections: int, lockers: int = LOCKERS) -> dict[str, Any]:
    """Takes every locker (timed), gives every one back (untimed)."""
    created, released = send(gate.service.host_port, burst(CREATE, connections, lockers), burst(RELEASE, 16, lockers))
    all_answered(released, 204)
    return all_answered(created, 201)


def compared(name: str, measured: list[tuple[dict[str, Any], ...]], limit: float | None) -> list[Figure]:
    """Medians over the rounds; the share is that of each round, since a busy machine slows both of it down."""
    created, constant = (median(one[part]["rate"] for one in measured) for part in (0, 1))
    share = median(mine["rate"] / base["rate"] for mine, base in measured)
    p99 = median(one["p99_ms"] for one, _ in measured)
    figures = [Figure(name, created, "/s", note=f"p99 {p99:.1f} ms; the constant {constant:,.0f}/s")]
    if limit is not None:
        figures.append(least(f"{name}: share of the constant", share, limit, ""))
    return figures
