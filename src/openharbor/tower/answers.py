"""Answers and refusals of a command, as effects (blink-protocol.md 6.1, 6.4)."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from openharbor.blink import lockout, tower_session
from openharbor.blink.events import ErrorSeen
from openharbor.blink.refusals import AUTH_INVALID, Rejected
from openharbor.blink.tower_session import Asked
from openharbor.tower.codes import FROM_AUTHENTICATION
from openharbor.tower.state import Answer, Step, Tower, logged, now


def answered(tower: Tower, asked: Asked, fields: Mapping[int, Any], iv: bytes) -> Step:
    """The wrapped answer to a command. `fields`: those of its reply. `iv`: 16 bytes, never used before."""
    sessions, frame = tower_session.answer(tower.sessions, asked, fields, iv)
    return Step(replace(tower, sessions=sessions), (Answer(frame),))


def refused(tower: Tower, asked: Asked, rejected: Rejected, iv: bytes, at_ms: int, *, failures: int = 0) -> Step:
    """The refusal of a command, in its form. `failures`: authentication failures of its link before this one."""
    sessions, frame = tower_session.refuse(tower.sessions, asked, rejected.code, iv, now(tower, at_ms))
    return _counted(replace(tower, sessions=sessions), frame, rejected, at_ms, failures)


def refused_clear(tower: Tower, rejected: Rejected, at_ms: int, *, failures: int, cut: bool = False) -> Step:
    """A refusal of what was no command of a session; `cut`: the link goes in any case."""
    frame = tower_session.session_error(rejected.code, now(tower, at_ms))
    return _counted(tower, frame, rejected, at_ms, failures, cut=cut)


def _counted(tower: Tower, frame: bytes, rejected: Rejected, at_ms: int, failures: int, *, cut: bool = False) -> Step:
    if not rejected.counts:
        return Step(tower, (Answer(frame, cut),))
    counted, seconds = lockout.count(tower.failures, at_ms // 1000)
    tower = replace(tower, failures=counted)
    if seconds:
        error = ErrorSeen(
            event_id=0, at=now(tower, at_ms), code=AUTH_INVALID, source=FROM_AUTHENTICATION, lockout_s=seconds
        )
        tower = logged(tower, error, at_ms)
    return Step(tower, (Answer(frame, cut or lockout.cuts_link(failures + 1)),), counted=True)
