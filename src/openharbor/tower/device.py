"""The device: packets in, packets out (blink-protocol.md 6.2). State and input make new state and effects; no I/O.

The shell stores what changed in `Step.tower` (`flash`), then carries out `Step.effects` in their order. While an
opening is on its way (`Tower.pending`) it keeps messages back and tells `fired` once; it feeds `doors` as it reads
them, and calls `ticked` at least once a second. Uptimes are in ms, of a clock that never steps.
"""

from collections.abc import Callable, Collection
from typing import Final

from msgspec.structs import replace

from openharbor.blink import lockout, refusals, tower_session
from openharbor.blink.events import ErrorSeen
from openharbor.blink.frames import read_message
from openharbor.blink.handshake import SessionRequest
from openharbor.blink.packets import Packet
from openharbor.blink.refusals import Rejected
from openharbor.blink.session_requests import Tower as Asked201
from openharbor.blink.session_requests import judge_request
from openharbor.blink.sessions import SessionExists
from openharbor.blink.tower_session import Answered, Asked
from openharbor.tower import (
    access_commands,
    activity,
    device_clock,
    door_watch,
    faults,
    keypad_entry,
    locker_commands,
    openings,
    rotations,
    staff_commands,
    sync,
    visits,
)
from openharbor.tower.answers import answered, refused, refused_clear
from openharbor.tower.clock_steps import with_clock
from openharbor.tower.codes import FROM_PHONE, HW_INTERNAL_FLASH, KEY_EXPIRED
from openharbor.tower.configuration import key_changed
from openharbor.tower.state import Answer, Draws, PulseOutcome, Restart, Step, Tower, counted, logged, now, reference
from openharbor.tower.visits import Ask

LONGEST_MESSAGE: Final = 100  # bytes of a phone's words in the log


class OpeningOnItsWay(ValueError):
    """A message or a code while an opening has not ended: one command at a time (2.3)."""


