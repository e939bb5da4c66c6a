"""A thousand lockers and a million finished transactions: memory, start, and whether anything got slower."""

from pathlib import Path
from statistics import median

import psutil

from harness.gateways import Gateway, new_site

from .creates import create_all
from .figures import Figure, most
from .history import write_history
from .opens import addresses, boards, latencies, percentile
from .servers import seconds_to_start, serving_gateway, virtual_boards

LOCKERS, FINISHED = 1000, 1_000_000
MEMORY_MIB, START_S, SLOWER = 150.0, 2.0, 1.2
ROUNDS, STARTS, OPENS = 5, 5, 20


def measure(directory: Path) -> list[Figure]:
    """Two sites that are alike but for their past; creates and opens are measured on both in turn."""
    with boards() as lines:
        sites = [lines_and_walls(directory / name, addresses(lines)) for name in ("new", "old")]
        write_history(sites[1] / "gateway.db", FINISHED, LOCKERS)
        start = median(seconds_to_start(sites[1]) for _ in range(STARTS))
        rates: list[list[float]] = [[], []]
        opens: list[list[float]] = [[], []]
        memory = 0.0
        for _ in range(2):
            for number, data in enumerate(sites):
                with serving_gateway(data) as gate:
                    rates[number] += [create_all(gate, 64, LOCKERS)["rate"] for _ in range(ROUNDS)]
                    opens[number] += latencies(gate, lines, OPENS)
                    memory = max(memory, resident_mib(gate))
    p50 = [percentile(one, 50) for one in opens]
    return [
        most(f"memory with {LOCKERS:,} lockers and {FINISHED:,} finished transactions", memory, MEMORY_MIB, "MiB"),
        most("start with that database, to the ready line", start, START_S, "s"),
        slower("creates", median(rates[0]), median(rates[1]), "/s", median(rates[0]) / median(rates[1])),
        slower("opens", p50[0], p50[1], "ms", p50[1] / p50[0]),
    ]


def slower(name: str, new: float, old: float, unit: str, ratio: float) -> Figure:
    note = f"{new:,.1f} {unit} with none, {old:,.1f} {unit} with them"
    return most(f"{name}: time with {FINISHED:,} finished transactions, to that with none", ratio, SLOWER, "×", note)


def lines_and_walls(directory: Path, lines: list[tuple[str, int]]) -> Path:
    """A site of a thousand lockers, some on lines whose bytes are timed."""
    directory.mkdir()
    on_lines = sum(lockers for _, lockers in lines)
    return new_site(directory, [*lines, *virtual_boards(LOCKERS - on_lines)])


def resident_mib(gate: Gateway) -> float:
    with gate.client() as client:
        for path in ("/lockers", "/transactions", "/system", "/lockers/config"):
            assert client.get(path).status == 200
    return float(psutil.Process(gate.service.process.pid).memory_info().rss) / (1 << 20)
