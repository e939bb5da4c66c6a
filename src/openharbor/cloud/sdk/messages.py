"""Requests and answers of the SDK API, field for field as in sdk.yaml. Binary values are hex."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Claim = Literal["sync_packet", "locker_pickup", "locker_delivery", "owner", "technician", "developer"]
TowerId = Annotated[str, Meta(pattern=r"^[0-9A-Fa-f]{16}\Z")]
Duration = Annotated[int, Meta(ge=1, le=86_400)]
HexBytes = Annotated[str, Meta(min_length=2, max_length=65_536, pattern=r"^([0-9A-Fa-f]{2})+\Z")]
EventId = Annotated[int, Meta(ge=0, le=2**63 - 1)]
EventCount = Annotated[int, Meta(ge=0, le=65_535)]

MOST_PACKETS = 100


class TowerPath(msgspec.Struct, frozen=True):
    tower_id: TowerId


class PasswordLogin(msgspec.Struct, frozen=True):
    username: Annotated[str, Meta(min_length=1, max_length=320)]
    password: Annotated[str, Meta(min_length=1, max_length=1024)]

    def __repr__(self) -> str:
        return "PasswordLogin()"


class SessionTokenCreate(msgspec.Struct, frozen=True):
    """`version` is what the phone read of the tower; nothing depends on it."""

    duration: Duration
    claims: list[Claim]
    version: Annotated[str, Meta(max_length=32)] | None = None


class SyncEventPacket(msgspec.Struct, frozen=True, rename="camel"):
    sync_event_start: EventId
    sync_event_count: EventCount
    payload: HexBytes
    payload_auth: HexBytes

    def __repr__(self) -> str:
        return f"SyncEventPacket({self.sync_event_start}, {self.sync_event_count})"


SyncEventPackets = list[SyncEventPacket]


class ResetEventsRequest(msgspec.Struct, frozen=True):
    reason: Annotated[str, Meta(max_length=500)] | None = None


# Answers ----------------------------------------------------------------


class Token(msgspec.Struct, frozen=True):
    access_token: str
    token_type: str

    def __repr__(self) -> str:
        return "Token()"


class Service(msgspec.Struct, frozen=True):
    name: str
    uuid: str


class SessionToken(msgspec.Struct, frozen=True):
    payload: str
    payload_auth: str
    session_seed: str
    tower_id: str

    def __repr__(self) -> str:
        return f"SessionToken(tower_id={self.tower_id!r})"


class TowerConfiguration(msgspec.Struct, frozen=True, rename="camel"):
    tower_id: str
    commands: list[str]


class SyncCommandPacket(msgspec.Struct, frozen=True, rename="camel"):
    tower_id: str
    sync_command_count: int
    sync_command_start: int
    payload: str
    payload_auth: str

    def __repr__(self) -> str:
        return f"SyncCommandPacket({self.sync_command_start}, {self.sync_command_count})"


class Message(msgspec.Struct, frozen=True):
    msg: str


class Tower(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    description: str | None
    system_id: int
    tower_model_id: int
    location_id: int
    access_mode_id: int
    is_for_test: bool
    id: str
    pin_code: None = None