def received(tower: Tower, frame: bytes, at_ms: int, draws: Draws, *, failures: int = 0) -> Step:
    """What a whole frame does. `failures`: authentication failures of its link so far. Raises OpeningOnItsWay."""
    if tower.pending is not None:
        raise OpeningOnItsWay("an opening is on its way")
    try:
        sessions, what = tower_session.receive(tower.sessions, frame, at_ms // 1000)
    except Rejected as rejected:
        return refused_clear(tower, rejected, at_ms, failures=failures, cut=_too_long(frame))
    if isinstance(what, SessionRequest):
        return _requested(tower, what, at_ms, draws, failures)
    tower = replace(tower, sessions=sessions)
    if isinstance(what, Answered):
        return Step(tower, (Answer(what.frame),))
    tower = visits.spoken(tower, what, at_ms)
    return _commanded(tower, Ask(what, at_ms, draws, failures))


def _too_long(frame: bytes) -> bool:
    """Whether the frame itself is over the limit: then the link is cut (2.4)."""
    try:
        read_message(frame)
    except Rejected as rejected:
        return rejected.code == refusals.AUTH_SIZE
    return False


def _requested(tower: Tower, request: SessionRequest, at_ms: int, draws: Draws, failures: int) -> Step:
    uptime = at_ms // 1000
    asked = Asked201(
        tower.identity.tower_id,
        tower.keys.ring,
        device_clock.device_time(tower.clock, at_ms),
        uptime,
        lockout.locked_out(tower.failures, uptime),
    )
    judged = judge_request(tower.requests, request, asked)
    clock = device_clock.moved(tower.clock, at_ms, judged.clock)
    tower = with_clock(replace(tower, requests=judged.requests), clock, at_ms)
    if judged.clock.too_far:
        tower = sync.warned(tower, at_ms)
    if isinstance(judged.outcome, Rejected):
        tower = counted(tower, activity.FAILED_SESSIONS)
        return refused_clear(tower, judged.outcome, at_ms, failures=failures)
    if judged.outcome.clock_ahead:
        tower = logged(tower, sync.clock_error(tower, at_ms), at_ms)
    try:
        sessions, frame = tower_session.grant(
            tower.sessions, request, judged.outcome, draws.grant, clock=now(tower, at_ms), uptime=uptime
        )
    except SessionExists:
        busy = Rejected(refusals.SYS_RESOURCES, "the drawn session id is in use; ask again")
        return refused_clear(tower, busy, at_ms, failures=failures)
    return Step(replace(tower, sessions=sessions), (Answer(frame),))


def _commanded(tower: Tower, ask: Ask) -> Step:
    asked = ask.asked
    refusal = asked.refusal
    if refusal is None:
        tower = visits.noted(tower, asked.packet_type)
        carry_out = COMMANDS.get(Packet(asked.packet_type), staff_commands.configured)
        try:
            return _restarting(carry_out(tower, ask), ask.at_ms)
        except Rejected as rejected:
            refusal = rejected
    return refused(tower, asked, refusal, ask.draws.iv, ask.at_ms, failures=ask.failures)


def _restarting(step: Step, at_ms: int) -> Step:
    """A restart comes last, and ends the session."""
    if not step.tower.restart:
        return step
    tower = visits.ended(replace(step.tower, restart=False), at_ms)
    return replace(step, tower=tower, effects=(*step.effects, Restart()))


def _status(tower: Tower, ask: Ask) -> Step:
    return answered(tower, ask.asked, sync.status(tower), ask.draws.iv)


def _pull(tower: Tower, ask: Ask) -> Step:
    tower, fields = sync.pulled(tower, ask.asked.fields[31], ask.draws.batch_iv, ask.at_ms)
    return answered(tower, ask.asked, fields, ask.draws.iv)


def _push(tower: Tower, ask: Ask) -> Step:
    fields = ask.asked.fields
    tower = sync.pushed(tower, fields[9], fields[10], ask.draws.seed, ask.at_ms)
    return answered(tower, ask.asked, {}, ask.draws.iv)


def _terminate(tower: Tower, ask: Ask) -> Step:
    code = ask.asked.fields[2]
    step = answered(tower, ask.asked, {2: code}, ask.draws.iv)
    tower = step.tower
    if code > 0:
        tower = logged(tower, _phone_error(tower, ask, code), ask.at_ms)
    return replace(step, tower=visits.ended(tower, ask.at_ms))


def _phone_error(tower: Tower, ask: Ask, code: int) -> ErrorSeen:
    session, words = ask.asked.session, ask.asked.fields.get(3)
    return ErrorSeen(
        event_id=0,
        at=now(tower, ask.at_ms),
        session_ref=reference(session),
        client_id=session.client_id,
        code=code,
        source=FROM_PHONE,
        message=None if words is None else words.encode()[:LONGEST_MESSAGE].decode(errors="ignore"),
    )


COMMANDS: Final[dict[Packet, Callable[[Tower, Ask], Step]]] = {
    Packet.TERMINATE_SESSION: _terminate,
    Packet.REQUEST_SYNC_STATUS: _status,
    Packet.SYNC_PULL: _pull,
    Packet.SYNC_PUSH: _push,
    Packet.ADD_CLIENT_EVENT: locker_commands.add_client_event,
    Packet.FIND_AVAILABLE_LOCKERS: locker_commands.find_available,
    Packet.FIND_LOCKERS_WITH_TOKEN: locker_commands.find_with_token,
    Packet.OPEN_LOCKER_WITH_TOKEN: access_commands.open_with_token,
    Packet.OPEN_AVAILABLE_LOCKER: access_commands.open_available,
    Packet.REOPEN_LOCKER: access_commands.reopen,
    Packet.CHECK_LOCKER_DOOR: locker_commands.check_door,
    Packet.REVERT_LOCKER_STATE: locker_commands.revert,
    Packet.SET_KEYPAD_CODE: locker_commands.set_code,
    Packet.TAP_LOCKER: access_commands.tap,
    Packet.CHECK_ALL_LOCKER_DOORS: locker_commands.check_all_doors,
    Packet.GET_DEVICE_INFO: staff_commands.device_info,
    Packet.GET_KEY_INFO: staff_commands.key_info,
    Packet.GET_LOCKER_INFO: staff_commands.locker_info,
    Packet.READ_DEVICE_STATUS: staff_commands.device_status,
    Packet.FIRE_LOCK: access_commands.fire_lock,
    Packet.READ_PORT_STATUS: staff_commands.port_status,
    Packet.SET_LOCKER_KEYPAD: staff_commands.set_keypad,
    Packet.READ_COUNTER: staff_commands.read_counter,
}


def unwritten(before: Tower, frame: bytes, at_ms: int, draws: Draws, *, failures: int = 0) -> Step:
    """Instead of `received`, from the state before it, when what it changed could not be stored: 310, no pulse (7.3).

    Nothing that is kept over a power cut differs from `before`.
    """
    step = _unwritten(before, frame, at_ms, draws, failures)
    return replace(step, tower=replace(step.tower, log=before.log, clock=before.clock))


def _unwritten(before: Tower, frame: bytes, at_ms: int, draws: Draws, failures: int) -> Step:
    try:
        sessions, what = tower_session.receive(before.sessions, frame, at_ms // 1000)
    except Rejected as rejected:
        return refused_clear(before, rejected, at_ms, failures=failures, cut=_too_long(frame))
    if isinstance(what, Answered):
        return Step(replace(before, sessions=sessions), (Answer(what.frame),))
    full = Rejected(HW_INTERNAL_FLASH, "the journal cannot be written")
    if isinstance(what, Asked):
        return refused(replace(before, sessions=sessions), what, full, draws.iv, at_ms)
    return refused_clear(before, full, at_ms, failures=failures)


def fired(tower: Tower, outcome: PulseOutcome, at_ms: int) -> Step:
    """The shell's report on a Fire effect. Raises ValueError when no opening is on its way."""
    return openings.pulsed(tower, outcome, at_ms)


def doors(tower: Tower, readings: door_watch.Readings, at_ms: int) -> Step:
    """Door contacts by port, read at `at_ms`, after every pulse that was told before."""
    return door_watch.doors_read(tower, readings, at_ms)


def connected(tower: Tower) -> Step:
    """A phone has connected, on whatever kind of link."""
    return Step(counted(tower, activity.CONNECTIONS))


def board_seen(tower: Tower, ports: Collection[int], at_ms: int, *, reachable: bool) -> Step:
    """Whether a lock board answers, told at each look at it, at least once in 10 s. `ports`: all that it serves.

    One that does not answer leaves an ERROR_EVENT, and an ERROR_RECOVERY_EVENT when it has answered for 10 s again.
    Raises ValueError without ports.
    """
    return Step(faults.board_seen(tower, ports, at_ms, reachable=reachable))


def ticked(tower: Tower, at_ms: int) -> Step:
    """What time brings: jams, doors left open, sessions that end, keys that expire, the day's report, the floor."""
    step = door_watch.ticked(tower, at_ms)
    tower = _keys_expired(step.tower, at_ms)
    speaking = tower.sessions.speaking
    if tower.pending is None and speaking is not None and not speaking.alive(at_ms // 1000):
        if tower.visit is not None:
            tower = counted(tower, activity.SESSION_TIMEOUTS)
        tower = visits.ended(tower, at_ms)
    tower = _day_reported(tower, at_ms)
    if device_clock.floor_is_due(tower.clock, at_ms):
        tower = replace(tower, clock=device_clock.floored(tower.clock, at_ms))
    return Step(tower, step.effects)


def _day_reported(tower: Tower, at_ms: int) -> Tower:
    time, counts = now(tower, at_ms), tower.activity
    if counts.since is None:
        return replace(tower, activity=activity.next_day(counts, time))
    if not activity.report_is_due(counts, time):
        return tower
    event = activity.report(counts, time, uptime_s=at_ms // 1000, temperature=tower.hardware.temperature)
    tower = logged(tower, event, at_ms)
    return replace(tower, activity=activity.next_day(tower.activity, time))


def _keys_expired(tower: Tower, at_ms: int) -> Tower:
    time = now(tower, at_ms)
    keys, over = rotations.expired(tower.keys, time)
    for rotation in over:
        tower = logged(replace(tower, keys=keys), key_changed(rotation, KEY_EXPIRED, time), at_ms)
    return tower


def code_entered(tower: Tower, code: str, at_ms: int) -> Step:
    """What digits and the confirm key do. Raises OpeningOnItsWay."""
    if tower.pending is not None:
        raise OpeningOnItsWay("an opening is on its way")
    return keypad_entry.entered(tower, code, at_ms)
