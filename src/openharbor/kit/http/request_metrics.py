"""What is counted of each request: how many by operation and status, and how long they took."""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
Observe = Callable[[int, float], None]


@dataclass(slots=True)
class Tally:
    """One operation. Durations in seconds, from the first byte read to the answer handed to the system."""

    statuses: dict[int, int] = field(default_factory=dict)
    durations: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0

    def observe(self, status: int, seconds: float) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.durations[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds


class RequestMetrics:
    """Plain numbers that one thread adds to: the library's counters lock, and cost five times as much a request."""

    def __init__(self, registry: CollectorRegistry | None) -> None:
        self._tallies: dict[str, Tally] = {}
        if registry is not None:
            registry.register(self)

    def of(self, operation: str) -> Observe:
        """What to call with the status and the seconds of each request of this operation."""
        return self._tallies.setdefault(operation, Tally()).observe

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "openharbor_http_requests", "Requests by operation and status.", labels=("operation", "status")
        )
        durations = HistogramMetricFamily(
            "openharbor_http_request_duration_seconds", "Time to answer by operation.", labels=("operation",)
        )
        for operation, tally in self._tallies.items():
            for status, count in sorted(tally.statuses.items()):
                requests.add_metric((operation, str(status)), count)
            if any(tally.durations):
                durations.add_metric((operation,), _cumulated(tally.durations), tally.seconds)
        yield requests
        yield durations


def _cumulated(counts: list[int]) -> list[tuple[str, float]]:
    total, buckets = 0, []
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return buckets
