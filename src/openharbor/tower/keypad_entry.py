"""A code at the keypad opens its locker, on the same way as a token (blink-protocol.md 11.4)."""

from msgspec.structs import replace

from openharbor.blink.events import BY_KEYPAD, ErrorSeen
from openharbor.blink.refusals import AUTH_INVALID, Rejected
from openharbor.tower import keypad, openings
from openharbor.tower.codes import FROM_KEYPAD
from openharbor.tower.keypad import Tries
from openharbor.tower.lockers import Code, Locker
from openharbor.tower.state import KeypadSays, Opening, Pending, Step, Tower, logged, now


def entered(tower: Tower, code: str, at_ms: int) -> Step:
    """Opens the locker with this code, or says why not: asleep, refused (tower disabled), wrong."""
    if keypad.asleep(tower.tries, at_ms):
        return Step(tower, (KeypadSays("asleep"),))
    if tower.identity.disabled:
        return Step(tower, (KeypadSays("refused"),))
    locker = keypad.locker_of(tower.lockers, keypad.code_mac(tower.code_key, code))
    if locker is None or locker.code is None:
        return _wrong(tower, at_ms)
    return _right(replace(tower, tries=Tries()), locker, locker.code, at_ms)


def _wrong(tower: Tower, at_ms: int) -> Step:
    tower = replace(tower, tries=keypad.after_wrong(tower.tries, at_ms))
    if keypad.asleep(tower.tries, at_ms):
        error = ErrorSeen(event_id=0, at=now(tower, at_ms), code=AUTH_INVALID, source=FROM_KEYPAD)
        tower = logged(tower, error, at_ms)
    return Step(tower, (KeypadSays("wrong"),))


def _right(tower: Tower, locker: Locker, code: Code, at_ms: int) -> Step:
    opening = Opening(
        number=locker.number, reason=BY_KEYPAD, started=now(tower, at_ms), change=keypad.change_of(locker, code)
    )
    pending = Pending(opening=opening, port=locker.port, asked=None, iv=b"")
    try:
        return openings.begun(tower, pending, at_ms)
    except Rejected:
        return Step(tower, (KeypadSays("failed", locker.number),))
