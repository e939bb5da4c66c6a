"""The frames of an attacker, of a phone that went mad, and of a server that did: nine kinds, from a seed."""

import random
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import cbor2

from core.blink.rig import CLOCK, key_of, taken
from fuzz import wild
from fuzz.world import Sent, World
from harness.blink_vectors import vectors
from openharbor.blink import opening, payloads
from openharbor.blink.cbor import Fields, decode
from openharbor.blink.fields import Layout
from openharbor.blink.frames import SELF_DESCRIBED, read_message
from openharbor.blink.packets import Packet
from openharbor.blink.refusals import Rejected
from openharbor.blink.sealing import Sealed, seal
from openharbor.blink.wrapper import unwrap, wrap
from openharbor.tower import rotations, state

REMEMBERED: Final = 64
KINDS: Final[dict[int, Layout]] = {
    payloads.SESSION_PAYLOAD: opening.SESSION.layout,
    payloads.COMMANDS_PAYLOAD: opening.COMMANDS.layout,
    payloads.OPEN_PAYLOAD: opening.OPEN.layout,
}


def every_message(value: Any) -> list[bytes]:
    """Every message in a part of the vectors: what a phone sends, and what a tower answers."""
    if isinstance(value, dict):
        own = [bytes.fromhex(value[name]) for name in ("in", "out") if isinstance(value.get(name), str)]
        return own + [one for inner in value.values() for one in every_message(inner)]
    if isinstance(value, list):
        return [one for inner in value for one in every_message(inner)]
    return []


MESSAGES: Final = sorted({one for one in every_message(vectors()) if one})


