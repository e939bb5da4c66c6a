"""What happens in a town by itself: power cuts, clouds away, lost phones, staff, keys that change, the curious."""

from openharbor.blink.frames import phone_frame
from openharbor.blink.packets import PICKUP, SYNC, TECHNICIAN, Packet
from openharbor.cloud.lockers import operators as cloud_operators
from openharbor.cloud.lockers.locker import Status
from simulation.deliveries import people
from simulation.deliveries.agenda import Doing
from simulation.deliveries.branch import Token
from simulation.deliveries.host import Link
from simulation.deliveries.orders import HOUR, MINUTE
from simulation.deliveries.phone import Phone, Visit
from simulation.deliveries.site import Site, Town
from simulation.invariants import demand

STAFF = SYNC | PICKUP | TECHNICIAN


def power_cuts(town: Town) -> Doing:
    """Each tower loses its power now and then, for seconds or hours."""
    rng = town.rng
    while not town.quiet:
        yield int(rng.expovariate(1) * 30 * HOUR / len(town.sites))
        host = rng.choice(town.sites).host
        if host.state is not None:
            town.note(f"{host.name}: power cut")
            host.power_off()
            town.counted["power cuts"] += 1
            town.agenda.after(rng.choice((1000, 60_000, HOUR, 5 * HOUR)), host.power_on)


def partitions(town: Town) -> Doing:
    """The cloud is away, for minutes or hours."""
    rng = town.rng
    while not town.quiet:
        yield int(rng.expovariate(1) * 8 * HOUR)
        lasts = rng.choice((MINUTE, 10 * MINUTE, HOUR, 6 * HOUR))
        town.net.away_until = town.now + lasts
        town.note(f"the cloud is away for {lasts // MINUTE} min")
        yield lasts


def lost_phones(town: Town) -> Doing:
    """With everything that nobody has uploaded."""
    while not town.quiet:
        yield int(town.rng.expovariate(1) * 12 * HOUR)
        phone = town.rng.choice(town.phones)
        phone.batches.clear()
        phone.pushes.clear()
        phone.passes.clear()
        town.note(f"{phone.name} is lost with what it had")


def cloud_clock(town: Town) -> Doing:
    """The worker that writes down what is over (B1 to B3)."""
    while not town.quiet:
        yield MINUTE
        if town.net.away_until <= town.now:
            for site in town.sites:
                site.branch.expire(town.now)


def tower_clock(town: Town, site: Site) -> Doing:
    """The clock's floor is stored every 15 minutes."""
    while not town.quiet:
        yield 15 * MINUTE
        if site.host.state is not None:
            site.host.tick_if_on()


def rounds(town: Town, site: Site) -> Doing:
    """Somebody who passes by carries commands down and events up."""
    rng = town.rng
    while not town.quiet:
        yield int(rng.expovariate(1) * 9 * HOUR)
        phone = yield from town.hire()
        phone.online = True
        visit = Visit(town.net, phone, site.host, site.branch)
        if (yield from visit.begin(SYNC)):
            yield from visit.finish()
        phone.busy = False


def books(town: Town) -> Doing:
    """Providers give up what their books do not know. They say that it is empty, and so it is (A12)."""
    while not town.quiet:
        yield 4 * HOUR
        if town.net.away_until > town.now:
            continue
        for site in town.sites:
            for number, locker in site.branch.lockers.items():
                booked = site.bookings.get(number)
                held = locker.status in (Status.RENTED, Status.OCCUPIED)
                if held and locker.hold is None and (booked is None or booked.owner != locker.holder):
                    _give_up(town, site, number, locker.holder or 0)


def _give_up(town: Town, site: Site, number: int, holder: int) -> None:
    parcel = site.host.cabinet.compartments[number].parcel
    demand(parcel is None, 9, f"{parcel} is in nobody's books")
    site.branch.release(number, holder, town.now)


