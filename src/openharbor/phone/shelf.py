"""What a phone keeps for later: session payloads, a session that goes on, events that could not be delivered yet.

One JSON file that only its owner may read: it holds seeds and session keys. Without a path it is kept in memory.
"""

import os
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from openharbor.blink.keys import key_of
from openharbor.blink.phone_session import Credentials, PhoneSession
from openharbor.kit.errors import Failed
from openharbor.phone.sdk_api import EventPacket

MOST_UPLOADS: Final = 1000  # batches; beyond them the events stay in their tower
MOST_SESSIONS: Final = 100


class _Cached(msgspec.Struct, frozen=True):
    """`until`: s since 1970 by the phone, by which the server was asked to let it open a session."""

    claims: tuple[str, ...]
    payload: bytes
    auth: bytes
    seed: bytes
    until: int


class _Live(msgspec.Struct, frozen=True):
    session_id: bytes
    authentication: bytes
    encryption: bytes
    number: int


class _Kept(msgspec.Struct):
    cached: dict[str, _Cached] = {}
    live: dict[str, _Live] = {}
    uploads: dict[str, list[EventPacket]] = {}


class Shelf:
    """Raises Failed for a file that cannot be read or written. Towers are named by their id."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._kept = _read(path)

    def credentials(self, tower_id: bytes, claims: tuple[str, ...], now_s: int) -> Credentials | None:
        """The session payload that was asked for these claims, while it lasts."""
        cached = self._kept.cached.get(tower_id.hex())
        if cached is None or cached.claims != claims or now_s >= cached.until:
            return None
        return Credentials(cached.payload, cached.auth, cached.seed)

    def keep_credentials(
        self, tower_id: bytes, claims: tuple[str, ...], credentials: Credentials, until_s: int
    ) -> None:
        _bound(self._kept.cached, MOST_SESSIONS)
        cached = _Cached(claims, credentials.payload, credentials.auth, credentials.seed, until_s)
        self._kept.cached[tower_id.hex()] = cached
        self._write()

    def session(self, tower_id: bytes) -> PhoneSession | None:
        """The session that goes on, if there is one."""
        live = self._kept.live.get(tower_id.hex())
        if live is None:
            return None
        return PhoneSession(live.session_id, key_of(0, live.authentication, live.encryption), live.number)

    def keep_session(self, tower_id: bytes, session: PhoneSession | None) -> None:
        """None, or one that is over: there is none any more."""
        if session is None or session.over:
            if self._kept.live.pop(tower_id.hex(), None) is None:
                return
        else:
            key = session.key
            _bound(self._kept.live, MOST_SESSIONS)
            live = _Live(session.session_id, key.authentication, key.encryption, session.number)
            self._kept.live[tower_id.hex()] = live
        self._write()

    def uploads(self, tower_id: bytes) -> list[EventPacket]:
        """Batches that the cloud does not have yet, in the order they were pulled."""
        return list(self._kept.uploads.get(tower_id.hex(), []))

    def keep_uploads(self, tower_id: bytes, packets: list[EventPacket]) -> None:
        """In place of those kept before. What is too much is left out: the tower has it still."""
        before = self._kept.uploads.get(tower_id.hex(), [])
        if packets == before:
            return
        elsewhere = sum(len(one) for tower, one in self._kept.uploads.items() if tower != tower_id.hex())
        kept = packets[: max(MOST_UPLOADS - elsewhere, 0)]
        if kept:
            self._kept.uploads[tower_id.hex()] = kept
        else:
            self._kept.uploads.pop(tower_id.hex(), None)
        self._write()

    def _write(self) -> None:
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _replace(self._path, msgspec.json.encode(self._kept))
        except OSError as error:
            raise Failed(f"{self._path} cannot be written: {error.strerror}") from None


def _read(path: Path | None) -> _Kept:
    if path is None or not path.exists():
        return _Kept()
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Kept)
    except OSError as error:
        raise Failed(f"{path} cannot be read: {error.strerror}") from None
    except msgspec.MsgspecError:
        # the error would quote what it could not read, which may be a key
        raise Failed(f"{path} is no state of a phone: remove it, and begin a new session") from None


def _replace(path: Path, data: bytes) -> None:
    """Writes the whole file or nothing; only its owner may read it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # made with mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _bound(rows: dict[str, object] | dict[str, _Cached] | dict[str, _Live], most: int) -> None:
    while len(rows) >= most:
        del rows[next(iter(rows))]
