"""Keypad codes: how one is set, how one is entered, when the keypad sleeps (blink-protocol.md 11.4)."""

import hmac
from typing import Final

import msgspec

from openharbor.blink.opening import usable_code
from openharbor.blink.refusals import MSG_ITEM_VALUE, Rejected
from openharbor.tower.codes import SYS_LOCKER_NOT_FOUND
from openharbor.tower.lockers import Change, Code, Empty, Hand, Locker, Lockers, clashes

AUTOMATIC: Final = "auto"
SHOWN: Final = "****"  # instead of a code that is set
TRIES: Final = 5
FIRST_SLEEP_MS: Final = 60_000
LONGEST_SLEEP_MS: Final = 900_000
FORGET_MS: Final = 3_600_000


class Tries(msgspec.Struct, frozen=True):
    """Wrong codes in a row. `until_ms`: uptime at which the keypad wakes. `sleep_ms`: length of the last sleep."""

    wrong: int = 0
    last_ms: int = 0
    until_ms: int = 0
    sleep_ms: int = 0


class NewCode(msgspec.Struct, frozen=True):
    """What a locker's code becomes. `made_up`: the digits that the tower drew, to be reported once."""

    code: Code | None
    made_up: str | None = None


def code_mac(key: bytes, code: str) -> bytes:
    """A code as it is stored."""
    return hmac.digest(key, code.encode(), "sha256")


def drawn_code(seed: bytes, count: int) -> str:
    """Six digits from random bytes, another one for each `count`."""
    drawn = hmac.digest(seed, b"code" + count.to_bytes(8), "sha256")
    return f"{int.from_bytes(drawn[:8]) % 1_000_000:06d}"


def new_code(
    lockers: Lockers, locker: Locker, asked: str, key: bytes, seed: bytes, after: tuple[bool, bytes, bool]
) -> NewCode:
    """Judges a code to be set. `after`: persists, next token, next available. Raises Rejected 106, 502."""
    if not asked:
        return NewCode(None)
    if asked != AUTOMATIC and not usable_code(asked):
        raise Rejected(MSG_ITEM_VALUE, "keypad_code must be 4 to 10 digits")
    if locker.available:
        raise Rejected(SYS_LOCKER_NOT_FOUND, "a free locker gets no code")
    if asked == AUTOMATIC:
        made_up = _free_code(lockers, locker, key, seed)
        return NewCode(Code(code_mac(key, made_up), *after), made_up)
    mac = code_mac(key, asked)
    if clashes(lockers, locker.number, mac):
        raise Rejected(MSG_ITEM_VALUE, "another locker has this code")
    return NewCode(Code(mac, *after))


def _free_code(lockers: Lockers, locker: Locker, key: bytes, seed: bytes) -> str:
    for count in range(len(lockers) + 1):  # at most one code for each locker, so one of these is free
        code = drawn_code(seed, count)
        if not clashes(lockers, locker.number, code_mac(key, code)):
            return code
    raise Rejected(MSG_ITEM_VALUE, "no code is free")


def token_code(key: bytes, code: str | None, persists: bool, locker_token: bytes) -> Code | None:
    """The code that a drop-off token brings (4.5)."""
    if code is None:
        return None
    return Code(code_mac(key, code), persists, locker_token if persists else b"", not persists)


def asleep(tries: Tries, at_ms: int) -> bool:
    """Whether nothing that is entered is looked at."""
    return at_ms < tries.until_ms


def after_wrong(tries: Tries, at_ms: int) -> Tries:
    """After a wrong code. The fifth in a row, and each one after a sleep, sends the keypad to sleep, twice as long."""
    if tries.wrong and at_ms - max(tries.last_ms, tries.until_ms) >= FORGET_MS:
        tries = Tries()
    wrong = tries.wrong + 1
    if wrong < TRIES:
        return Tries(wrong, at_ms, 0, tries.sleep_ms)
    sleep = min(2 * tries.sleep_ms, LONGEST_SLEEP_MS) if tries.sleep_ms else FIRST_SLEEP_MS
    return Tries(wrong, at_ms, at_ms + sleep, sleep)


def locker_of(lockers: Lockers, mac: bytes) -> Locker | None:
    """The usable locker with this code."""
    found = None
    for one in lockers.values():  # all are compared: the time tells nothing
        if one.code is not None and hmac.compare_digest(one.code.mac, mac) and one.usable():
            found = one
    return found


def change_of(locker: Locker, code: Code) -> Change:
    """What the entry of its code does to a locker. One that frees it is a pick-up, and erases the code."""
    if code.next_available:
        return Empty(locker.generation)
    return Hand(code.next_token, code.persists)