def operators(town: Town) -> Doing:
    """Out of service and back, keys that change; each after a look where one is asked for."""
    rng = town.rng
    while not town.quiet:
        yield int(rng.expovariate(1) * 40 * HOUR / len(town.sites))
        site = rng.choice(town.sites)
        number, chance = rng.choice(list(site.branch.lockers)), rng.random()
        if town.net.away_until > town.now:
            continue
        if chance < 0.15:
            site.branch.roll_over(town.now)
        elif chance < 0.2:
            site.branch.revoke_old()
        elif chance < 0.22:
            site.branch.restart_log()
        elif chance < 0.24:
            town.note(f"{site.name}: a new board")
            site.gets_new_board(rng, town.now)
        elif chance < 0.5:
            site.branch.set_out_of_service(number, town.now)
        else:
            _set_available(town, site, number)


def _set_available(town: Town, site: Site, number: int) -> None:
    """E1, E2."""
    status = site.branch.shown(number, town.now).status
    if status in (Status.OCCUPIED, Status.DECLINED):
        look_inside(site, number)
    site.branch.set_available(number, town.now, empty=status in (Status.OCCUPIED, Status.DECLINED))


def look_inside(site: Site, number: int) -> None:
    """What lies there is handed to its owner; the door is shut again."""
    site.opened_by_hand(number, "handed over by an operator")
    people.push_shut(site.host, number)


def returns(town: Town) -> Doing:
    """Lockers come back into service after a look (E4); it is refused while a token is not settled."""
    while not town.quiet:
        yield 7 * HOUR
        for site in town.sites:
            for number, locker in site.branch.lockers.items():
                if locker.status is Status.OUT_OF_SERVICE and town.net.away_until <= town.now:
                    if all(token.settled for token in locker.tokens):
                        look_inside(site, number)
                    site.branch.return_to_service(number, town.now, empty=True)


def inspections(town: Town) -> Doing:
    """After a log was lost somebody looks into what was open then; what lies there is kept for its owner."""
    while not town.quiet:
        yield 5 * HOUR
        for site in town.sites:
            for number, locker in site.branch.lockers.items():
                empty = site.host.cabinet.compartments[number].parcel is None
                if empty and any(token.log_lost for token in locker.tokens):
                    site.branch.take(number, cloud_operators.inspected(locker))


def staff(town: Town) -> Doing:
    """Technicians at the tower: they open what is free, fire a lock, disable a locker (C16)."""
    rng = town.rng
    while not town.quiet:
        yield int(rng.expovariate(1) * 60 * HOUR / len(town.sites))
        site = rng.choice(town.sites)
        number = rng.choice(list(site.branch.lockers))
        phone = Phone("technician", rng.randbytes(16))
        visit = Visit(town.net, phone, site.host, site.branch)
        if not (yield from visit.begin(STAFF)):
            continue
        chance = rng.random()
        if chance < 0.4:
            yield from visit.say(Packet.SET_LOCKER_DISABLED, {70: number, 74: True})
        elif chance < 0.8:
            yield from visit.say(Packet.FIRE_LOCK, {72: number - 1})
        else:
            yield from visit.say(Packet.OPEN_AVAILABLE_LOCKER, {75: b"", 73: False, 62: b"kept"})
        yield 10_000
        for one in site.branch.lockers:
            people.push_shut(site.host, one)
        yield from visit.finish()


def pranks(town: Town) -> Doing:
    """Used-up tokens, tokens of other towers, noise; nothing may come to light."""
    rng = town.rng
    while not town.quiet:
        yield int(rng.expovariate(1) * 2 * HOUR)
        if not town.used_up:
            continue
        site, token = rng.choice(town.used_up)
        where = site if rng.random() < 0.8 else rng.choice(town.sites)
        visit = Visit(town.net, Phone("prankster", rng.randbytes(16)), where.host, where.branch)
        assert isinstance(token, Token)
        if rng.random() < 0.3:
            yield from _noise(town, where, token)
        yield from people.tries_again(visit, token)


def _noise(town: Town, site: Site, token: Token) -> Doing:
    """Frames with a bit turned over, and a token outside of a session: an answer or silence, and no pulse (T-11)."""
    rng, link = town.rng, Link()
    for _ in range(4):
        frame = bytearray(phone_frame({1: 43, 9: token.sealed.payload, 10: token.sealed.auth}))
        for _ in range(rng.randrange(3)):
            frame[rng.randrange(len(frame))] ^= 1 << rng.randrange(8)
        yield from site.host.exchange(bytes(frame), link, harmless=True)
