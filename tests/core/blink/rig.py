"""Sessions of the vectors, ready to speak, for both ends."""

from typing import Any

from harness.blink_vectors import tower_id, tower_keys, vectors
from openharbor.blink.frames import read_message
from openharbor.blink.handshake import Draws, shared_key
from openharbor.blink.keys import TowerKey
from openharbor.blink.opening import DeviceTime, KeyRing
from openharbor.blink.phone_session import PhoneSession
from openharbor.blink.session_requests import Tower
from openharbor.blink.sessions import Session, Sessions

FIXTURE = vectors()["fixture"]
CLOCK: int = FIXTURE["clock"]
UPTIME = 1000
STATES = {int(number): one for number, one in FIXTURE["keys"].items()}
RING = KeyRing(
    keys={number: key for number, key in tower_keys().items() if STATES[number]["state"] != "revoked"},
    sunsets={number: one["sunset_at"] for number, one in STATES.items() if one["state"] == "sunset"},
)
TOWER = Tower(tower_id(), RING, DeviceTime(CLOCK), UPTIME)


def taken(name: str, field: str) -> bytes:
    """A value of a session of the vectors."""
    return bytes.fromhex(vectors()["sessions"][name][field])


def draws_of(name: str) -> Draws:
    """What the tower draws for it."""
    return Draws(*(taken(name, field) for field in ("grant_nonce", "session_id", "session_key", "grant_iv")))


def key_of(name: str) -> TowerKey:
    """Its session keys, derived."""
    return shared_key(taken(name, "session_key"), taken(name, "request_nonce"), taken(name, "grant_nonce"))


def session(name: str, permissions: int | None = None) -> Session:
    """A granted session at the tower."""
    row = vectors()["sessions"][name]
    return Session(
        session_id=taken(name, "session_id"),
        key=key_of(name),
        permissions=row["permissions"] if permissions is None else permissions,
        client_id=taken(name, "client_id"),
        granted_at=UPTIME,
        spoke_at=UPTIME,
    )


def sessions(name: str, permissions: int | None = None) -> Sessions:
    """A tower with this session, which speaks."""
    return Sessions(session(name, permissions))


def phone(name: str, number: int = 1) -> PhoneSession:
    """The same session at the phone."""
    return PhoneSession(taken(name, "session_id"), key_of(name), number)


def iv_in(frame: str) -> bytes:
    """The IV that the maker of a wrapped message or a grant used."""
    fields: dict[int, Any] = read_message(bytes.fromhex(frame))
    return bytes(fields[7 if 7 in fields else 9][1:17])


def wrapped(frame: str) -> bool:
    """Whether it is a wrapped message."""
    return 7 in read_message(bytes.fromhex(frame))
