"""One parcel on its way: a provider finds a locker, a courier brings it, a recipient fetches it. Things go wrong."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

from openharbor.cloud.lockers.locker import Status
from openharbor.kit.errors import Refusal
from simulation.deliveries import people
from simulation.deliveries.agenda import Doing
from simulation.deliveries.branch import Token
from simulation.deliveries.cabinet import Parcel
from simulation.deliveries.people import REPEAT_WITHIN_MS, Outcome
from simulation.deliveries.phone import Phone, Visit
from simulation.deliveries.site import Site, Town

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
Way = Literal["token", "reservation", "link", "link with code"]
Back = Literal["pick-up token", "same token", "code of the courier", "code of a link", "token of a link"]
LIVES_S = (900, 3600, 6 * 3600, 2 * 86_400)


@dataclass(slots=True)
class Order:
    """`site`, `number`: where the parcel goes, or lies. `code`: a keypad code that the recipient was told."""

    town: Town
    owner: int
    parcel: Parcel
    way: Way
    back: Back
    site: Site | None = None
    number: int = 0
    token: Token | None = None
    code: str = ""
    over: bool = False

    def note(self, text: str) -> None:
        where = f"{self.site.name}/{self.number}" if self.site else "nowhere"
        self.town.note(f"order {self.parcel.parcel_id} of {self.owner} at {where}: {text}")


def new_order(town: Town) -> Order:
    rng, owner = town.rng, town.rng.choice(town.providers)
    way: Way = rng.choice(("token", "token", "reservation", "link", "link with code"))
    back: Back = rng.choice(("pick-up token", "pick-up token", "same token", "code of a link", "token of a link"))
    if way == "link with code" or (way != "link" and rng.random() < 0.1):
        back = "code of the courier"
    if way.startswith("link") and back == "same token":
        back = "pick-up token"
    return Order(town, owner, Parcel(town.new_number(), owner), way, back)


def life(order: Order) -> Doing:
    """From the order to the end of it."""
    town = order.town
    town.orders.add(order.parcel.parcel_id)
    for _ in range(4):
        if not (yield from _find_locker(order)):
            break
        if (yield from _deliver(order)):
            town.counted["delivered"] += 1
            yield from _collect(order)
            break
        _give_back(order)
        yield town.rng.choice((10 * MINUTE, HOUR))
    order.over = True
    order.note("is over")
    town.orders.discard(order.parcel.parcel_id)
    town.forget(order)


# finding a locker, and a token for it


def _find_locker(order: Order) -> Generator[int, None, bool]:
    town, rng = order.town, order.town.rng
    for _ in range(3):
        site = rng.choice(town.sites)
        numbers = site.branch.free_numbers(town.now)
        if numbers and town.net.away_until <= town.now:
            order.site, order.number = site, rng.choice(numbers)
            site.bookings[order.number] = order
            if (yield from _book(order)):
                order.note(f"has token {order.token.payload.token_id if order.token else 0} by {order.way}")
                return True
            _unbook(order)
        yield rng.choice((5 * MINUTE, 30 * MINUTE))
    return False


def _book(order: Order) -> Generator[int, None, bool]:
    site, town, rng = order.site, order.town, order.town.rng
    assert site is not None
    desk, number = site.branch, order.number
    if order.way == "reservation":
        if desk.reserve(number, order.owner, town.now, rng.choice((300, 3600))) is not None:
            return False
        yield rng.choice((MINUTE, 4 * MINUTE, 10 * MINUTE))
        if rng.random() < 0.1:
            desk.cancel_reservation(number, order.owner, town.now)
            return False
    if order.way.startswith("link"):
        if desk.dropoff_link(number, order.owner, town.now) is not None:
            return False
        yield rng.choice((5000, 60_000, 200_000))
        if rng.random() < 0.1:
            desk.cancel_link(number, town.now)
            return False
    return new_token(order)


def new_token(order: Order) -> bool:
    """A drop-off token, from the link while that holds the locker."""
    site, town, rng = order.site, order.town, order.town.rng
    assert site is not None
    desk, number = site.branch, order.number
    if site.bookings.get(number) is not order or town.net.away_until > town.now:
        return False
    if order.way.startswith("link"):
        locker = desk.shown(number, town.now)
        if locker.hold is not None and locker.holder == order.owner:
            order.code = order.code or (f"{rng.randrange(10**6):06}" if order.way == "link with code" else "")
            persists = rng.random() < 0.3
            refused = desk.draw_dropoff(number, town.now, order.code, persists=persists)
            order.token = desk.mint(number, refused)
            return order.token is not None
        order.back = "pick-up token" if not order.code else order.back
    refused = desk.dropoff_token(number, order.owner, town.now, rng.choice(LIVES_S))
    order.token = desk.mint(number, refused)
    return order.token is not None


# the courier


def _deliver(order: Order) -> Generator[int, None, bool]:
    """Whether the parcel lies in its locker. A token is not shown again when its first try is long past (16)."""
    town, rng = order.town, order.town.rng
    phone = yield from town.hire()
    outcome = Outcome()
    try:
        yield from _prepare(order, phone)
        for _ in range(3):
            yield from _one_try(order, phone, outcome)
            if outcome.done or not outcome.fits:
                return outcome.done
            yield rng.choice((5000, 30_000, 10 * MINUTE, HOUR))
            late = outcome.asked_at is not None and town.now > outcome.asked_at + REPEAT_WITHIN_MS
            if outcome.code or outcome.doubt or late:
                if not new_token(order):
                    return False
                outcome = Outcome()
                yield from _prepare(order, phone)
            elif rng.random() < 0.3:
                phone.passes.clear()  # the app starts anew, and a fresh session payload may move the tower's clock
    finally:
        phone.busy = False
    return False


def _one_try(order: Order, phone: Phone, outcome: Outcome) -> Generator[int, None, None]:
    town, rng, site = order.town, order.town.rng, order.site
    assert site is not None
    assert order.token is not None
    if rng.random() < town.luck.released_early:
        _release(order)
    code = f"{rng.randrange(10**6):06}" if order.back == "code of the courier" and not order.code else ""
    yield from people.bring(Visit(town.net, phone, site.host, site.branch), order.token, order.parcel, outcome, code)
    order.code = order.code or code
    order.note(f"courier {phone.name}: {outcome}")


def _prepare(order: Order, phone: Phone) -> Generator[int, None, None]:
    """Fetches what the visit needs, travels, and may be without internet when it gets there."""
    town, rng, site = order.town, order.town.rng, order.site
    assert site is not None
    if rng.random() < 0.7:
        town.net.fetch(phone, site.branch)
    if rng.random() < town.luck.goes_offline:
        town.goes_offline(phone)
    yield (
        rng.choice((MINUTE, 3 * MINUTE, 20 * MINUTE, 2 * HOUR))
        if order.way != "link"
        else rng.choice((20_000, MINUTE, 3 * MINUTE))
    )


def _give_back(order: Order) -> None:
    """The provider gives the locker up, or lets the token run out."""
    if order.town.rng.random() < 0.6:
        _release(order)
    _unbook(order)


def _release(order: Order) -> None:
    """Only what its own books say is still this order's; the provider may have the locker for another one by now."""
    site, town = order.site, order.town
    if site is not None and site.bookings.get(order.number) is order and town.net.away_until <= town.now:
        order.note("is released")
        site.branch.release(order.number, order.owner, town.now)


