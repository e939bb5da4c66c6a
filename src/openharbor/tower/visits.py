"""What the tower remembers of the session that speaks: begun, proven, ended (blink-protocol.md 5.5, 5.6, 7.5)."""

import msgspec
from msgspec.structs import replace

from openharbor.blink.events import SpecialSession
from openharbor.blink.packets import DEV, OWNER, TECH, command_of
from openharbor.blink.permissions import is_staff
from openharbor.blink.refusals import AUTH_PERMISSIONS, SYS_RESOURCES, Rejected
from openharbor.blink.sequence import Turn
from openharbor.blink.tower_session import Asked
from openharbor.tower.codes import SYS_LAST_OPEN, SYS_LAST_OPEN_INFO
from openharbor.tower.lockers import Locker, with_use
from openharbor.tower.state import REF_BYTES, Draws, LastOpened, Tower, Visit, logged, now, with_locker

STAFF_GROUPS = (OWNER, TECH, DEV)


class Ask(msgspec.Struct, frozen=True):
    """A command that came, with what it may need. `failures`: authentication failures of its link before."""

    asked: Asked
    at_ms: int
    draws: Draws
    failures: int

    @property
    def staff(self) -> bool:
        """Whether an owner, a technician or a developer asks."""
        return is_staff(self.asked.session.permissions)


def spoken(tower: Tower, asked: Asked, at_ms: int) -> Tower:
    """The tower after a command reached it: the visit is this session's, and a received answer is noted."""
    session = asked.session
    if tower.visit is None or tower.visit.session_id != session.session_id:
        tower = ended(tower, at_ms)
        visit = Visit(
            session_id=session.session_id,
            client_id=session.client_id,
            permissions=session.permissions,
            started=now(tower, at_ms),
        )
        tower = replace(tower, visit=visit)
    return _proven(tower, asked.turn)


def _proven(tower: Tower, turn: Turn) -> Tower:
    """Proof of receipt: the next number says that the phone has the last answer; the same number that it has not."""
    visit = tower.visit
    if visit is None or visit.last is None or visit.last.reply is None:
        return tower
    last, reply = visit.last, visit.last.reply
    if turn.again and reply == turn.number + 1:
        return with_last(tower, replace(last, reply=None))
    locker = tower.lockers.get(last.opening.number)
    if turn.again or reply != turn.number - 1 or locker is None or last.opening.token_id is None:
        return tower
    use = locker.use_of(last.opening.token_id)
    if use is None or use.confirmed or use.session_id != visit.session_id:
        return tower
    return with_locker(tower, with_use(locker, replace(use, confirmed=True)))


def noted(tower: Tower, packet_type: int) -> Tower:
    """With a staff command in the visit's list, once."""
    command, visit = command_of(packet_type), tower.visit
    if command is None or visit is None or command.who not in STAFF_GROUPS or packet_type in visit.special:
        return tower
    return replace(tower, visit=replace(visit, special=(*visit.special, packet_type)))


def ended(tower: Tower, at_ms: int) -> Tower:
    """Without the visit; one that used staff commands leaves a SPECIAL_SESSION_EVENT."""
    visit = tower.visit
    if visit is None:
        return tower
    tower = replace(tower, visit=None)
    if not visit.special:
        return tower
    event = SpecialSession(
        event_id=0,
        at=now(tower, at_ms),
        session_ref=visit.session_id[:REF_BYTES],
        client_id=visit.client_id,
        permissions=visit.permissions,
        started=visit.started,
        command_types=list(visit.special),
    )
    return logged(tower, event, at_ms)


def last_of(tower: Tower) -> LastOpened:
    """What this session opened last. Raises Rejected 504."""
    if tower.visit is None or tower.visit.last is None:
        raise Rejected(SYS_LAST_OPEN, "nothing was opened in this session")
    return tower.visit.last


def locker_of_last(tower: Tower, last: LastOpened, *, staff: bool) -> Locker:
    """Its locker, if that is what it was. Raises Rejected 204 (tower disabled since), 503 (the locker, or changed)."""
    if tower.identity.disabled and not staff:
        raise Rejected(AUTH_PERMISSIONS, "the tower is disabled")
    locker = tower.lockers.get(last.opening.number)
    if locker is None or locker.port < 0 or locker.port != last.port or (locker.disabled and not staff):
        raise Rejected(SYS_LAST_OPEN_INFO, "the locker was reconfigured or disabled since")
    return locker


def with_last(tower: Tower, last: LastOpened) -> Tower:
    """With another memory of the last opening."""
    if tower.visit is None:
        raise ValueError("no session speaks")
    return replace(tower, visit=replace(tower.visit, last=last))


def with_taps(tower: Tower, taps: int, most: int) -> Tower:
    """With more taps counted. Raises Rejected 505 beyond what a session may have."""
    visit = tower.visit
    if visit is None or visit.taps + taps > most:
        raise Rejected(SYS_RESOURCES, f"a session may have {most} taps")
    return replace(tower, visit=replace(visit, taps=visit.taps + taps))


def with_note(tower: Tower, most: int) -> Tower:
    """With one client event more counted. Raises Rejected 505."""
    visit = tower.visit
    if visit is None or visit.notes >= most:
        raise Rejected(SYS_RESOURCES, f"a session may add {most} events")
    return replace(tower, visit=replace(visit, notes=visit.notes + 1))
