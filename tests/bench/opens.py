"""From the request of an open to the last byte of its pulse on the line, beside an answered constant.

Eight boards on lines of their own are polled meanwhile. Each open is asked for just after its board answered a poll,
so that no frame is in flight on its line; what comes before is measured in boards' tests.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from statistics import quantiles

from harness.client import Client
from harness.gateways import Gateway, new_site

from .figures import Figure, most
from .lines import LOCKS
from .servers import serving_constant, serving_gateway

BOARDS = 8
OPENS = 40  # on each board; 5 for each lock, far below 15 a minute
AFTER_POLL_S = 0.02
P50_MS, P99_MS = 5.0, 15.0


@dataclass
class Lines:
    """The boards' process, and what it tells: when a read was answered, when a pulse came."""

    ports: list[int]
    reads: list[Queue[float]] = field(default_factory=lambda: [Queue() for _ in range(BOARDS)])
    pulses: list[Queue[float]] = field(default_factory=lambda: [Queue() for _ in range(BOARDS)])

    def listen(self, lines: Iterator[str]) -> None:
        for text in lines:
            kind, board, _, at = text.split()
            (self.pulses if kind == "P" else self.reads)[int(board)].put(float(at))

    def next_read(self, board: int) -> None:
        """Returns when the board's next poll is answered."""
        while not self.reads[board].empty():
            self.reads[board].get_nowait()
        self.reads[board].get(timeout=30)


@contextmanager
def boards() -> Iterator[Lines]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.lines", str(BOARDS)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = Lines([int(port) for port in process.stdout.readline().split()])
    listener = threading.Thread(target=lines.listen, args=(process.stdout,), daemon=True)
    listener.start()
    try:
        yield lines
    finally:
        process.terminate()
        process.wait(10)
        listener.join(10)
        process.stdout.close()


def addresses(lines: Lines) -> list[tuple[str, int]]:
    parameters = "unit=1&feedback=closed_is_1&pulse_ms=100"
    return [(f"waveshare+tcp://127.0.0.1:{port}?{parameters}", LOCKS) for port in lines.ports]


def measure(directory: Path) -> list[Figure]:
    (directory / "opens").mkdir()
    with boards() as lines:
        data = new_site(directory / "opens", addresses(lines))
        with serving_gateway(data) as gate, serving_constant(200) as constant:
            opened = latencies(gate, lines)
            answered = constant_latencies(constant, len(opened))
    return compared(opened, answered, BOARDS)


def compared(opened: list[float], answered: list[float], polled: int) -> list[Figure]:
    figures = []
    for cut, limit in ((50, P50_MS), (99, P99_MS)):
        mine, base = percentile(opened, cut), percentile(answered, cut)
        note = f"{mine:.2f} ms, the constant {base:.2f} ms, {len(opened)} opens"
        name = f"open: request to last byte on the line, {polled} boards polled, p{cut} over the constant"
        figures.append(most(name, mine - base, limit, "ms", note))
    return figures


def percentile(values: list[float], cut: int) -> float:
    return quantiles(values, n=100)[cut - 1]


def latencies(gate: Gateway, lines: Lines, opens: int = OPENS, used: range = range(BOARDS)) -> list[float]:
    """Milliseconds of each open, over all boards, which are used at once."""
    found: list[float] = []
    faults: list[BaseException] = []

    def on_board(board: int) -> None:
        try:
            found.extend(board_latencies(gate, lines, board, opens))
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=on_board, args=(board,)) for board in used]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return found


def board_latencies(gate: Gateway, lines: Lines, board: int, opens: int) -> Iterator[float]:
    with gate.client() as client:
        for number in range(opens):
            lines.next_read(board)
            time.sleep(AFTER_POLL_S)
            sent = time.monotonic()
            answer = client.post(f"/lockers/{board * LOCKS + number % LOCKS + 1}/open")
            assert answer.status == 200, answer
            yield (lines.pulses[board].get(timeout=5) - sent) * 1000
            assert lines.pulses[board].empty(), "fired twice"


def constant_latencies(constant: str, count: int) -> list[float]:
    """Milliseconds from a request to its whole answer."""
    found = []
    with Client(constant) as client:
        for _ in range(count):
            sent = time.monotonic()
            assert client.post("/transactions", {"transactionId": "parcel"}).status == 201
            found.append((time.monotonic() - sent) * 1000)
    return found
