"""A tower under attack: it gets frames, its locks and doors do as they like, and a judge looks at every step.

The judge knows on its own which doors a message may open: those of authentic tokens, presented in an authentic
message, and what staff and the last opened locker allow. Everything else that fires is a wrong door.
"""

import random
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from core.blink.rig import CLOCK, session
from core.tower.desk import AT_MS, CODE_KEY, fixture_tower
from harness.blink_vectors import sealed
from openharbor.blink.cbor import Fields, decode
from openharbor.blink.event_maps import read_event, write_event
from openharbor.blink.frames import MOST_CONTENT, TRAPS, read_message
from openharbor.blink.packets import Packet
from openharbor.blink.sessions import Session, Sessions
from openharbor.blink.wrapper import unwrap
from openharbor.tower import device
from openharbor.tower.event_log import CAPACITY
from openharbor.tower.keypad import code_mac
from openharbor.tower.lockers import Locker
from openharbor.tower.power_up import started
from openharbor.tower.state import (
    DRAWN_BYTES,
    Answer,
    Fire,
    Hardware,
    KeypadSays,
    Restart,
    Step,
    Tap,
    Tower,
    draws_from,
)

FIXTURE: Final = fixture_tower()
PERMISSIONS: Final = (1, 2, 4, 7, 7, 15, 63, 63, 63)
STAFF: Final = 8 | 16 | 32
LONGEST_FRAME: Final = MOST_CONTENT + 3


class Sent(NamedTuple):
    """A frame. `inner`: what it holds if it is an authentic message of a session; None if it is anything else.

    `wrapper`, `auth`: the two parts that make it authentic.
    """

    frame: bytes
    inner: Fields | None = None
    wrapper: bytes = b""
    auth: bytes = b""


def tokens_of_the_vectors() -> dict[tuple[bytes, bytes], int]:
    """The locker of every sealed token."""
    return {
        (bytes.fromhex(row["payload"]), bytes.fromhex(row["payload_auth"])): row["map"]["70"]
        for row in sealed("open_payloads")
    }


class Wrong(AssertionError):
    """The tower did what it must not."""


