"""Opening every locker of four boards takes hardly longer than opening those of one."""

import time
from pathlib import Path

from harness.client import Client
from harness.gateways import new_site

from .figures import Figure, most
from .servers import serving_gateway

BOARDS, LOCKS, ALONE = 4, 16, 2  # the boards are alike: two of them are timed alone, the slower one counts
LIMIT = 1.1


def measure(directory: Path) -> list[Figure]:
    (directory / "open-all").mkdir()
    data = new_site(directory / "open-all", [(f"virtual://wall-{one}?locks={LOCKS}", LOCKS) for one in range(BOARDS)])
    with serving_gateway(data) as gate, gate.client() as client:
        alone = max(timed(client, {"bankId": bank}, LOCKS) for bank in range(1, ALONE + 1))
        together = timed(client, {}, BOARDS * LOCKS)
    note = f"{together:.1f} s for {BOARDS} boards, {alone:.1f} s for the slowest of them"
    return [most(f"open all of {BOARDS} × {LOCKS} locks, to one board's own time", together / alone, LIMIT, "×", note)]


def timed(client: Client, selection: dict[str, int], lockers: int) -> float:
    """Seconds of an open-all that opens every locker selected."""
    began = time.monotonic()
    answer = client.post("/lockers/open-all", selection)
    took = time.monotonic() - began
    assert (answer.status, answer.json["openedCount"]) == (200, lockers), answer
    return took
