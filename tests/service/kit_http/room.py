"""A room with a few operations, served on a socket; and a client that sends exactly what a test writes."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from openharbor.kit.clock import SteppedClock
from openharbor.kit.errors import Closed, Refusal, Refused, StorageUnavailable
from openharbor.kit.http.app import make_app
from openharbor.kit.http.connections import ConnectionLimits
from openharbor.kit.http.error_styles import GATEWAY_STYLE
from openharbor.kit.http.operation import Answer, Call, Caller, Operation
from openharbor.kit.http.origins import own_origins
from openharbor.kit.http.server import serve

ParcelId = Annotated[
    str, Meta(max_length=20, pattern=r"^[a-z0-9:-]+\Z", description="must be 1 to 20 characters of a-z 0-9 : -")
]
Key = Annotated[str, Meta(pattern=r"^[!-~]{1,255}\Z", description="must be 1 to 255 visible ASCII characters")]
Kind = Literal["defect", "storage", "closed", "refused", "unsendable", "split", "nothing"]


class ParcelPath(msgspec.Struct, rename="camel"):
    parcel_id: ParcelId


class ParcelFilter(msgspec.Struct, rename="camel"):
    open: bool | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=100)] = 10


class KeyHeaders(msgspec.Struct):
    key: Key | UnsetType = msgspec.field(default=UNSET, name="Idempotency-Key")


class Parcel(msgspec.Struct, rename="camel"):
    parcel_id: ParcelId
    weight: Annotated[int, Meta(ge=1, le=1000)] | UnsetType = UNSET
    kind: Literal["box", "letter"] | UnsetType = UNSET


class Selection(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    limit: Annotated[int, Meta(ge=1)] | UnsetType = UNSET


class Failing(msgspec.Struct):
    kind: Kind


@dataclass
class Door:
    """The gatekeeper: whoever shows the key "wrong" is refused, other keys are names; it remembers refusals."""

    told: list[tuple[str, str, Caller | None]] = field(default_factory=list)

    def admit(self, operation: Operation, headers: Mapping[str, str], address: str, _now: int) -> Caller | Refusal:
        key = headers.get("x-api-key")
        if key == "wrong" and operation.scope is not None:
            return Refusal("UNAUTHORIZED", 401, "A valid API key is needed")
        return Caller("loopback" if key is None else "apiKey", key, address, key)

    def refused(self, operation: Operation, refusal: Refusal, caller: Caller | None, _address: str) -> None:
        self.told.append((operation.operation_id, refusal.code, caller))


@dataclass
class Doings:
    """What the room's handlers have done, and what `openParcel` waits for."""

    calls: list[Call] = field(default_factory=list)
    opening: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def echo(self, call: Call) -> Answer:
        self.calls.append(call)
        return Answer(201 if call.method == "POST" else 200, [call.params, call.query, call.body])

    async def open_slowly(self, call: Call) -> Answer:
        self.calls.append(call)
        self.opening.set()
        await self.go_on.wait()
        self.opened.set()
        return Answer(200, {"opened": call.params.parcel_id})

    async def fail(self, call: Call) -> Answer | Refusal:
        errors: dict[str, Exception] = {
            "defect": RuntimeError("the secret is in here"),
            "storage": StorageUnavailable(),
            "closed": Closed(),
            "refused": Refused(Refusal("CONFLICT", 409, "Not now", {"why": "test"})),
        }
        if call.query.kind in errors:
            raise errors[call.query.kind]
        answers = {"unsendable": Answer(200, object()), "split": Answer(200, {}, {"X-Next": "a\r\nSet-Cookie: b"})}
        return answers.get(call.query.kind, Answer(204))


def operations(doings: Doings) -> list[Operation]:
    echo, one = doings.echo, "/parcels/{parcelId}"
    return [
        Operation("getHealth", "GET", "/health", echo, None, limited=False),
        Operation("listParcels", "GET", "/parcels", echo, "read", query=ParcelFilter),
        Operation(
            "createParcel", "POST", "/parcels", echo, "write", headers=KeyHeaders, body=Parcel, changes_state=True
        ),
        Operation("openAll", "POST", "/parcels/open-all", echo, "write", body=Selection, body_optional=True),
        Operation("getParcel", "GET", one, echo, "read", params=ParcelPath),
        Operation("changeParcel", "PATCH", one, echo, "write", params=ParcelPath, body=Parcel, changes_state=True),
        Operation(
            "openParcel", "POST", f"{one}/open", doings.open_slowly, "write", params=ParcelPath, changes_state=True
        ),
        Operation("fail", "GET", "/fail", doings.fail, "read", query=Failing),
    ]


@dataclass(frozen=True)
class Answered:
    """One whole answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str, dict[str, str]]:
        """Status, code and details."""
        return self.status, self.json["error"], self.json["details"]


@dataclass
class Room:
    """The room as it is served."""

    url: str
    doings: Doings
    door: Door
    clock: SteppedClock
    stop: asyncio.Event

    @property
    def host_port(self) -> str:
        return self.url.removeprefix("http://")

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, _, port = self.host_port.rpartition(":")
        return await asyncio.open_connection(host, int(port))

    async def raw(self, request: bytes) -> Answered:
        """Sends bytes on a connection of their own, and reads one answer."""
        reader, writer = await self.connect()
        writer.write(request)
        try:
            return await read_answer(reader)
        finally:
            writer.close()

    async def call(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answered:
        """One request; `body` is sent as JSON unless it is bytes."""
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        given = {"Host": self.host_port, **(headers or {})}
        if sent is not None:
            given = {"Content-Type": "application/json", "Content-Length": str(len(sent)), **given}
        head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        return await self.raw(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + (sent or b""))


async def read_answer(reader: asyncio.StreamReader) -> Answered:
    """The next answer on a connection."""
    async with asyncio.timeout(10):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Answered(int(status.split()[1]), headers, body)


async def at_end(reader: asyncio.StreamReader) -> bool:
    """Waits until the other side has closed, dropping what comes before."""
    async with asyncio.timeout(10):
        try:
            while await reader.read(65536):
                pass
        except ConnectionError:
            return True
    return True


@asynccontextmanager
async def serving(
    *,
    made_of: Callable[[Doings], list[Operation]] = operations,
    connections: ConnectionLimits | None = None,
    on_stop: Callable[[], Awaitable[None]] | None = None,
    **options: Any,
) -> AsyncIterator[Room]:
    """The room on a free port, for the time of a block. `options` go to `make_app`."""
    doings, door, clock, stop = Doings(), Door(), SteppedClock(), asyncio.Event()
    origins = own_origins("tower", ["Lobby.example"], ["https://shop.example"], open_paths=["/health"])
    app = make_app(made_of(doings), **{"gatekeeper": door, "clock": clock, "origins": origins, **options})
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    served: asyncio.Task[None] = asyncio.create_task(
        serve(
            app,
            "127.0.0.1",
            0,
            on_ready=ready.set_result,
            on_stop=on_stop,
            stop=stop,
            signals=False,
            limits=connections or ConnectionLimits(),
            stop_seconds=1,
            error_style=options.get("error_style", GATEWAY_STYLE),
        )
    )
    try:
        yield Room(await asyncio.wait_for(ready, 10), doings, door, clock, stop)
    finally:
        doings.go_on.set()
        stop.set()
        await served
