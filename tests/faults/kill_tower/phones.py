"""A phone that begins again when another took the tower from it, and books every message that opens a lock."""

import random
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from faults.kill_tower.books import GONE, Book, Log, Message, Token, Wants
from faults.kill_tower.orders import Orders
from faults.kill_tower.world import World
from harness.towers import USER, WirePhone, phone_at
from openharbor.blink.frames import read_message
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import Declined, Reply

LOST: Final = (EOFError, ConnectionError)  # what a phone sees of a kill
TRIES: Final = 40  # sessions, while others take the tower
SAID: Final[Mapping[Packet, str]] = {
    Packet.OPEN_LOCKER_WITH_TOKEN: "open",
    Packet.REOPEN_LOCKER: "open",
    Packet.FIRE_LOCK: "fire",
    Packet.REVERT_LOCKER_STATE: "revert",
    Packet.SYNC_PUSH: "push",
    Packet.SYNC_PULL: "pull",
    Packet.TERMINATE_SESSION: "end",
}
SAME_AGAIN: Final = 0.15  # how often the same bytes are sent once more


class UnexpectedAnswerError(AssertionError):
    """The tower answered what it should not."""


@dataclass
class Phone:
    """`log` and `orders`: the cloud's, which every phone works for."""

    world: World
    log: Log
    orders: Orders
    chance: random.Random
    permissions: int = USER
    link: WirePhone | None = None
    answered: int = 0
    _links: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def close(self) -> None:
        self.link = None
        await self._links.aclose()

    async def begin(self) -> None:
        """A session of its own."""
        if self.link is None:
            self.link = await self._links.enter_async_context(phone_at(self.world.address))
        self.world.on_said("begin")
        await self.link.begin(self.world.server.session(self.permissions))

    async def do(self, packet: Packet, fields: Mapping[int, Any] | None = None) -> Reply:
        """A command that any session of this phone may carry. Raises UnexpectedAnswerError for a refusal."""
        for _ in range(TRIES):
            assert self.link is not None
            self.world.on_said(SAID.get(packet, "other"))
            answer = await self.link.do(packet, fields)
            if isinstance(answer, Reply):
                self.answered += 1
                return answer
            if answer.code not in GONE:
                raise UnexpectedAnswerError(f"{packet.name} was refused with {answer.code}")
            await self.begin()
        raise UnexpectedAnswerError(f"{packet.name}: no session lived for one command")

    async def open(
        self, book: Book, wants: Wants, token: Token | None, packet: Packet, fields: Callable[[], Mapping[int, Any]]
    ) -> Reply | Declined:
        """Asks for a lock to be fired, or for an opening to be taken back; each message is booked before it leaves."""
        for _ in range(TRIES):
            answer = await self._asked(book, wants, token, packet, fields())
            if isinstance(answer, Reply) or answer.code not in GONE:
                self.answered += 1
                refused = isinstance(answer, Declined) and packet is Packet.OPEN_LOCKER_WITH_TOKEN
                self.log.refusals_heard += refused
                return answer
            await self.begin()
        raise UnexpectedAnswerError(f"{packet.name}: no session lived for one command")

    async def _asked(
        self, book: Book, wants: Wants, token: Token | None, packet: Packet, fields: Mapping[int, Any]
    ) -> Reply | Declined:
        link, world = self.link, self.world
        assert link is not None
        assert link.session is not None
        question = link.ask(packet, fields)
        held = world.lock(book.number).held
        message = Message(wants, token, link.session.session_id[:4], question.frame, world.pulses(book.number), held)
        book.asked.append(message)
        world.on_said(SAID[packet])
        frame = await link.exchange(question.frame)
        answer = message.answer = link.read(question, frame)
        if self.chance.random() < SAME_AGAIN:
            again = await link.exchange(question.frame)
            if again != frame:  # unless another session speaks by now
                said = read_message(again)
                assert said.get(1) == Packet.SESSION_ERROR, "the same bytes were answered otherwise"
                assert said[2] in GONE, f"the same bytes were answered otherwise: {said[2]}"
        return answer

    async def open_with(self, book: Book, wants: Wants, token: Token, **more: Any) -> Reply | Declined:
        """OPEN_LOCKER_WITH_TOKEN, sealed anew for each message with the newest key."""

        def fields() -> Mapping[int, Any]:
            server = self.world.server
            sealed = server.token(
                token.locker, token.kind, generation=token.generation, token_id=token.token_id, **more
            )
            return {9: sealed.payload, 10: sealed.auth}

        return await self.open(book, wants, token, Packet.OPEN_LOCKER_WITH_TOKEN, fields)

    async def push(self) -> None:
        """What waits for the tower, sometimes with commands that it has."""
        if len(self.orders.commands) == self.orders.known:
            return
        sealed, last = self.orders.packet(self.world.server, repeated=self.chance.choice((0, 0, 1, 3)))
        await self.do(Packet.SYNC_PUSH, {9: sealed.payload, 10: sealed.auth})
        self.orders.taken(last)

    async def pull(self, start: int | None = None) -> None:
        """Every event from the next one on that the cloud has not, or from `start` on."""
        status = (await self.do(Packet.REQUEST_SYNC_STATUS)).fields
        last = status[31] + status[32] - 1
        start = self.log.next if start is None else start
        while start <= last:
            fields = (await self.do(Packet.SYNC_PULL, {31: start})).fields
            batch = self.world.opened_batch(fields, 1)
            self.log.take(batch)
            start = batch.end

    async def end(self) -> None:
        await self.do(Packet.TERMINATE_SESSION, {2: 0})
