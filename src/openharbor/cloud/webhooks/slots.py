"""How many attempts may be under way: over all, and for each endpoint, so that no receiver holds up another."""

from collections import Counter
from collections.abc import Mapping

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """`troubled`: for an endpoint whose last attempt failed, since it may hang."""

    overall: int = 256
    endpoint: int = 8
    troubled: int = 1


class Slots:
    """Attempts under way, by endpoint."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._taken: Counter[int] = Counter()
        self._troubled: set[int] = set()

    def share(self, due: Mapping[int, int], now: int) -> dict[int, int]:
        """For each endpoint that has something due at `now` and a free slot: how many. The longest due comes first."""
        free = self._limits.overall - self._taken.total()
        shares: dict[int, int] = {}
        for endpoint_id in sorted((one for one, due_at in due.items() if due_at <= now), key=due.__getitem__):
            most = self._limits.troubled if endpoint_id in self._troubled else self._limits.endpoint
            share = min(most - self._taken[endpoint_id], free)
            if share > 0:
                shares[endpoint_id] = share
                free -= share
        return shares

    def take(self, endpoint_id: int) -> None:
        self._taken[endpoint_id] += 1

    def give_back(self, endpoint_id: int) -> None:
        self._taken[endpoint_id] -= 1
        if not self._taken[endpoint_id]:
            del self._taken[endpoint_id]

    def tell(self, endpoint_id: int, *, succeeded: bool) -> None:
        """How its latest attempt ended."""
        if succeeded:
            self._troubled.discard(endpoint_id)
        else:
            self._troubled.add(endpoint_id)
