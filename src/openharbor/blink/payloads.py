"""What the server seals for a tower, as structs (blink-protocol.md 4.4 to 4.6). Times in seconds since 1970."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from openharbor.blink.cbor import Fields, encode

DROPOFF, PICKUP, RELEASE = 1, 2, 3

SESSION_PAYLOAD: Final = 201
EVENTS_PAYLOAD: Final = 213
COMMANDS_PAYLOAD: Final = 214
OPEN_PAYLOAD: Final = 220

MOST_SESSION_BYTES: Final = 1024  # sealed (2.5)
MOST_OPEN_BYTES: Final = 512
MOST_PACKET_BYTES: Final = 2048
MOST_PACKET_PLAIN: Final = MOST_PACKET_BYTES - 17
MOST_COMMANDS: Final = 64

LONGEST_SESSION_PAYLOAD_S: Final = 86_400
LONGEST_OPEN_S: Final = 2_592_000
LONGEST_PACKET_S: Final = 31 * 86_400


class OpenPayload(msgspec.Struct, frozen=True, kw_only=True):
    """OPEN_LOCKER_PAYLOAD [220], the locker token (4.5). Fields that are None are left out.

    `expires - issued` is at most 2,592,000 s. `access_kind`: 1 drop-off, 2 pick-up, 3 release. `locker_token`: 1 to 32
    bytes. `reuse` False: never a pick-up.
    """

    issued: int
    expires: int
    tower_id: bytes
    token_id: int
    locker_number: int
    generation: int
    access_kind: int
    locker_token: bytes
    reuse: bool = True
    match_token: bytes | None = None
    match_available: bool | None = None
    match_locker_type: int | None = None
    keypad_code: str | None = None
    keypad_persists: bool = False
    client_id: bytes | None = None

    def __repr__(self) -> str:
        kind, locker = self.access_kind, self.locker_number
        return f"OpenPayload(token_id={self.token_id}, access_kind={kind}, locker_number={locker})"


class SessionPayload(msgspec.Struct, frozen=True, kw_only=True):
    """REQUEST_SESSION_PAYLOAD [201] (4.4). `expires - issued` is at most 86,400 s.

    `permissions`: bit mask (5.4). `client_id`: 1 to 16 bytes. `seed`: 32 random bytes.
    """

    issued: int
    expires: int
    tower_id: bytes
    permissions: int
    client_id: bytes
    seed: bytes

    def __repr__(self) -> str:
        return f"SessionPayload(issued={self.issued}, expires={self.expires}, permissions={self.permissions})"


class CommandsPayload(msgspec.Struct, frozen=True, kw_only=True):
    """SYNC_COMMANDS_PAYLOAD [214] (4.6). `expires - issued` is at most 31 days.

    `first`: id of the first command. `commands`: 1 to 64 maps `{1: type, fields…}` in order.
    """

    issued: int
    expires: int
    tower_id: bytes
    first: int
    commands: Sequence[Mapping[int, Any]]

    def __repr__(self) -> str:
        return f"CommandsPayload(first={self.first}, commands: {len(self.commands)})"


def encode_open(payload: OpenPayload) -> bytes:
    """The plain bytes of a [220]."""
    fields: Fields = {1: OPEN_PAYLOAD, 5: payload.issued, 6: payload.expires}
    if payload.client_id is not None:
        fields[27] = payload.client_id
    fields |= {61: payload.tower_id, 70: payload.locker_number, 75: payload.locker_token}
    if payload.keypad_code is not None:
        fields |= {80: payload.keypad_code, 81: payload.keypad_persists}
    for number, value in ((90, payload.match_token), (91, payload.match_available), (92, payload.match_locker_type)):
        if value is not None:
            fields[number] = value
    fields |= {224: payload.token_id, 225: payload.generation, 226: payload.access_kind}
    if not payload.reuse:
        fields[227] = False
    return encode(fields)


def open_from(fields: Mapping[int, Any]) -> OpenPayload:
    """The struct of a map whose fields were checked (`opening`)."""
    return OpenPayload(
        issued=fields[5],
        expires=fields[6],
        tower_id=fields[61],
        token_id=fields[224],
        locker_number=fields[70],
        generation=fields[225],
        access_kind=fields[226],
        locker_token=fields[75],
        reuse=fields.get(227, True),
        match_token=fields.get(90),
        match_available=fields.get(91),
        match_locker_type=fields.get(92),
        keypad_code=fields.get(80),
        keypad_persists=fields.get(81, False),
        client_id=fields.get(27),
    )


def encode_session(payload: SessionPayload) -> bytes:
    """The plain bytes of a [201]."""
    return encode(
        {
            1: SESSION_PAYLOAD,
            5: payload.issued,
            6: payload.expires,
            26: payload.permissions,
            27: payload.client_id,
            61: payload.tower_id,
            228: payload.seed,
        }
    )


def session_from(fields: Mapping[int, Any]) -> SessionPayload:
    """The struct of a map whose fields were checked (`opening`)."""
    return SessionPayload(
        issued=fields[5],
        expires=fields[6],
        tower_id=fields[61],
        permissions=fields[26],
        client_id=fields[27],
        seed=fields[228],
    )


def encode_commands(payload: CommandsPayload) -> bytes:
    """The plain bytes of a [214]; 2,031 at most fit under a seal (2.5)."""
    return encode(
        {
            1: COMMANDS_PAYLOAD,
            5: payload.issued,
            6: payload.expires,
            33: payload.first,
            34: len(payload.commands),
            35: list(payload.commands),
            61: payload.tower_id,
        }
    )


def commands_from(fields: Mapping[int, Any]) -> CommandsPayload:
    """The struct of a map whose fields were checked (`opening`); #34 is for the caller to compare (8.3)."""
    return CommandsPayload(
        issued=fields[5], expires=fields[6], tower_id=fields[61], first=fields[33], commands=tuple(fields[35])
    )