class Maker:
    """Makes frames for a world. `recent`: what was sent, to be sent again or damaged."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self.world, self.rng = world, rng
        self.recent: deque[Sent] = deque([Sent(MESSAGES[0])], REMEMBERED)

    def make(self) -> Sent:
        """The next frame."""
        (kind,) = self.rng.choices(*WEIGHTED)
        sent = kind(self)
        self.recent.append(sent)
        return sent

    # -- from outside

    def noise(self) -> Sent:
        size = self.rng.choice((0, 1, 3, 8, 40, 100, 300)) if self.rng.random() < 0.99 else 5000
        return Sent(self._framed(self.rng.randbytes(size)) if self.rng.random() < 0.5 else self.rng.randbytes(size))

    def clear(self) -> Sent:
        fields = wild.command(self.rng)
        if self.rng.random() < 0.3:
            fields |= {number: wild.value(self.rng) for number in self.rng.sample((5, 7, 8, 9, 10, 20, 22), 3)}
        return Sent(self._framed(cbor2.dumps(fields)))

    def damaged_vector(self) -> Sent:
        original = self.rng.choice(MESSAGES)
        return self._damaged(_known(original))

    def damaged_recent(self) -> Sent:
        return self._damaged(self.rng.choice(self.recent))

    def _damaged(self, sent: Sent) -> Sent:
        other = self.rng.choice(MESSAGES)
        if self.rng.random() < 0.3:
            frame = wild.damaged(self.rng, sent.frame, other)
        else:  # under a header that fits, so that it gets further than that
            frame = self._framed(wild.damaged(self.rng, _content_of(sent.frame), other))
        # with the sealed parts whole it is still the message that it was
        return sent._replace(frame=frame) if sent.wrapper in frame and sent.auth in frame else Sent(frame)

    def again(self) -> Sent:
        return self.rng.choice(self.recent)

    # -- from inside a session

    def wild_command(self) -> Sent:
        return self._wrapped(wild.command(self.rng))

    def token(self) -> Sent:
        payload, auth = self.rng.choice(tuple(self.world.tokens))
        if self.rng.random() < 0.5:
            payload = wild.damaged(self.rng, payload, auth)
        elif self.rng.random() < 0.3:
            auth = wild.damaged(self.rng, auth, payload)
        return self._wrapped({1: Packet.OPEN_LOCKER_WITH_TOKEN.value, 9: payload, 10: auth})

    def usual(self) -> Sent:
        """What follows an opening."""
        packet = self.rng.choice((Packet.REOPEN_LOCKER, Packet.REVERT_LOCKER_STATE, Packet.TAP_LOCKER))
        return self._wrapped({1: packet.value, 62: b"", 101: 50, 102: self.rng.randrange(11)})

    def _wrapped(self, fields: Fields) -> Sent:
        speaking, chance = self.world.session, self.rng.random()
        expected = speaking.numbers.expected
        number: Any = expected if chance < 0.93 else expected - 2 if chance < 0.98 else wild.value(self.rng)
        inner: Fields = {25: number, 22: speaking.session_id, **fields}
        outer = wrap(speaking.key, speaking.session_id, cbor2.dumps(inner), self.rng.randbytes(16))
        return Sent(self._framed(cbor2.dumps(outer)), inner, outer[7], outer[8])

    # -- under the tower's own key

    def sealed(self) -> Sent:
        """A payload of a server that does as it likes, in the place for it, or in another one."""
        packet_type, payload = self._payload()
        place = packet_type if self.rng.random() < 0.9 else self.rng.choice(tuple(KINDS))
        if place == payloads.SESSION_PAYLOAD:
            request = {1: 1, 5: CLOCK, 20: self.rng.randbytes(16), 10: payload.auth, 9: payload.payload}
            return Sent(self._framed(cbor2.dumps(request)))
        packet = Packet.SYNC_PUSH if place == payloads.COMMANDS_PAYLOAD else Packet.OPEN_LOCKER_WITH_TOKEN
        return self._wrapped({1: packet.value, 9: payload.payload, 10: payload.auth})

    def _payload(self) -> tuple[int, Sealed]:
        packet_type, layout = self.rng.choice(tuple(KINDS.items()))
        fields: Fields = {1: packet_type}
        for item in layout:
            if not item.optional or self.rng.random() < 0.08:
                wildly = self.rng.random() < 0.02
                fields[item.number] = wild.value(self.rng) if wildly else wild.fitting(self.rng, item)
        tower = self.world.tower
        now = state.now(tower, self.world.at_ms) + self.rng.choice((-600, -10, -10, -10, 5, 200, 4000))
        fields |= {5: now, 6: now + self.rng.choice((1, 900, 3600, 80_000, 86_400))}
        if self.rng.random() < 0.95:
            fields[61] = tower.identity.tower_id
        if packet_type == payloads.COMMANDS_PAYLOAD:
            fields |= self._batch()
        if packet_type == payloads.OPEN_PAYLOAD and self.rng.random() < 0.8:
            fields |= self._likely()
        made = seal(rotations.sealing_key(tower.keys), cbor2.dumps(fields), self.rng.randbytes(16))
        if packet_type == payloads.OPEN_PAYLOAD and type(fields[70]) is int:
            self.world.tokens[made] = fields[70]
        return packet_type, made

    def _likely(self) -> Fields:
        """What may open a locker."""
        number = self.rng.choice(tuple(self.world.tower.lockers))
        locker = self.world.tower.lockers[number]
        generation = min(locker.generation + self.rng.choice((-1, 0, 0, 1, 1, 2)), 2**32 - 1)
        token = locker.locker_token if locker.locker_token and self.rng.random() < 0.7 else self.rng.randbytes(16)
        return {70: number, 225: generation, 226: self.rng.choice((1, 1, 2, 3)), 75: token}

    def _batch(self) -> Fields:
        commands = [wild.command(self.rng) for _ in range(self.rng.choice((1, 1, 2, 3, 65)))]
        first = self.world.tower.last_command + self.rng.choice((1, 1, 1, 0, -3, 2))
        return {33: first, 34: len(commands) + (self.rng.random() < 0.03), 35: commands}

    def _framed(self, content: bytes) -> bytes:
        return (SELF_DESCRIBED if self.rng.random() < 0.8 else b"") + cbor2.dumps(content)


WEIGHTS: Final[dict[Callable[[Maker], Sent], int]] = {
    Maker.noise: 8,
    Maker.clear: 10,
    Maker.damaged_vector: 20,
    Maker.damaged_recent: 15,
    Maker.again: 5,
    Maker.wild_command: 25,
    Maker.token: 6,
    Maker.usual: 3,
    Maker.sealed: 8,
}
WEIGHTED: Final = (tuple(WEIGHTS), tuple(WEIGHTS.values()))


def _content_of(frame: bytes) -> bytes:
    bare = frame.removeprefix(SELF_DESCRIBED)
    return bare[{24: 2, 25: 3}.get(bare[0] & 31, 1) :] if bare else b""


def _known(frame: bytes) -> Sent:
    """A message of the vectors, with what it holds if it is an authentic one of a session that the world knows."""
    for name in ("A", "B"):
        try:
            outer = read_message(frame)
            if outer.get(22) == taken(name, "session_id"):
                return Sent(frame, decode(unwrap(key_of(name), outer)), outer[7], outer[8])
        except (Rejected, KeyError, TypeError):
            break
    return Sent(frame)
