"""Listing a site of a thousand lockers."""

import time
from pathlib import Path
from statistics import quantiles

from .figures import Figure, most
from .servers import serving_gateway, virtual_site

LOCKERS, TIMES = 1000, 200
LIMIT_MS = 10.0


def measure(directory: Path) -> list[Figure]:
    data = virtual_site(directory / "lists", LOCKERS)
    took = []
    with serving_gateway(data) as gate, gate.client() as client:
        for number in range(TIMES):
            if number % 20 == 0:  # what was made ready for the last list must not be all that is measured
                client.post("/transactions", {"transactionId": f"parcel-{number}"})
            began = time.monotonic()
            answer = client.get("/lockers")
            took.append((time.monotonic() - began) * 1000)
            assert answer.status == 200
        assert len(answer.json) == LOCKERS
    cuts = quantiles(took, n=100)
    note = f"p99 {cuts[98]:.2f} ms, {len(answer.body) / 1000:,.0f} kB"
    return [most(f"list of {LOCKERS:,} lockers, p50", cuts[49], LIMIT_MS, "ms", note)]
