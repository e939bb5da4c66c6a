"""The SDK API, as a phone calls it over HTTP (sdk.yaml). Bytes travel as upper-case hex, as in Harbor's SDKs (F-17)."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import httpx2
import msgspec

from openharbor.blink.handshake import SEED_BYTES
from openharbor.blink.phone_session import Credentials
from openharbor.blink.sealing import AUTH_BYTES
from openharbor.kit.clock import Clock, SystemClock
from openharbor.kit.errors import WRONG_USAGE, Failed
from openharbor.kit.masking import mask_text
from openharbor.phone.errors import ApiError

PREFIX: Final = "/sdk/v1"
TRIES: Final = 4  # the SDKs try up to three times more
PAUSE_S: Final = 1.0
CONNECT_S: Final = 5.0
ANSWER_S: Final = 20.0  # one try, to the last byte
MOST_BYTES: Final = 4 << 20  # of an answer
MOST_DETAIL: Final = 300  # characters of what the cloud says is wrong
NO_ANSWER: Final = 0
TIMED_OUT: Final = 408
REFUSALS: Final = 400
SERVER_ERRORS: Final = 500

T = TypeVar("T")


class EventPacket(msgspec.Struct, frozen=True):
    """A sealed batch of events, and which ones it covers."""

    start: int
    count: int
    payload: bytes
    auth: bytes

    def __repr__(self) -> str:
        return f"EventPacket(start={self.start}, count={self.count})"


class CommandPacket(msgspec.Struct, frozen=True):
    """A sealed packet of commands, and which ones it holds."""

    start: int
    count: int
    payload: bytes
    auth: bytes

    def __repr__(self) -> str:
        return f"CommandPacket(start={self.start}, count={self.count})"


class _Token(msgspec.Struct):
    access_token: str


class _Service(msgspec.Struct):
    uuid: str


class _SessionToken(msgspec.Struct):
    payload: str
    payload_auth: str
    session_seed: str
    tower_id: str


class _Configuration(msgspec.Struct, rename="camel"):
    tower_id: str
    commands: list[str]


class _Commands(msgspec.Struct, rename="camel"):
    tower_id: str
    sync_command_count: int
    sync_command_start: int
    payload: str
    payload_auth: str


class _Message(msgspec.Struct):
    msg: str


class _Fault(msgspec.Struct):
    loc: list[str | int]
    msg: str


class _Error(msgspec.Struct):
    detail: str | list[_Fault]


class SdkApi:
    """The cloud, for who holds the access token. Every call raises ApiError, and may be repeated.

    `base_url`: of the cloud, with or without /sdk/v1; Failed is raised for what is no URL. `client`: closed by who
    made it.
    """

    def __init__(
        self,
        base_url: str,
        access_token: str = "",
        *,
        client: httpx2.AsyncClient | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._url = _checked(base_url)
        self._token = access_token
        self._own = client is None
        self._client = client or httpx2.AsyncClient(timeout=httpx2.Timeout(ANSWER_S, connect=CONNECT_S))
        self._clock = clock or SystemClock()

    async def sign_in(self, email: str, password: str) -> str:
        """An access token for a person, which further calls are made with."""
        form = {"username": email, "password": password}
        token = await self._call("POST", "/login/access-token", _Token, data=form)
        self._token = token.access_token
        return token.access_token

    async def services(self) -> list[str]:
        """UUIDs of the Bluetooth services to scan for."""
        return [one.uuid for one in await self._call("GET", "/services/", list[_Service])]

    async def session_token(
        self, tower_id: bytes, *, duration: int, claims: Sequence[str], firmware: str = ""
    ) -> Credentials:
        """What opens a session with the tower for `duration` seconds (1 to 86,400)."""
        body: dict[str, Any] = {"duration": duration, "claims": list(claims)}
        if firmware:
            body["version"] = firmware
        path = _tower(tower_id, "session-token")
        token = await self._call("POST", path, _SessionToken, json=body)
        _same_tower(tower_id, token.tower_id)
        seed = _bytes("session_seed", token.session_seed, SEED_BYTES)
        return Credentials(_bytes("payload", token.payload), _auth(token.payload_auth), seed)

    async def configuration(self, tower_id: bytes) -> tuple[bytes, ...]:
        """Plain commands for the tower, in order: CBOR maps."""
        found = await self._call("GET", _tower(tower_id, "configuration"), _Configuration)
        _same_tower(tower_id, found.tower_id)
        return tuple(_bytes("commands", one) for one in found.commands)

    async def commands(self, tower_id: bytes) -> tuple[CommandPacket, ...]:
        """Sealed packets for the tower, in the order to be pushed."""
        found = await self._call("GET", _tower(tower_id, "commands"), list[_Commands])
        for one in found:
            _same_tower(tower_id, one.tower_id)
        return tuple(
            CommandPacket(
                one.sync_command_start,
                one.sync_command_count,
                _bytes("payload", one.payload),
                _auth(one.payload_auth),
            )
            for one in found
        )

    async def upload(self, tower_id: bytes, packets: Sequence[EventPacket]) -> None:
        """Hands in batches of the tower's events, at most 100; all are stored, or none."""
        body = [
            {
                "syncEventStart": one.start,
                "syncEventCount": one.count,
                "payload": one.payload.hex().upper(),
                "payloadAuth": one.auth.hex().upper(),
            }
            for one in packets
        ]
        await self._call("POST", _tower(tower_id, "events"), _Message, json=body)

    async def reset_events(self, tower_id: bytes, reason: str | None = None) -> None:
        """Queues a restart of the tower's event log; events not uploaded by then count as lost."""
        await self._call("POST", _tower(tower_id, "reset-events"), dict[str, Any], json={"reason": reason})

    async def close(self) -> None:
        """Hangs up."""
        if self._own:
            await self._client.aclose()

    async def _call(self, method: str, path: str, answer: type[T], **request: Any) -> T:
        status, body = await self._answered(method, path, request)
        if status >= REFUSALS:
            raise ApiError(status, f"the cloud refused ({status}): {self._said(body)}")
        try:
            # a portal that stands before the internet answers 200, or with a redirect, to anything
            return msgspec.json.decode(body if status < 300 else b"", type=answer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise ApiError(NO_ANSWER, f"what answers at {self._url} is no cloud of openharbor ({status})") from None

    async def _answered(self, method: str, path: str, request: Mapping[str, Any]) -> tuple[int, bytes]:
        """The first answer that is not to be asked for again, or the last one."""
        why = ApiError(NO_ANSWER, "the cloud was not asked")
        for number in range(TRIES):
            if number:
                await self._clock.sleep(PAUSE_S)
            try:
                status, body = await self._once(method, path, request)
            except (httpx2.HTTPError, OSError) as error:  # TimeoutError is an OSError
                why = ApiError(NO_ANSWER, f"the cloud at {self._url} cannot be reached ({type(error).__name__})")
                continue
            if status != TIMED_OUT and status < SERVER_ERRORS:
                return status, body
            why = ApiError(status, f"the cloud could not do it ({status}): {self._said(body)}")
        raise why

    async def _once(self, method: str, path: str, request: Mapping[str, Any]) -> tuple[int, bytes]:
        headers = {"Accept": "application/json"}
        if self._token and "data" not in request:
            headers["Authorization"] = f"Bearer {self._token}"
        async with (
            asyncio.timeout(ANSWER_S),
            self._client.stream(
                method, self._url + PREFIX + path, headers=headers, follow_redirects=False, **request
            ) as response,
        ):
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MOST_BYTES:
                    raise ApiError(NO_ANSWER, f"the cloud answered more than {MOST_BYTES} bytes")
            return int(response.status_code), bytes(body)

    def _said(self, body: bytes) -> str:
        """What the cloud says is wrong, without what was sent to it."""
        try:
            detail = msgspec.json.decode(body, type=_Error).detail
        except (msgspec.DecodeError, UnicodeDecodeError):
            return "it does not say why"
        if not isinstance(detail, str):
            detail = "; ".join(f"{'.'.join(map(str, one.loc))}: {one.msg}" for one in detail)
        if self._token:
            detail = detail.replace(self._token, "***")
        shown = mask_text(detail)[:MOST_DETAIL]
        return shown if shown.isprintable() else ascii(shown)


def _checked(base_url: str) -> str:
    """The URL without /sdk/v1 and slashes at its end."""
    try:
        parts = urlsplit(base_url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fits = False
    # a password in a URL would be shown in errors
    if not fits or parts.query or parts.fragment or parts.username is not None:
        raise Failed("the cloud's URL must look like https://lockers.example.com", WRONG_USAGE)
    return base_url.rstrip("/").removesuffix(PREFIX).rstrip("/")


def _tower(tower_id: bytes, place: str) -> str:
    return f"/towers/{tower_id.hex().upper()}/{place}"


def _same_tower(tower_id: bytes, answered: str) -> None:
    if answered.lower() != tower_id.hex():
        raise ApiError(NO_ANSWER, "the cloud answered for another tower")


def _auth(text: str) -> bytes:
    return _bytes("payload_auth", text, AUTH_BYTES)


def _bytes(name: str, text: str, length: int | None = None) -> bytes:
    """Raises ApiError without showing the text: it may be a seed."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    if not data or (length is not None and len(data) != length):
        wanted = "hex" if length is None else f"hex of {length} bytes"
        raise ApiError(NO_ANSWER, f"the cloud's answer is not to be used: {name} is not {wanted}")
    return data
