"""The sessions of a tower: granted, speaking, ended (blink-protocol.md 5.3, 5.6)."""

from typing import Final

import msgspec

from openharbor.blink import refusals
from openharbor.blink.keys import TowerKey
from openharbor.blink.refusals import Rejected
from openharbor.blink.sequence import Numbers

MOST_GRANTED: Final = 4
IDLE_S: Final = 300
LONGEST_S: Final = 3600


class NotTheSession(ValueError):
    """A step for a session that is not the tower's, or that has gone on since."""


class SessionExists(ValueError):
    """A grant with the id of a session that the tower has."""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One channel to one phone. `granted_at`, `spoke_at`: uptime in s, a clock that never steps."""

    session_id: bytes
    key: TowerKey
    permissions: int
    client_id: bytes
    granted_at: int
    spoke_at: int
    numbers: Numbers = Numbers()

    def alive(self, uptime: int) -> bool:
        """Whether it spoke within 300 s and was granted within 3,600 s."""
        return uptime - self.spoke_at <= IDLE_S and uptime - self.granted_at <= LONGEST_S


class Sessions(msgspec.Struct, frozen=True):
    """`speaking`: the one session of the tower. `granted`: those that have not spoken yet, oldest first.

    A session whose time is over stays until another takes its place, so that its phone is told 205.
    """

    speaking: Session | None = None
    granted: tuple[Session, ...] = ()


def with_grant(sessions: Sessions, session: Session) -> Sessions:
    """With one granted more, which touches no other; of five the oldest goes. Raises SessionExists."""
    if any(one.session_id == session.session_id for one in _all(sessions)):
        raise SessionExists("the session id is in use")
    return Sessions(sessions.speaking, (*sessions.granted, session)[-MOST_GRANTED:])


def find(sessions: Sessions, session_id: bytes, uptime: int) -> Session:
    """The living session with this id. Raises Rejected 202 (the tower has none), 205 (another, or over)."""
    known = _all(sessions)
    if not known:
        raise Rejected(refusals.AUTH_NO_SESSION, "the tower has no session")
    for one in known:
        if one.session_id == session_id and one.alive(uptime):
            return one
    raise Rejected(refusals.AUTH_SESSION_ID, "the session is unknown or over")


def speak(sessions: Sessions, session: Session, uptime: int) -> Sessions:
    """After a command of this session that passed step 11 of 6.2; the first one ends every other session."""
    spoke = msgspec.structs.replace(session, spoke_at=uptime)
    if sessions.speaking is not None and sessions.speaking.session_id == session.session_id:
        return Sessions(spoke, sessions.granted)
    if all(one.session_id != session.session_id for one in sessions.granted):
        raise NotTheSession("the session is not one of the tower's")
    return Sessions(spoke)


def with_numbers(sessions: Sessions, session_id: bytes, numbers: Numbers) -> Sessions:
    """With the numbers of one session changed. Raises NotTheSession."""
    speaking = sessions.speaking
    if speaking is not None and speaking.session_id == session_id:
        return Sessions(msgspec.structs.replace(speaking, numbers=numbers), sessions.granted)
    raise NotTheSession("the session is not the tower's")


def without(sessions: Sessions, session_id: bytes) -> Sessions:
    """After TERMINATE_SESSION. Raises NotTheSession."""
    if sessions.speaking is None or sessions.speaking.session_id != session_id:
        raise NotTheSession("the session is not the tower's")
    return Sessions(None, sessions.granted)


def _all(sessions: Sessions) -> tuple[Session, ...]:
    return (*((sessions.speaking,) if sessions.speaking else ()), *sessions.granted)
