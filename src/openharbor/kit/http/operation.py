"""What a room declares of its API: operations, the calls they get and the answers they give."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from openharbor.kit.errors import Refusal


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `key_id` None: nobody showed a key. `kind` as in the audit log: apiKey | loopback | admin | …"""

    kind: str
    name: str | None
    address: str
    key_id: str | None = None
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Call:
    """One request, decoded and let in."""

    method: str
    path: str
    caller: Caller
    request_id: str
    received_at: int  # ms since 1970, UTC
    params: Any = None  # the operation's `params` struct
    query: Any = None  # the operation's `query` struct
    headers: Any = None  # the operation's `headers` struct
    body: Any = None  # the operation's `body` struct
    raw_body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. `body`: a struct or other msgspec value is sent as JSON, bytes as they are, None not at all."""

    status: int
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"


Handler = Callable[[Call], Awaitable[Answer | Refusal]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the contract. Structs name their fields as the contract does (`rename` where Python cannot).

    `scope` None: open to everybody, no key is looked at. `body` None: a body is ignored unread. `body_optional`: an
    absent body is decoded as `{}`. `changes_state`: refused while the service stops. `limited`: counts in the
    rate limit.
    """

    operation_id: str
    method: str
    path: str  # "/lockers/{lockerId}"
    handler: Handler
    scope: str | None
    params: type | None = None
    query: type | None = None
    headers: type | None = None
    body: type | None = None
    body_optional: bool = False
    changes_state: bool = False
    limited: bool = True


class Gatekeeper(Protocol):
    """Who may call what; given by the room. Both are synchronous: they look things up in memory."""

    def admit(self, operation: Operation, headers: Mapping[str, str], address: str, now: int) -> Caller | Refusal:
        """The caller, or 401 / 403 / 503 as a refusal. `headers` has lower-case names."""

    def refused(self, operation: Operation, refusal: Refusal, caller: Caller | None, address: str) -> None:
        """Told of each refusal made here or before the handler (the audit log, the metrics)."""
