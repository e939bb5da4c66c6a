"""Who keeps a tower busy until it is killed: couriers with their customers, and a technician."""

import asyncio
import random
import secrets
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final

from faults.kill_tower.books import NOTHING_OPENED, OLDER, RETIRED, Book, Message, State, Token
from faults.kill_tower.orders import Command, Orders
from faults.kill_tower.phones import LOST, Phone, UnexpectedAnswerError
from faults.kill_tower.world import SPARE, TRIED
from openharbor.blink.packets import Packet
from openharbor.blink.payloads import DROPOFF, PICKUP, RELEASE
from openharbor.blink.phone_session import Declined, Reply

LEAN: Final = 0.05  # how often somebody leans on the door
BARGE_IN: Final = 0.25  # how often a phone does not wait for its turn
MOST_ROTATIONS: Final = 3  # of the four that a tower has room for


@dataclass
class Person(ABC):
    """Visits the tower until it is gone. `turn`: held while somebody stands in front of it."""

    phone: Phone
    books: list[Book]
    turn: asyncio.Lock

    @property
    def chance(self) -> random.Random:
        return self.phone.chance

    async def work(self) -> None:
        """Until the link is lost."""
        try:
            while True:
                if self.chance.random() < BARGE_IN:
                    await self.visit()
                else:
                    async with self.turn:
                        await self.visit()
        except LOST:
            return
        finally:
            await self.phone.close()

    @abstractmethod
    async def visit(self) -> None:
        """One session or more at the tower."""


@dataclass
class Courier(Person):
    """Owns some lockers: nobody else asks for them."""

    async def visit(self) -> None:
        phone, chance = self.phone, self.chance
        book = chance.choice(self.books)
        await self._come_to(book)
        await self._at(book)
        if chance.random() < 0.5:
            await phone.push()
        await phone.pull()
        if chance.random() < 0.5:
            await phone.end()

    async def jam(self) -> Book | None:
        """Somebody leans on a door until the tower has given up waiting for it. The locker, if one can be used."""
        book = self.chance.choice([one for one in self.books if one.sensor])
        await self._come_to(book)
        if book.is_open_ended or book.doubt is not None:
            return None
        lock = self.phone.world.lock(book.number)
        lock.push_shut()
        lock.hold_shut()
        puts = book.state.available
        token = book.mint(self._next_id(), DROPOFF if puts else PICKUP, new=puts)
        assert not await self._open(book, puts, token), f"the door of locker {book.number} is shut, and told as open"
        return book

    async def _come_to(self, book: Book) -> None:
        """What the server wants comes first, or a token might die on its way."""
        await self.phone.begin()
        while self.phone.orders.known < book.ordered:
            await self.phone.push()
        await self.phone.pull()

    async def _at(self, book: Book) -> None:
        doubt, book.doubt = book.doubt, None
        if doubt is not None and doubt.token is not None and doubt.wants in ("put", "take"):
            await self._retry(book, doubt, doubt.token)
        elif book.dead and self.chance.random() < 0.1:
            await try_dead(self.phone, book, self.chance.choice(book.dead))
        elif book.state.available:
            await self._deliver(book)
        elif book.is_open_ended or self.chance.random() < 0.1:
            await self._withdraw(book)
        else:
            await self._fetch(book)

    async def _retry(self, book: Book, doubt: Message, token: Token) -> None:
        """The same token once more, by the same person for the same purpose (16, T-17)."""
        await self._open(book, doubt.wants == "put", token)

    async def _open(self, book: Book, puts: bool, token: Token) -> bool:
        """Whether the door opened; anything but what the record says is a fault."""
        refused = refusal_of(book.state, token)
        answer = await self.phone.open_with(book, "put" if puts else "take", token)
        code = answer.code if isinstance(answer, Declined) else None
        if code != refused:
            raise UnexpectedAnswerError(f"{token} at {book.state} got {code} and not {refused}")
        return isinstance(answer, Reply) and answer.fields.get(234) is not False

    async def _deliver(self, book: Book) -> None:
        """A new assignment: its parcel is put in, does not fit, or never comes."""
        if self.chance.random() < 0.1:
            book.mint(self._next_id(), DROPOFF, new=True)
            self._retire(book)
            await self.phone.push()
            return
        token = book.mint(self._next_id(), DROPOFF, new=True)
        await self._put(book, token)
        if self.chance.random() < 0.25:
            await self._take_back(book)
        await self._shut(book)

    async def _put(self, book: Book, token: Token) -> None:
        leans = self.chance.random() < LEAN and self.phone.world.lock(book.number).door == "closed"
        if leans and book.sensor:
            self.phone.world.lock(book.number).hold_shut()
        opened = await self._open(book, True, token)
        if opened and self.chance.random() < 0.2:
            await self._reopen(book, token)

    async def _fetch(self, book: Book) -> None:
        """By the drop-off token, by one of their own, or another parcel comes to the first."""
        how = self.chance.choice(("same token", "pick-up", "pick-up", "release", "another parcel"))
        if how == "another parcel" and len(book.tokens) < 10:
            await self._put(book, book.mint(self._next_id(), DROPOFF))
            return
        first = book.used_drop_off()
        if how == "same token" and first is not None:
            await self._open(book, False, first)
        else:
            kind = RELEASE if how == "release" else PICKUP
            await self._open(book, False, book.mint(self._next_id(), kind))
        await self._shut(book)

    async def _reopen(self, book: Book, token: Token) -> None:
        answer = await self.phone.open(book, "again", token, Packet.REOPEN_LOCKER, dict)
        if isinstance(answer, Declined) and answer.code != NOTHING_OPENED:
            raise UnexpectedAnswerError(f"a re-opening was refused with {answer.code}")

    async def _take_back(self, book: Book) -> None:
        token = book.tokens[-1] if book.tokens else None
        answer = await self.phone.open(book, "revert", token, Packet.REVERT_LOCKER_STATE, lambda: {62: b"too big"})
        if isinstance(answer, Declined) and answer.code != NOTHING_OPENED:
            raise UnexpectedAnswerError(f"a reversal was refused with {answer.code}")

    async def _shut(self, book: Book) -> None:
        """The door is shut while the tower goes on, or stays open."""
        if self.chance.random() < 0.6:
            lock = self.phone.world.lock(book.number)
            await asyncio.sleep(self.chance.uniform(0, 0.05))
            if not lock.held:
                lock.push_shut()

    async def _withdraw(self, book: Book) -> None:
        """The server gives the assignment up, with the parcel in it; and then somebody has emptied the locker."""
        if not book.is_open_ended:
            self._retire(book)
        else:
            book.parcel = False
            self._order(book, set_available(book, True, False))
        await self.phone.push()

    def _retire(self, book: Book) -> None:
        """Exactly one of the two is carried out (11.3)."""
        self._order(book, set_available(book, True, True), set_available(book, False, False))

    def _order(self, book: Book, *commands: Command) -> None:
        self.phone.orders.add(*commands)
        book.ordered = len(self.phone.orders.commands)

    def _next_id(self) -> int:
        return next(self.phone.world.server.token_ids)


