"""What a room declares of its API: operations, the calls they get and the answers they give."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from openharbor.kit.errors import Refusal

if TYPE_CHECKING:
    from openharbor.kit.http.error_styles import ErrorStyle


class AnyObject(msgspec.Struct, frozen=True):
    """A JSON object of which no field is read: what `body` is where a contract takes any object."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `key_id` None: nobody showed a key. `kind` as in the audit log: apiKey | loopback | client | …

    `tenant`: the organization it acts for. `claims`: what its token says besides.
    """

    kind: str
    name: str | None
    address: str
    key_id: str | None = None
    scopes: frozenset[str] = frozenset()
    tenant: int | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)


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
    body: Any = None  # the operation's `body` or `form` struct
    raw_body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. `body`: a struct or other msgspec value is sent as JSON, bytes as they are, None not at all.

    JSON's null is `msgspec.Raw(b"null")`. `headers` stand instead of those of the same name that every answer has.
    """

    status: int
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"


Handler = Callable[[Call], Awaitable[Answer | Refusal]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the contract. Structs name their fields as the contract does (`rename` where Python cannot).

    `scope` None: open to everybody, no key is looked at. `body` None: a body is ignored unread. `body_optional`: an
    absent body is decoded as `{}`. `form`: instead of `body`, for application/x-www-form-urlencoded.
    `changes_state`: refused while the service stops. `limited`: counts in the rate limit. `error_style`: how its
    errors are told; None: as the service's are.
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
    form: type | None = None
    error_style: ErrorStyle | None = None


class Gatekeeper(Protocol):
    """Who may call what; given by the room. Both are synchronous: they look things up in memory."""

    def admit(self, operation: Operation, headers: Mapping[str, str], address: str, now: int) -> Caller | Refusal:
        """The caller, or 401 / 403 / 503 as a refusal. `headers` has lower-case names."""

    def refused(self, operation: Operation, refusal: Refusal, caller: Caller | None, address: str) -> None:
        """Told of each refusal made here or before the handler (the audit log, the metrics)."""