class World:
    """One tower. `tokens`: the locker of each authentic token that was ever made, by payload and auth."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.tokens = tokens_of_the_vectors()
        self.pulses = self.refused = self.granted = 0
        self.fresh()

    def fresh(self) -> None:
        """The tower of the vectors, with a session that speaks."""
        self.tower, self.at_ms, self.failures = FIXTURE, AT_MS, 0
        self.let_in()

    def let_in(self) -> None:
        """A session, as if its phone had asked for it."""
        self.fired_by: set[bytes] = set()
        name, uptime = self.rng.choice("AB"), self.at_ms // 1000
        opened = replace(session(name, self.rng.choice(PERMISSIONS)), granted_at=uptime, spoke_at=uptime)
        self.tower = replace(self.tower, sessions=Sessions(opened))

    @property
    def session(self) -> Session:
        """The session that speaks; a new one if there is none, or if its time is over."""
        speaking = self.tower.sessions.speaking
        if speaking is None or not speaking.alive(self.at_ms // 1000):
            self.let_in()
        return self.tower.sessions.speaking or self.session

    # -- what comes in

    def receive(self, sent: Sent) -> None:
        """One frame, to its end: one answer, and the judge's opinion."""
        before = self.tower
        draws = draws_from(self.rng.randbytes(DRAWN_BYTES))
        step = device.received(before, sent.frame, self.at_ms, draws, failures=self.failures)
        self.failures += step.counted
        answers = self._carried_out(before, step, sent)
        if len(answers) != 1:
            raise Wrong(f"{len(answers)} answers to one message")
        if answers[0].cut:
            self.failures = 0  # the attacker comes back on another link
        self._judge_answer(before, answers[0].frame, pulsed=any(isinstance(one, Fire) for one in step.effects))

    def enter(self, code: str) -> None:
        """Digits at the keypad."""
        step = device.code_entered(self.tower, code, self.at_ms)
        self._carried_out(self.tower, step, Sent(code.encode()), code)

    def wait(self, seconds: float) -> None:
        """Time goes on, doors move, boards come and go."""
        self.at_ms += round(seconds * 1000)
        readings = {port: self.rng.choice((True, False, None)) for port in range(self.rng.randrange(8))}
        nobody = Sent(b"")
        self._carried_out(self.tower, device.doors(self.tower, readings, self.at_ms), nobody)
        self._carried_out(self.tower, device.ticked(self.tower, self.at_ms), nobody)
        reachable = self.rng.random() < 0.5
        self._carried_out(self.tower, device.board_seen(self.tower, range(8), self.at_ms, reachable=reachable), nobody)

    # -- what goes out

    def _carried_out(self, before: Tower, step: Step, sent: Sent, code: str | None = None) -> list[Answer]:
        self.tower = step.tower
        answers: list[Answer] = []
        for effect in step.effects:
            match effect:
                case Answer():
                    answers.append(effect)
                case Fire(number=number) | Tap(number=number):
                    self._judge_pulse(before, number, sent, code)
                    if isinstance(effect, Fire):
                        answers += self._fire(effect)
                case Restart():
                    self.tower = started(self.tower, Hardware(), wall_s=CLOCK, at_ms=self.at_ms, challenge=bytes(8))
                case KeypadSays():
                    pass
        return answers

    def _fire(self, fire: Fire) -> list[Answer]:
        """The lock, and its door, do as they like."""
        if self.tower.intent is None or self.tower.intent.number != fire.number:
            raise Wrong("a pulse without its intent")
        step = device.fired(self.tower, self.rng.choice(("sent", "sent", "sent", "failed", "unknown")), self.at_ms)
        answers = self._ended(step)
        if self._waits():
            contact = self.rng.choice((True, True, False, None))
            answers += self._ended(device.doors(self.tower, {fire.port: contact}, self.at_ms + 100))
        if self._waits():
            self.at_ms += 3000
            answers += self._ended(device.ticked(self.tower, self.at_ms))
        if self._waits():
            raise Wrong("an opening without an end")
        return answers

    def _waits(self) -> bool:
        return self.tower.pending is not None or self.tower.intent is not None

    def _ended(self, step: Step) -> list[Answer]:
        self.tower = step.tower
        if any(isinstance(one, Fire | Tap) for one in step.effects):
            raise Wrong("a pulse brought a pulse")
        return [one for one in step.effects if isinstance(one, Answer)]

    # -- the judge

    def _judge_pulse(self, before: Tower, number: int, sent: Sent, code: str | None) -> None:
        self.pulses += 1
        if number not in self._allowed(before, sent.inner, code):
            raise Wrong(f"locker {number} was fired")
        if sent.inner is not None:
            if sent.auth in self.fired_by:
                raise Wrong("one message fired twice")
            self.fired_by.add(sent.auth)

    def _allowed(self, before: Tower, inner: Fields | None, code: str | None) -> Iterable[int]:
        if code is not None:
            mac = code_mac(CODE_KEY, code)
            return [one.number for one in before.lockers.values() if one.code is not None and one.code.mac == mac]
        speaking = self.tower.sessions.speaking
        if inner is None or speaking is None:
            return []
        staff = bool(speaking.permissions & STAFF)
        match inner[1]:
            case Packet.OPEN_LOCKER_WITH_TOKEN:
                return [self.tokens.get((inner[9], inner[10]), 0)]
            case Packet.REOPEN_LOCKER | Packet.TAP_LOCKER:
                last = before.visit.last if before.visit else None
                return [] if last is None else [last.opening.number]
            case Packet.OPEN_AVAILABLE_LOCKER if staff:
                return [one.number for one in before.lockers.values() if one.usable()]
            case Packet.FIRE_LOCK if staff:
                return [one.number for one in before.lockers.values() if one.port == inner[72]]
        return []

    def _judge_answer(self, before: Tower, frame: bytes, *, pulsed: bool) -> None:
        if len(frame) > LONGEST_FRAME:
            raise Wrong("an answer that no phone takes")
        fields = read_message(frame)
        if _content(frame) in TRAPS:
            raise Wrong("an answer in which the SDK finds no map")
        code = self._refusal(before, fields)
        self.granted += fields.get(1) == Packet.GRANT_SESSION
        if code is None or pulsed:
            return
        self.refused += 1
        if not 100 <= code < 600:
            raise Wrong(f"refused with {code}")
        if self.tower is not before and kept(self.tower) != kept(before):
            raise Wrong(f"refused with {code}, and changed all the same")

    def _refusal(self, before: Tower, fields: Fields) -> int | None:
        """The code of a refusal; None for any other answer."""
        if 7 not in fields:
            return int(fields[2]) if fields[1] == Packet.SESSION_ERROR else None
        sessions = self.tower.sessions.speaking, before.sessions.speaking, *before.sessions.granted
        key = next(one.key for one in sessions if one is not None and one.session_id == fields[22])
        inner = decode(unwrap(key, fields))
        if inner[22] != fields[22]:
            raise Wrong("an answer of another session")
        return int(inner[2]) if inner[1] == Packet.ERROR else None

    def inspect(self) -> None:
        """What must stay small is small, and what is stored can be read again."""
        tower = self.tower
        sizes: dict[str, tuple[int, int]] = {
            "events": (len(tower.log.events), CAPACITY),
            "nonces": (len(tower.requests.nonces), 64),
            "granted": (len(tower.sessions.granted), 4),
            "failures": (len(tower.failures.times), 20),
            "lockers": (len(tower.lockers), 1023),
            "rotations": (len(tower.keys.rotations), 256),
            "late openings": (len(tower.late), len(tower.lockers)),
            "clock steps": (len(tower.clock.steps), 3600),
            "seen": (len(self.session.numbers.seen), 32),
        }
        for name, (size, limit) in sizes.items():
            if size > limit:
                raise Wrong(f"{size} {name}, and {limit} is the limit")
        if [read_event(write_event(one)) for one in tower.log.events[-50:]] != list(tower.log.events[-50:]):
            raise Wrong("an event that cannot be read again")


def _content(frame: bytes) -> int:
    """How long the map inside a frame of the tower is."""
    return len(frame) - {24: 2, 25: 3}.get(frame[0] & 31, 1)


def kept(tower: Tower) -> tuple[Any, ...]:
    """What a refusal may not change. The next command confirms the last answer, whatever comes of it."""
    lockers = {number: _unconfirmed(one) for number, one in tower.lockers.items()}
    log = tower.log.first, tower.log.epoch
    counters = tower.last_command, tower.boot_count, tower.code_key, tower.intent
    return tower.identity, tower.settings, tower.keys.rotations, tower.keys.seal_with, lockers, log, counters


def _unconfirmed(locker: Locker) -> Locker:
    """Its times go along when an authentic payload moves the clock, whether it is refused or not (10.2)."""
    used = tuple(replace(one, confirmed=False, at=0) for one in locker.used)
    watched = None if locker.watched is None else replace(locker.watched, opened_at=0)
    return replace(locker, used=used, watched=watched)