def _unbook(order: Order) -> None:
    if order.site is not None and order.site.bookings.get(order.number) is order:
        del order.site.bookings[order.number]


# the recipient


def _collect(order: Order) -> Generator[int, None, None]:
    """Until the parcel is with somebody who may have it."""
    town, rng = order.town, order.town.rng
    never = rng.random() < town.luck.never_comes
    for attempt in range(12):
        if not _in_locker(order):
            break
        if never and attempt > 2:
            break
        yield rng.choice((20 * MINUTE, 2 * HOUR, 8 * HOUR))
        if not never:
            yield from _try_to_collect(order)
    if _in_locker(order):
        yield from _sent_back(order)
    _unbook(order)


def _in_locker(order: Order) -> bool:
    assert order.site is not None
    return order.site.host.cabinet.compartments[order.number].parcel is order.parcel


def _try_to_collect(order: Order) -> Generator[int, None, None]:
    town, rng, site = order.town, order.town.rng, order.site
    assert site is not None
    outcome = Outcome()
    phone = yield from town.hire()
    try:
        if order.code and rng.random() < 0.7:
            visit = Visit(town.net, phone, site.host, site.branch)
            yield from people.fetch_by_code(visit, order.number, order.code, order.parcel, outcome)
        else:
            token = _way_back(order)
            if token is not None:
                yield from _prepare(order, phone)
                visit = Visit(town.net, phone, site.host, site.branch)
                yield from people.fetch(visit, token, order.parcel, outcome)
                if outcome.done and rng.random() < town.luck.clones:
                    yield from _clone_comes(order, phone, token)
        order.note(f"recipient {phone.name}: {outcome}")
        town.counted["collected"] += outcome.done
    finally:
        phone.busy = False


def _way_back(order: Order) -> Token | None:
    """A token for the recipient, once the provider knows that the parcel is there; the courier's own needs no cloud."""
    site, town, rng = order.site, order.town, order.town.rng
    assert site is not None
    desk, number = site.branch, order.number
    if order.back == "same token" and order.token is not None and order.token.payload.reuse and rng.random() < 0.8:
        return order.token
    if site.bookings.get(number) is not order or town.net.away_until > town.now:
        return None
    if desk.lockers[number].status is not Status.OCCUPIED:
        return None
    if order.back == "code of a link" and not order.code:
        code = f"{rng.randrange(10**6):06}"
        if not isinstance(desk.give_code(number, code, persists=rng.random() < 0.3), Refusal):
            order.code = code
        return None
    if order.back == "token of a link":
        refused = desk.draw_pickup(number, order.owner, town.now, town.now + rng.choice((HOUR, DAY)))
    else:
        refused = desk.pickup_token(number, order.owner, town.now, rng.choice(LIVES_S))
    return desk.mint(number, refused)


def _clone_comes(order: Order, phone: Phone, token: Token) -> Generator[int, None, None]:
    """A copy of the recipient's phone tries the same, minutes or hours later."""
    town, site = order.town, order.site
    assert site is not None
    copy = phone.clone()
    yield town.rng.choice((MINUTE, 10 * MINUTE, 3 * HOUR))
    order.note(f"{copy.name} tries again")
    yield from people.tries_again(Visit(town.net, copy, site.host, site.branch), token)


def _sent_back(order: Order) -> Generator[int, None, None]:
    """Nobody came: staff open the cabinet with its key, take the parcel out, and the provider gives the locker up."""
    site = order.site
    assert site is not None
    site.opened_by_hand(order.number, f"sent back to {order.owner}")
    order.note("is sent back")
    yield 60_000
    people.push_shut(site.host, order.number)
    _release(order)
