"""People at a tower: couriers, recipients, the curious. They trust their eyes: only an open door is an open door."""

from collections.abc import Generator
from dataclasses import dataclass

from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import Declined, Reply
from simulation.deliveries.branch import Token
from simulation.deliveries.cabinet import Compartment, Parcel
from simulation.deliveries.host import LEFT_OPEN_MS, Host
from simulation.deliveries.phone import Answer, Visit
from simulation.invariants import demand

REPEAT_WITHIN_MS = 95_000  # the visit window, with some room for a clock that runs fast


@dataclass(slots=True)
class Outcome:
    """`opened`: a door opened in front of them. `done`: the parcel is where it should be. `code`: why not.

    `asked_at`: when they first tried. `doubt`: the tower may have counted it as done, though no door opened.
    """

    opened: bool = False
    done: bool = False
    fits: bool = True
    code: int = 0
    asked_at: int | None = None
    lost: bool = False
    doubt: bool = False

    def hears(self, reply: Answer) -> None:
        """Only a jam that was seen leaves the token unused; after anything else nobody knows (7.3)."""
        self.lost = self.lost or reply is None
        if isinstance(reply, Declined):
            self.code = reply.code
        if isinstance(reply, Reply):
            self.doubt = self.doubt or self.lost or 234 not in reply.fields


def _opens(visit: Visit, token: Token, outcome: Outcome) -> Generator[int, None, bool]:
    """Opens with a token; after a jam or a lost link re-opens, or pulls. Whether the door is open for us."""
    door, number = _door(visit.host, token.payload.locker_number), token.payload.locker_number
    was_open = door.open
    reply: Answer = None
    for _ in range(3):
        outcome.asked_at = outcome.asked_at if outcome.asked_at is not None else visit.net.agenda.now
        if visit.net.agenda.now > outcome.asked_at + REPEAT_WITHIN_MS:
            break
        if reply is None:
            reply = yield from visit.open(token)
        elif visit.session is not None:
            reply = yield from visit.say(Packet.REOPEN_LOCKER)
        outcome.hears(reply)
        if isinstance(reply, Declined):
            return False
        if not door.open and isinstance(reply, Reply):
            yield from _pulls(visit, door)
        if door.open and (isinstance(reply, Reply) or not was_open):
            demand(not isinstance(reply, Reply) or reply.fields[70] == number, 0, "the tower names another locker")
            outcome.opened = door.attended = True
            return True
    return False


def _pulls(visit: Visit, door: Compartment) -> Generator[int, None, None]:
    """A jammed door may come with a pull, while its lock still has its current.

    Who sees the tower go dark at that moment pushes it shut again: a tower that knows of a jam alone cannot tell later
    that its door was open while it had no power (7.3).
    """
    starts = visit.host.starts
    if visit.net.rng.random() >= 0.3:
        return
    yield 3000
    if not door.open and door.sensor != 2 and visit.host.starts == starts:
        door.open = True
        visit.host.read(door.number)
        if visit.host.starts != starts:
            door.open = False
        yield 400


def _door(host: Host, number: int) -> Compartment:
    return host.cabinet.compartments[number]


def shut(visit: Visit, number: int) -> Generator[int, None, None]:
    """Pushes the door shut, or leaves it to somebody who comes by."""
    rng = visit.net.rng
    yield rng.choice((3000, 10_000, 40_000))
    _door(visit.host, number).attended = False
    if rng.random() < visit.net.luck.stays_open:
        visit.net.agenda.after(LEFT_OPEN_MS, visit.host.tick_if_on)
        visit.net.agenda.after(rng.choice((60_000, 900_000, 7_200_000)), lambda: push_shut(visit.host, number))
        return
    push_shut(visit.host, number)


def push_shut(host: Host, number: int) -> None:
    door = _door(host, number)
    if door.open and not door.attended:
        door.open = door.unreadable = False
        host.read(number)


def bring(visit: Visit, token: Token, parcel: Parcel, outcome: Outcome, code: str) -> Generator[int, None, None]:
    """A courier's visit: the parcel goes in, or it does not fit and comes back out. `code`: to be set at the keypad."""
    number = token.payload.locker_number
    if not (yield from visit.begin()):
        return
    if not (yield from _opens(visit, token, outcome)):
        yield from visit.finish()
        return
    found = _door(visit.host, number).parcel
    demand(found in (None, parcel), 2, f"{parcel} should go into locker {number} of {visit.host.name}: {found}")
    yield from shove(visit, number, parcel, outcome)
    if outcome.fits and code and visit.session is not None:
        yield from visit.say(Packet.SET_KEYPAD_CODE, {80: code, 81: False, 82: b"", 83: True})
    yield from shut(visit, number)
    yield from visit.finish()


def shove(visit: Visit, number: int, parcel: Parcel, outcome: Outcome) -> Generator[int, None, None]:
    """Puts the parcel in while the door is open, or reverts with the parcel in the hand."""
    rng, cabinet = visit.net.rng, visit.host.cabinet
    yield rng.choice((2000, 8000))
    door = _door(visit.host, number)
    if not door.open:
        return
    if rng.random() < visit.net.luck.does_not_fit:
        outcome.fits = False
        if rng.random() < 0.8:
            yield from visit.say(Packet.REVERT_LOCKER_STATE, {62: b"too large"})
        return
    if door.parcel is None:
        cabinet.put_in(number, parcel)
    outcome.done = True


def fetch(visit: Visit, token: Token, parcel: Parcel, outcome: Outcome) -> Generator[int, None, None]:
    """A recipient's visit."""
    if not (yield from visit.begin()):
        return
    opened = yield from _opens(visit, token, outcome)
    if not opened and _door(visit.host, token.payload.locker_number).parcel is not parcel:
        yield from visit.finish()
        return
    # who finds the door open already, with the own parcel inside, takes it
    _door(visit.host, token.payload.locker_number).attended = True
    yield visit.net.rng.choice((2000, 8000))
    take(visit.host, token.payload.locker_number, parcel, outcome)
    yield from shut(visit, token.payload.locker_number)
    yield from visit.finish()


def take(host: Host, number: int, parcel: Parcel, outcome: Outcome) -> None:
    """Takes the parcel out of the open compartment; another one there is somebody else's, none: staff were quicker."""
    door = _door(host, number)
    if not door.open or (door.parcel is None and "handed over" in parcel.place):
        return
    demand(door.parcel is parcel, 3, f"who came for {parcel} finds {door.parcel} in locker {number} of {host.name}")
    host.cabinet.take_out(number, parcel.owner, "with its recipient")
    outcome.done = True


def fetch_by_code(visit: Visit, number: int, code: str, parcel: Parcel, outcome: Outcome) -> Generator[int, None, None]:
    """A recipient at the keypad, without a phone."""
    door = _door(visit.host, number)
    was_open = door.open
    for _ in range(2):
        shows = yield from visit.host.enter_code(code)
        if door.open and (not was_open or (shows is not None and shows.outcome == "opened")):
            outcome.opened = door.attended = True
            yield 4000
            take(visit.host, number, parcel, outcome)
            yield from shut(visit, number)
            return
        yield 5000


def tries_again(visit: Visit, token: Token) -> Generator[int, None, None]:
    """Somebody whose token is used up, or a copy of it: no parcel may come to light."""
    number, outcome = token.payload.locker_number, Outcome()
    if not (yield from visit.begin()):
        return
    if (yield from _opens(visit, token, outcome)):
        lying = _door(visit.host, number).parcel
        demand(lying is None, 14, f"a used-up token shows {lying} in locker {number} of {visit.host.name}")
        yield from shut(visit, number)
    yield from visit.finish()