def set_available(book: Book, free: bool, only_if_free: bool) -> Command:
    return {1: Packet.SET_LOCKER_AVAILABLE, 70: book.number, 73: free, 91: only_if_free, 249: book.generation}


def refusal_of(state: State, token: Token) -> int | None:
    """What 7.4 says of a token, from what the log says of its locker; None: it opens."""
    if token.generation <= state.retired:
        return RETIRED
    if token.generation < state.generation:
        return OLDER
    return 502 if token.kind == PICKUP and state.available else None


async def try_dead(phone: Phone, book: Book, token: Token) -> None:
    """A token whose generation was retired opens nothing, for good (7.2)."""
    answer = await phone.open_with(book, "try a dead token", token)
    assert isinstance(answer, Declined), f"{token} is retired, and opened"
    assert answer.code == RETIRED, f"{token} is retired, and was refused with {answer.code}"


@dataclass
class Technician(Person):
    """Brings commands, and fires a locker that nobody uses."""

    async def visit(self) -> None:
        phone, chance = self.phone, self.chance
        await phone.begin()
        for _ in range(chance.randint(1, 3)):
            phone.orders.add(*new_commands(phone, chance))
        await phone.push()
        confirm_keys(phone)
        if chance.random() < 0.4:
            book = self.books[0]
            answer = await phone.open(book, "fire", None, Packet.FIRE_LOCK, lambda: {72: TRIED - 1})
            assert isinstance(answer, Reply), answer
        if chance.random() < 0.5:
            await phone.pull()
        if chance.random() < 0.5:
            await phone.end()


def confirm_keys(phone: Phone) -> None:
    """The server mints with a rotation once the tower is known to have it (13.1)."""
    orders = phone.orders
    newest = orders.configurations[orders.known].in_force()[-1]
    phone.world.server.key = phone.world.keys[newest]


def new_commands(phone: Phone, chance: random.Random) -> list[Command]:
    orders, what = phone.orders, chance.randrange(8)
    name = f"tower {len(orders.commands) + 1}"
    if what == 0:
        return [{1: Packet.SET_TOWER_NAME, 60: name}, {1: Packet.SET_TOWER_SERIAL, 138: name}]
    if what == 1:
        return [{1: Packet.SET_SOLENOID_DELAY, 154: chance.randint(100, 300)}]
    if what == 2:
        return [{1: Packet.CONFIGURE_LOCKER, 70: SPARE, 72: SPARE - 1, 71: chance.randint(1, 255), 246: 0}]
    if what == 3:
        return [{1: Packet.SET_LOCKER_DISABLED, 70: SPARE, 74: chance.random() < 0.5}]
    if what == 4:
        return [{1: Packet.ADJUST_CLOCK, 152: chance.randint(1, 4)}]
    if what == 5:
        return key_commands(phone, orders)
    return [{1: Packet.SYNC_MARK_SEEN_EVENTS, 31: phone.log.next}]


def key_commands(phone: Phone, orders: Orders) -> list[Command]:
    """A new rotation once every earlier command is known to be done, then the end of the older ones (11.1)."""
    known = orders.configurations[orders.known]
    if orders.known < len(orders.commands):
        return []
    if len(known.in_force()) < MOST_ROTATIONS:
        number, root = phone.world.new_rotation()
        return [{1: Packet.INSTALL_KEY, 40: 1, 43: number, 46: 0, 41: root, 44: secrets.token_hex(4)}]
    oldest = known.in_force()[0]
    ended = {1: Packet.SUNSET_KEY, 40: 1, 43: oldest}
    return [ended, {1: Packet.REVOKE_KEY, 40: 1, 43: oldest}]
