"""The record of a locker, and what an access makes of it (blink-protocol.md 7.1, 7.4)."""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

NO_PORT: Final = -1
NORMAL, INVERTED, NOT_USABLE = range(3)  # door_sensor, #246
MOST_USED: Final = 16  # drop-off tokens of one generation


class Used(msgspec.Struct, frozen=True):
    """A drop-off token that took the locker. `at`: s since 1970. `confirmed`: its phone has the answer (5.5)."""

    token_id: int
    session_id: bytes
    at: int
    confirmed: bool = False
    reverted: bool = False


class Watched(msgspec.Struct, frozen=True):
    """An opening whose closing has not been seen. `opened_at`: s since 1970. `told`: that it was left open."""

    opened_at: int
    token_id: int | None = None
    access_kind: int | None = None
    told: bool = False


class Code(msgspec.Struct, frozen=True):
    """A keypad code, as its HMAC alone (11.4)."""

    mac: bytes
    persists: bool
    next_token: bytes
    next_available: bool

    def __repr__(self) -> str:
        return f"Code(persists={self.persists}, next_available={self.next_available})"


class Locker(msgspec.Struct, frozen=True, kw_only=True):
    """One locker. `available` False: taken. Tokens of generation `retired` or older open nothing any more."""

    number: int
    type_id: int
    port: int
    sensor: int = NORMAL
    available: bool = True
    locker_token: bytes = b""
    generation: int = 0
    retired: int = 0
    used: tuple[Used, ...] = ()
    disabled: bool = False
    code: Code | None = None
    watched: Watched | None = None

    def __repr__(self) -> str:
        state = "free" if self.available else "taken"
        return f"Locker({self.number}, {state}, generation={self.generation}, retired={self.retired})"

    def usable(self) -> bool:
        """Whether it can be found: enabled, with a lock."""
        return not self.disabled and self.port >= 0

    def holding(self) -> tuple[bool, bytes, int, int]:
        """What decides who may open it."""
        return self.available, self.locker_token, self.generation, self.retired

    def use_of(self, token_id: int) -> Used | None:
        """The earlier use of a drop-off token of the present generation."""
        return next((one for one in self.used if one.token_id == token_id), None)


Lockers = Mapping[int, Locker]


class Take(msgspec.Struct, frozen=True, tag=True):
    """A drop-off. `at`: s since 1970. `code`: comes into force with it."""

    locker_token: bytes
    generation: int
    token_id: int
    session_id: bytes
    at: int
    code: Code | None = None

    def __repr__(self) -> str:
        return f"Take(generation={self.generation}, token_id={self.token_id})"


class Empty(msgspec.Struct, frozen=True, tag=True):
    """A pick-up or release: free, and `generation` retired."""

    generation: int


class Write(msgspec.Struct, frozen=True, tag=True):
    """OPEN_AVAILABLE_LOCKER: staff write availability and token."""

    available: bool
    locker_token: bytes

    def __repr__(self) -> str:
        return f"Write(available={self.available})"


class Hand(msgspec.Struct, frozen=True, tag=True):
    """A keypad code that leaves the locker taken, under another token. `keep`: the code persists."""

    locker_token: bytes
    keep: bool

    def __repr__(self) -> str:
        return f"Hand(keep={self.keep})"


Change = Take | Empty | Write | Hand


def takes(change: Change) -> bool:
    """Whether the locker is taken after it: what a power cut counts as done (7.3)."""
    return not isinstance(change, Empty) and not (isinstance(change, Write) and change.available)


def changed(lockers: Lockers, number: int, change: Change) -> Locker:
    """The record after a change. A code that another locker has by now is not set (7.4)."""
    locker = lockers[number]
    match change:
        case Take():
            return _taken(lockers, locker, change)
        case Empty(generation):
            return emptied(locker, generation)
        case Write(True, _):
            return emptied(locker, locker.generation)
        case Write(_, token):
            return replace(locker, available=False, locker_token=token, used=(), code=None)
        case Hand(token, keep):
            return replace(locker, available=False, locker_token=token, code=locker.code if keep else None)


def _taken(lockers: Lockers, locker: Locker, take: Take) -> Locker:
    used = locker.used if take.generation == locker.generation else ()
    code = None if locker.available else locker.code  # a free locker must not keep a way into the next parcel
    if take.code is not None and not clashes(lockers, locker.number, take.code.mac):
        code = take.code
    return replace(
        locker,
        available=False,
        locker_token=take.locker_token,
        generation=take.generation,
        used=(*used, Used(take.token_id, take.session_id, take.at)),
        code=code,
    )


def emptied(locker: Locker, generation: int) -> Locker:
    """Free, with everything up to `generation` retired; neither number ever goes back."""
    return replace(
        locker,
        available=True,
        locker_token=b"",
        used=(),
        code=None,
        generation=max(generation, locker.generation),
        retired=max(generation, locker.retired),
    )


def clashes(lockers: Lockers, number: int, mac: bytes) -> bool:
    """Whether another locker has this keypad code."""
    return any(one.number != number and one.code is not None and one.code.mac == mac for one in lockers.values())


def with_use(locker: Locker, use: Used) -> Locker:
    """With the note of one token replaced, or added."""
    return replace(locker, used=(*(one for one in locker.used if one.token_id != use.token_id), use))
