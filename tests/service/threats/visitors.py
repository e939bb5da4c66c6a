"""Phones with what a server minted for them, at the tower on the desk; and the listener between them."""

import itertools
from typing import Any

from msgspec.structs import replace

from core.tower.desk import Desk
from harness.blink_vectors import tower_id, tower_keys
from openharbor.blink.cbor import Fields
from openharbor.blink.handshake import Draws
from openharbor.blink.keys import TowerKey
from openharbor.blink.packets import Packet
from openharbor.blink.payloads import (
    DROPOFF,
    CommandsPayload,
    OpenPayload,
    SessionPayload,
    encode_commands,
    encode_open,
    encode_session,
)
from openharbor.blink.phone_session import (
    Credentials,
    Declined,
    PhoneSession,
    Question,
    Reply,
    ask,
    read_grant,
    read_reply,
    request_session,
)
from openharbor.blink.sealing import Sealed, seal
from openharbor.tower.state import Tower, now

USER = 7
ALL = 63
KEY = tower_keys()[3]
COUNT = itertools.count(1)


def fresh(size: int) -> bytes:
    """Bytes that never come again; tests need no better ones."""
    return next(COUNT).to_bytes(8).rjust(size, b"\x5a")[-size:]


def time_of(desk: Desk) -> int:
    return now(desk.tower, desk.at_ms)


def credentials(
    at: int, permissions: int = USER, client: bytes = b"courier", *, life: int = 3600, key: TowerKey = KEY
) -> Credentials:
    """What the server gives a phone at its time `at`."""
    seed = fresh(32)
    payload = SessionPayload(
        issued=at, expires=at + life, tower_id=tower_id(), permissions=permissions, client_id=client, seed=seed
    )
    sealed = seal(key, encode_session(payload), fresh(16))
    return Credentials(sealed.payload, sealed.auth, seed)


def token(at: int, locker: int, kind: int = DROPOFF, *, key: TowerKey = KEY, **fields: Any) -> Sealed:
    """A locker token, made at `at`."""
    given: dict[str, Any] = {
        "issued": at,
        "expires": at + 86_400,
        "tower_id": tower_id(),
        "token_id": next(COUNT),
        "locker_number": locker,
        "generation": 1,
        "access_kind": kind,
        "locker_token": b"parcel",
    }
    return seal(key, encode_open(OpenPayload(**{**given, **fields})), fresh(16))


def packet(at: int, first: int, *commands: Fields, life: int = 86_400, key: TowerKey = KEY) -> Sealed:
    """A command packet, sealed at `at`."""
    payload = CommandsPayload(issued=at, expires=at + life, tower_id=tower_id(), first=first, commands=commands)
    return seal(key, encode_commands(payload), fresh(16))


class Visitor:
    """A phone. `heard`: every message of its visit, in the order of the air."""

    def __init__(self, desk: Desk, given: Credentials) -> None:
        self.desk, self.given = desk, given
        self.heard: list[tuple[str, bytes]] = []
        self.session: PhoneSession | None = None

    def carry(self, frame: bytes) -> bytes:
        """To the tower and back."""
        draws = Draws(fresh(16), fresh(8), fresh(32), fresh(16))
        answer = self.desk.receive(frame, fresh(16), fresh(16), draws)
        self.heard += [("phone", frame), ("tower", answer.frame)]
        return answer.frame

    def begin(self) -> PhoneSession | Declined:
        question = request_session(self.given, fresh(16), 0)
        granted = read_grant(self.given, question, self.carry(question.frame))
        self.session = granted if isinstance(granted, PhoneSession) else None
        return granted

    def question(self, packet: Packet, fields: Fields | None = None) -> Question:
        assert self.session is not None
        return ask(self.session, packet, fields or {}, fresh(16))

    def read(self, question: Question, frame: bytes) -> Reply | Declined:
        assert self.session is not None
        self.session, reply = read_reply(self.session, question, frame)
        return reply

    def say(self, packet: Packet, fields: Fields | None = None) -> Reply | Declined:
        question = self.question(packet, fields)
        return self.read(question, self.carry(question.frame))

    def open(self, sealed: Sealed) -> Reply | Declined:
        return self.say(Packet.OPEN_LOCKER_WITH_TOKEN, {9: sealed.payload, 10: sealed.auth})

    def push(self, sealed: Sealed) -> Reply | Declined:
        return self.say(Packet.SYNC_PUSH, {9: sealed.payload, 10: sealed.auth})

    def end(self) -> Reply | Declined:
        return self.say(Packet.TERMINATE_SESSION, {2: 0})


def visitor(desk: Desk, permissions: int = USER, client: bytes = b"courier") -> Visitor:
    """A phone with a session."""
    phone = Visitor(desk, credentials(time_of(desk), permissions, client))
    assert isinstance(phone.begin(), PhoneSession)
    return phone


def code_of(reply: Reply | Declined) -> int:
    """Its code; 0 for what was done."""
    return reply.code if isinstance(reply, Declined) else 0


def with_clock(tower: Tower, ahead: int) -> Tower:
    """The tower with a clock that runs ahead by so many seconds."""
    return replace(tower, clock=replace(tower.clock, base_ms=tower.clock.base_ms + ahead * 1000))
