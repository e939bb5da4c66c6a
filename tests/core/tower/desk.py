"""A tower on a desk: the fixture of the vectors, with doors and locks that do as told, and no store."""

from typing import Any

from msgspec.structs import replace

from core.blink.rig import CLOCK, FIXTURE, key_of, session
from harness.blink_vectors import sealed, unshown, vectors
from openharbor.blink.event_maps import read_event
from openharbor.blink.events import Event
from openharbor.blink.frames import read_message
from openharbor.blink.handshake import Draws as GrantDraws
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import Declined, PhoneSession, Reply, ask, read_reply
from openharbor.blink.provisioning import USUAL_SETTINGS
from openharbor.blink.sessions import Sessions, with_grant
from openharbor.tower import device
from openharbor.tower.device_clock import Clock
from openharbor.tower.event_log import EventLog
from openharbor.tower.keypad import code_mac
from openharbor.tower.lockers import INVERTED, Code, Locker, Used
from openharbor.tower.rotations import Keys, Rotation, keys_of
from openharbor.tower.state import (
    Answer,
    Fire,
    Hardware,
    Identity,
    KeypadSays,
    PulseOutcome,
    Restart,
    Step,
    Tap,
    Tower,
    draws_from,
)

AT_MS = 1_000_000  # uptime at which the rig's sessions were granted
CODE_KEY = bytes(range(32))
DRAWS = draws_from(bytes(range(136)))
TOKENS = {row["name"]: row for row in sealed("open_payloads")}
PACKETS = {row["name"]: row for row in sealed("command_packets")}


def locker_from(number: int, row: dict[str, Any]) -> Locker:
    """A locker of the vectors."""
    code = Code(
        code_mac(CODE_KEY, row["code"]), row["persists"], bytes.fromhex(row["next_token"]), row["next_available"]
    )
    used = row["used"] if isinstance(row["used"], dict) else {}
    return Locker(
        number=number,
        type_id=row["type"],
        port=row["physical"],
        sensor=row["sensor"],
        available=row["available"],
        locker_token=bytes.fromhex(row["token"]),
        generation=row["generation"],
        retired=row["retired"],
        used=tuple(Used(int(one), b"", note["at"], note["confirmed"]) for one, note in used.items()),
        disabled=row["disabled"],
        code=code if row["code"] else None,
    )


def fixture_keys() -> Keys:
    rotations = {
        int(number): Rotation(
            number=int(number),
            state=one["state"],
            root=b"" if one["state"] == "revoked" else bytes.fromhex(one["root"]),
            sunset_at=one.get("sunset_at", 0),
        )
        for number, one in FIXTURE["keys"].items()
    }
    return keys_of(rotations, FIXTURE["seal_with"])


def fixture_events() -> tuple[Event, ...]:
    return tuple(read_event(unshown(row["map"])) for row in vectors()["events"][: FIXTURE["event_last"]])


def fixture_tower(**given: Any) -> Tower:
    """The tower of the vectors. `given`: what a vector says differs."""
    rows = {int(number): dict(row) for number, row in FIXTURE["lockers"].items()}
    for number, changes in given.get("lockers", {}).items():
        rows[int(number)].update(changes)
    lockers = {number: locker_from(number, row) for number, row in rows.items()}
    strict = given.get("strict_clock", False)
    clock = given.get("clock", CLOCK)
    return Tower(
        identity=Identity(
            tower_id=bytes.fromhex(FIXTURE["tower_id"]), name=FIXTURE["name"], disabled=given.get("disabled", False)
        ),
        keys=fixture_keys(),
        lockers=lockers,
        clock=Clock(
            base_ms=clock * 1000,
            since_ms=AT_MS,
            floor=clock,
            sure=given.get("clock_state", 0) == 0,
            challenge=bytes.fromhex(FIXTURE["challenge"]),
        ),
        code_key=CODE_KEY,
        settings=replace(USUAL_SETTINGS, clock_mode="strict" if strict else "lenient"),
        hardware=Hardware(firmware="1.4.2", serial="OH-000123"),
        last_command=FIXTURE["last_command"],
        log=EventLog(first=1, last=FIXTURE["event_last"], epoch=1, events=fixture_events()),
        boot_count=FIXTURE["boot_count"],
    )


