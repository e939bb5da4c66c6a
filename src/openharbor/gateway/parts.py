"""What the operations of the Local API are given: the parts that `app` wires, each with the one face they need."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from openharbor.boards.outcomes import BoardState
from openharbor.gateway.keeper import Keeper
from openharbor.gateway.messages import OpenAllLockersRequest, Storage
from openharbor.gateway.shown_lockers import ShownLockers
from openharbor.gateway.site import Live
from openharbor.kit.clock import Clock
from openharbor.kit.database.face import StorageState
from openharbor.kit.errors import Refusal
from openharbor.kit.http.operation import Answer, Caller
from openharbor.kit.idempotency import Keyed
from openharbor.kit.logs import LogRing

Reply = Answer | Refusal


class Opening(Protocol):
    """Opens doors. Unknown ids are refused by it, with their audit entries; `now` is when the request came (ms)."""

    async def open_by_transaction(self, transaction_id: str, key: Keyed | None, caller: Caller, now: int) -> Reply: ...

    async def open_by_locker(self, locker_id: int, key: Keyed | None, caller: Caller, now: int) -> Reply: ...

    async def open_all(self, selection: OpenAllLockersRequest, caller: Caller, now: int) -> Reply: ...


@dataclass(frozen=True, slots=True)
class GatewayParts:
    """The callables are cheap and read memory, but `storage`, which asks the file system.

    `live` by locker id, `boards` by controller id. `started_at` is wall time (ms), `started` monotonic (s).
    """

    keeper: Keeper
    clock: Clock
    opening: Opening
    live: Callable[[], Mapping[int, Live]]
    boards: Callable[[], Mapping[int, BoardState]]
    storage_state: Callable[[], StorageState]
    storage: Callable[[], Storage]
    logs: LogRing
    metrics: Callable[[], bytes]
    version: str
    started_at: int
    started: float
    shown: ShownLockers = field(default_factory=ShownLockers)
