"""A phone: what it keeps, a visit to a tower, the link that may break at every message, the way up to the cloud."""

import random
from collections.abc import Generator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from openharbor.blink.packets import DELIVERY, PICKUP, SYNC, Packet
from openharbor.blink.phone_session import (
    Credentials,
    Declined,
    PhoneSession,
    Reply,
    Unreadable,
    ask,
    read_grant,
    read_reply,
    request_session,
)
from openharbor.blink.sealing import Sealed
from simulation.deliveries.agenda import Agenda
from simulation.deliveries.branch import Branch, Push, Token
from simulation.deliveries.host import Host, Link
from simulation.deliveries.luck import Luck

USUAL = SYNC | PICKUP | DELIVERY
ANSWER_WAIT_MS = 20_000
MOST_BATCHES = 200
Answer = Reply | Declined | None
Saying = Generator[int, None, Answer]


@dataclass(frozen=True, slots=True)
class Held:
    """A batch that was pulled and is not known to have arrived."""

    branch: Branch
    sealed: Sealed
    first: int
    count: int


@dataclass(slots=True)
class Phone:
    """`passes`: session payloads by tower, until when each may be used. `pushes`: command packets fetched, by tower."""

    name: str
    client_id: bytes
    online: bool = True
    busy: bool = False
    passes: dict[str, tuple[Credentials, int]] = field(default_factory=dict)
    pushes: dict[str, list[Push]] = field(default_factory=dict)
    batches: list[Held] = field(default_factory=list)

    def clone(self) -> "Phone":
        """A copy of everything that the app keeps."""
        return Phone(
            f"{self.name}'s clone",
            self.client_id,
            True,
            False,
            dict(self.passes),
            deepcopy(self.pushes),
            list(self.batches),
        )


class Net:
    """What phones share: time, luck, the cloud behind the internet. `away_until`: ms, the cloud does not answer."""

    def __init__(self, agenda: Agenda, rng: random.Random, luck: Luck) -> None:
        self.agenda, self.rng, self.luck = agenda, rng, luck
        self.away_until = 0

    def reaches(self, phone: Phone) -> bool:
        return phone.online and self.agenda.now >= self.away_until

    def fetch(self, phone: Phone, branch: Branch, permissions: int = USUAL) -> bool:
        """A session payload and the waiting commands, where the cloud can be reached."""
        if not self.reaches(phone):
            return False
        now_s, name = self.agenda.now // 1000, branch.tower.tower_id
        duration_s = self.rng.choice((600, 3600, 86_280))
        phone.passes[name] = branch.session(phone.client_id, permissions, duration_s, now_s)
        if self.rng.random() < 0.8:
            phone.pushes[name] = branch.packets(now_s)
        return True

    def upload(self, phone: Phone) -> None:
        """POST events, in any order; the request or its answer may be lost, and then the batch stays."""
        rng, luck = self.rng, self.luck
        if not self.reaches(phone):
            return
        if rng.random() < 0.3:
            rng.shuffle(phone.batches)
        kept = []
        for held in phone.batches:
            if rng.random() < luck.upload_lost:
                kept.append(held)
                continue
            held.branch.take_in(held.sealed, held.first, held.count, self.agenda.now)
            if rng.random() < luck.answer_lost:
                kept.append(held)
        phone.batches = kept