class Desk:
    """Carries out what the device wants, at once. `jams`, `dead`, `doubtful`: lockers whose lock fails that way."""

    def __init__(self, tower: Tower | None = None) -> None:
        self.tower = tower or fixture_tower()
        self.at_ms = AT_MS
        self.jams: set[int] = set()
        self.dead: set[int] = set()
        self.doubtful: set[int] = set()
        self.unreadable: set[int] = set()
        self.open: set[int] = set()
        self.pulses: list[int] = []
        self.taps: list[Tap] = []
        self.shown: list[KeypadSays] = []
        self.phones: dict[str, PhoneSession] = {}
        self.failures = 0
        self.restarts = 0
        self.counted = False
        self.read()

    # -- time, doors

    def advance(self, seconds: float) -> None:
        self.at_ms += round(seconds * 1000)
        self.take(device.ticked(self.tower, self.at_ms))

    def read(self) -> None:
        """Reads every door."""
        self.take(device.doors(self.tower, self.contacts(), self.at_ms))

    def contacts(self) -> dict[int, bool | None]:
        """What the contacts say, by port; an inverted one says the opposite."""
        return {
            one.port: None if number in self.unreadable else (number in self.open) != (one.sensor == INVERTED)
            for number, one in self.tower.lockers.items()
            if one.port >= 0
        }

    def opens(self, number: int) -> None:
        self.open.add(number)
        self.read()

    def closes(self, number: int) -> None:
        self.open.discard(number)
        self.read()

    # -- effects

    def take(self, step: Step) -> Answer | None:
        """Carries out a step and what follows from it; the answer, if there is one."""
        self.tower, answer = step.tower, None
        self.counted = self.counted or step.counted
        self.failures += step.counted
        for effect in step.effects:
            match effect:
                case Answer():
                    assert answer is None, "one answer to one message"
                    answer = effect
                case Fire():
                    answer = self._fire(effect) or answer
                case Tap():
                    self.taps.append(effect)
                case KeypadSays():
                    self.shown.append(effect)
                case Restart():
                    assert effect is step.effects[-1]
                    self.restarts += 1
        return answer

    def _fire(self, fire: Fire) -> Answer | None:
        assert self.tower.intent is not None, "the intent comes first"
        if fire.number in self.dead:
            return self.take(device.fired(self.tower, "failed", self.at_ms))
        self.pulses.append(fire.number)
        outcome: PulseOutcome = "unknown" if fire.number in self.doubtful else "sent"
        answer = self.take(device.fired(self.tower, outcome, self.at_ms))
        if fire.number not in self.jams:
            self.open.add(fire.number)
        return self._watch() or answer

    def _watch(self) -> Answer | None:
        answer = self.take(device.doors(self.tower, self.contacts(), self.at_ms))
        if self.tower.pending is None:
            return answer
        self.at_ms += 3000
        return self.take(device.ticked(self.tower, self.at_ms))

    # -- phones

    def receive(
        self, frame: bytes, iv: bytes | None = None, batch_iv: bytes | None = None, grant: GrantDraws | None = None
    ) -> Answer:
        draws = replace(DRAWS, iv=iv or DRAWS.iv, batch_iv=batch_iv or DRAWS.batch_iv, grant=grant or DRAWS.grant)
        answer = self.take(device.received(self.tower, frame, self.at_ms, draws, failures=self.failures))
        assert answer is not None, "no message stays without an answer"
        return answer

    def session(self, name: str, permissions: int | None = None) -> None:
        """A session of the vectors, granted now."""
        uptime = self.at_ms // 1000
        granted = replace(session(name, permissions), granted_at=uptime, spoke_at=uptime)
        self.phones[name] = PhoneSession(granted.session_id, key_of(name))
        self.tower = replace(self.tower, sessions=with_grant(self.tower.sessions, granted))

    def only_session(self, name: str, permissions: int | None = None) -> None:
        """The same, and it speaks already."""
        self.session(name, permissions)
        self.tower = replace(self.tower, sessions=Sessions(self.tower.sessions.granted[-1]))

    def say(self, name: str, packet: Packet, fields: dict[int, Any] | None = None) -> Reply | Declined:
        """One command of a phone, and what it reads from the answer."""
        phone = self.phones[name]
        question = ask(phone, packet, fields or {}, self.at_ms.to_bytes(16))
        self.phones[name], reply = read_reply(phone, question, self.receive(question.frame).frame)
        return reply

    def use(self, name: str, token: str) -> Reply | Declined:
        """Opens with a token of the vectors."""
        row = TOKENS[token]
        fields = {9: bytes.fromhex(row["payload"]), 10: bytes.fromhex(row["payload_auth"])}
        return self.say(name, Packet.OPEN_LOCKER_WITH_TOKEN, fields)

    def push(self, name: str, packet: str) -> Reply | Declined:
        """Pushes a command packet of the vectors."""
        row = PACKETS[packet]
        fields = {9: bytes.fromhex(row["payload"]), 10: bytes.fromhex(row["payload_auth"])}
        return self.say(name, Packet.SYNC_PUSH, fields)

    def newest(self) -> Event:
        return self.tower.log.events[-1]

    def since(self, event_id: int) -> list[Event]:
        return [one for one in self.tower.log.events if one.event_id > event_id]


def iv_of(frame: str) -> bytes:
    """The IV inside a message of the vectors, or any where it is in the clear."""
    fields = read_message(bytes.fromhex(frame))
    return bytes(fields[7][1:17]) if 7 in fields else bytes(16)
