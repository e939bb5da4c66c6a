"""A town for some days, by a seed: raises Broken where a promise is."""

from simulation.deliveries import laws, trouble
from simulation.deliveries.agenda import Doing
from simulation.deliveries.luck import GOOD, Luck
from simulation.deliveries.orders import DAY, HOUR, MINUTE, life, new_order
from simulation.deliveries.phone import Phone, Visit
from simulation.deliveries.site import Town
from simulation.invariants import demand

TOWERS, LOCKERS, PHONES = 20, 6, 100
AN_ORDER_EVERY_MS = 12 * MINUTE
LONGEST_ORDER = 8 * DAY


def run(seed: int, days: float, *, told: bool = False, towers: int = TOWERS, phones: int = PHONES) -> Town:
    """A town that lived through these days, and was put in order after them."""
    town = Town(seed, towers=towers, lockers=LOCKERS, phones=phones, luck=Luck(), told=told)
    live(town, days)
    return town


def live(town: Town, days: float) -> None:
    """Raises Broken, with `town.story` up to there."""
    for site in town.sites:
        site.host.power_on()
        town.agenda.begin(trouble.tower_clock(town, site), town.rng.randrange(15 * MINUTE))
        town.agenda.begin(trouble.rounds(town, site))
    for doing in (
        trouble.power_cuts,
        trouble.partitions,
        trouble.lost_phones,
        trouble.cloud_clock,
        trouble.books,
        trouble.operators,
        trouble.returns,
        trouble.inspections,
        trouble.staff,
        trouble.pranks,
        _checks,
    ):
        town.agenda.begin(doing(town))
    until = town.now + int(days * DAY)
    town.agenda.begin(_orders(town, until))
    town.agenda.run_until(until)
    _in_the_end(town)


def _orders(town: Town, until: int) -> Doing:
    while town.now < until:
        town.agenda.begin(life(new_order(town)))
        yield int(town.rng.expovariate(1) * AN_ORDER_EVERY_MS)


def _checks(town: Town) -> Doing:
    """One tower after another."""
    while not town.quiet:
        for site in town.sites:
            laws.check(site, town.now)
            yield 2 * MINUTE


def _in_the_end(town: Town) -> None:
    """Good days, in which every order ends and every phone sends what it has; then nobody disagrees."""
    town.set_luck(GOOD)
    town.agenda.run_until(town.now + LONGEST_ORDER)
    demand_over(town)
    town.quiet = True
    town.agenda.run_until(town.now + DAY)
    town.net.away_until = 0
    for _ in range(4):
        _sync_everything(town)
    laws.agreement(town)
    laws.nothing_is_stuck(town)


def demand_over(town: Town) -> None:
    demand(not town.orders, 0, f"orders {sorted(town.orders)} do not end")


def _sync_everything(town: Town) -> None:
    """An honest phone at each tower; all others send what they hold."""
    for phone in town.phones:
        phone.online = True
        town.net.upload(phone)
    for site in town.sites:
        town.agenda.begin(_round(town, site.name))
    town.agenda.run_until(town.now + HOUR)


def _round(town: Town, name: str) -> Doing:
    site = next(one for one in town.sites if one.name == name)
    phone = Phone("the honest phone", town.rng.randbytes(16))
    visit = Visit(town.net, phone, site.host, site.branch)
    if (yield from visit.begin()):
        yield from visit.sync()
        town.net.upload(phone)
        yield from visit.end()


def failing(seed: int, days: float) -> str | None:
    """The failure of this seed with what led to it; None: it holds."""
    town = Town(seed, towers=TOWERS, lockers=LOCKERS, phones=PHONES, luck=Luck(), told=True)
    try:
        live(town, days)
    except Exception as error:
        return "\n".join((f"seed {seed}, {days} days", *(town.story or ()), f"{type(error).__name__}: {error}"))
    return None