class Visit:
    """A phone at a tower. Its session outlives lost links; `replies` tells how commands went."""

    def __init__(self, net: Net, phone: Phone, host: Host, branch: Branch) -> None:
        self.net, self.phone, self.host, self.branch = net, phone, host, branch
        self.link = Link()
        self.session: PhoneSession | None = None

    def _exchange(self, frame: bytes) -> Generator[int, None, bytes | None]:
        """One message over the link; None: the link, the tower or the time is lost."""
        rng, luck = self.net.rng, self.net.luck
        yield rng.choice((60, 120, 300))
        chance = rng.random()
        if chance < luck.lost_before:
            yield ANSWER_WAIT_MS
            return None
        answer = yield from self.host.exchange(frame, self.link)
        if answer is None or chance > 1 - luck.lost_after:
            self.link = Link()
            yield rng.choice((500, 5000, ANSWER_WAIT_MS))
            return None
        if answer.cut:
            self.link = Link()
        if rng.random() < luck.frame_replayed:
            yield from self._replay(frame)
        return answer.frame

    def _replay(self, frame: bytes) -> Generator[int, None, None]:
        """Somebody listened, and says the same once more: no pulse may come of it (T-02)."""
        yield self.net.rng.choice((20, 3000))
        yield from self.host.exchange(frame, Link(), harmless=True)

    def begin(self, permissions: int = USUAL) -> Generator[int, None, bool]:
        """A session, with the payload in the cache or a fresh one; a refusal makes it fetch once more (F-11, F-12)."""
        name = self.branch.tower.tower_id
        for place in range(2):
            kept = None if place else self.phone.passes.get(name)
            if kept is None or kept[1] <= self.net.agenda.now // 1000:
                yield self.net.rng.choice((300, 1200))
                if not self.net.fetch(self.phone, self.branch, permissions):
                    return False
                kept = self.phone.passes[name]
            granted = yield from self._ask_for_session(kept[0])
            if granted:
                return True
            if granted is None:
                return False
        return False

    def _ask_for_session(self, credentials: Credentials) -> Generator[int, None, bool | None]:
        """True: granted. False: refused. None: no answer."""
        for _ in range(2):
            question = request_session(credentials, self.net.rng.randbytes(16), self.net.agenda.now // 1000)
            frame = yield from self._exchange(question.frame)
            if frame is None:
                continue
            try:
                granted = read_grant(credentials, question, frame)
            except Unreadable:
                continue
            if isinstance(granted, PhoneSession):
                self.session = granted
                return True
            return False
        return None

    def say(self, packet: Packet, fields: dict[int, Any] | None = None) -> Saying:
        """A command; without an answer the same bytes once more, on a new link (section 14). None: no answer at all."""
        if self.session is None:
            return None
        question = ask(self.session, packet, fields or {}, self.net.rng.randbytes(16))
        for _ in range(self.net.rng.choice((1, 2, 2))):
            frame = yield from self._exchange(question.frame)
            if frame is None:
                continue
            try:
                self.session, reply = read_reply(self.session, question, frame)
            except Unreadable:
                continue
            return reply
        return None

    def open(self, token: Token) -> Saying:
        return (yield from self.say(Packet.OPEN_LOCKER_WITH_TOKEN, {9: token.sealed.payload, 10: token.sealed.auth}))

    def sync(self) -> Generator[int, None, None]:
        """What the SDK does (8.1): pushes, status, pulls until one was asked for a start at or beyond the last."""
        for push in self.phone.pushes.get(self.branch.tower.tower_id, []):
            if (yield from self.say(Packet.SYNC_PUSH, {9: push.sealed.payload, 10: push.sealed.auth})) is None:
                return
        status = yield from self.say(Packet.REQUEST_SYNC_STATUS)
        if not isinstance(status, Reply):
            return
        start, last = status.fields[31], status.fields[31] + status.fields[32] - 1
        while True:
            pulled = yield from self.say(Packet.SYNC_PULL, {31: start})
            if not isinstance(pulled, Reply):
                return
            got = pulled.fields
            self.phone.batches.append(Held(self.branch, Sealed(got[9], got[10]), got[31], got[32]))
            del self.phone.batches[:-MOST_BATCHES]
            if start >= last:
                return
            start = got[31] + got[32]

    def end(self) -> Generator[int, None, None]:
        """A farewell."""
        yield from self.say(Packet.TERMINATE_SESSION, {2: 0})
        self.session = None

    def finish(self) -> Generator[int, None, None]:
        """Sync, upload, farewell; some just walk off."""
        if self.net.rng.random() >= self.net.luck.walks_off:
            yield from self.sync()
            self.net.upload(self.phone)
            yield from self.end()
