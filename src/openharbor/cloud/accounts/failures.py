"""Slowing those who guess: failed token requests of a client from an address, and of an address (accounts.yaml, 429).

Counted in each process by itself, so several processes allow that many more.
"""

import math
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from typing import TypeVar

import msgspec

from openharbor.kit.http.limits import caller_of

WINDOW_S = 300.0
K = TypeVar("K", bound=Hashable)


class FailureLimits(msgspec.Struct, frozen=True):
    """How many failures in five minutes are allowed, and of how many callers they are remembered."""

    of_client: int = 10
    of_address: int = 100
    clients: int = 10_000
    addresses: int = 4096


def wait_after(failures: tuple[float, ...], now: float, limit: int) -> int | None:
    """Seconds until fewer than `limit` of these times (rising, s) lie in the last five minutes; None: already so."""
    if len(failures) < limit:
        return None
    left = failures[-limit] + WINDOW_S - now
    return max(1, math.ceil(left)) if left > 0 else None


def with_failure(failures: tuple[float, ...], now: float, limit: int) -> tuple[float, ...]:
    """The times with one more; as many as `limit` are worth remembering."""
    return (*failures, now)[-limit:]


class FailureCounter:
    """Failures by caller; of too many callers, those that failed least recently are forgotten."""

    def __init__(self, limits: FailureLimits = FailureLimits()) -> None:  # noqa: B008  # frozen
        self._limits = limits
        self._clients: OrderedDict[tuple[str, str], tuple[float, ...]] = OrderedDict()
        self._addresses: OrderedDict[str, tuple[float, ...]] = OrderedDict()

    def wait(self, client_id: str, address: str, now: float) -> int | None:
        """Seconds that this client must wait at this address; None: it may ask. `now` in s, monotonic."""
        who = _who(address)
        waits: Iterable[int | None] = (
            wait_after(self._clients.get((client_id, who), ()), now, self._limits.of_client),
            wait_after(self._addresses.get(who, ()), now, self._limits.of_address),
        )
        return max((one for one in waits if one is not None), default=None)

    def add(self, client_id: str, address: str, now: float) -> None:
        """Counts a failure."""
        who = _who(address)
        _count(self._clients, (client_id, who), now, self._limits.of_client, self._limits.clients)
        _count(self._addresses, who, now, self._limits.of_address, self._limits.addresses)

    def __len__(self) -> int:
        return len(self._clients) + len(self._addresses)


def _who(address: str) -> str:
    """One IPv6 network is one caller."""
    return caller_of(address) or address


def _count(counted: OrderedDict[K, tuple[float, ...]], key: K, now: float, limit: int, most: int) -> None:
    counted[key] = with_failure(counted.pop(key, ()), now, limit)
    if len(counted) > most:
        counted.popitem(last=False)
