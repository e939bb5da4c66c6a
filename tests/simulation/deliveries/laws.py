"""The invariants of locker-states.md on a whole town: cloud, towers, steel and parcels together."""

from collections.abc import Iterable

from openharbor.blink.event_maps import write_event
from openharbor.blink.refusals import Rejected
from openharbor.cloud.lockers.ending import is_settled
from openharbor.cloud.lockers.locker import Status
from openharbor.tower import tokens
from openharbor.tower.state import Tower
from openharbor.tower.tokens import Asker
from simulation.deliveries.branch import Branch, Token
from simulation.deliveries.site import Site, Town
from simulation.device import Device
from simulation.invariants import FREE, demand, inv17, inv18, inv19

UNASKED = Device((), sensors=True)  # these look at the desk alone


def accepts(tower: Tower, token: Token) -> bool:
    """Whether the tower would open for a stranger with it, now or after a power cut that takes its clock to the floor.

    It may have a later time than the floor, which refuses more.
    """
    payload, floor = token.payload, tower.clock.floor
    if floor >= payload.expires or token.sealed.auth[0] not in tower.keys.ring.keys:
        return False
    asker = Asker(b"stranger", b"stranger", False, floor, 0)
    try:
        tokens.check_tower(payload, asker, may_judge_times=True, disabled=False)
        tokens.decide(tokens.find_locker(tower.lockers, payload.locker_number, staff=False), payload, asker, None)
    except Rejected:
        return False
    return True


def check(site: Site, now: int) -> None:
    """After every change that the cloud makes."""
    branch, tower = site.branch, site.host.flash.lasting
    for number in branch.lockers:
        _forget_dead(branch, tower, number)
        locker, parcel = branch.shown(number, now), site.host.cabinet.compartments[number].parcel
        free = locker.status in FREE
        demand(not (free and parcel), 9, f"locker {number} of {site.name} is {locker.status.word} with {parcel}")
        if free:
            demand(all(is_settled(token) for token in locker.tokens), 2, f"{site.name}/{number} has unsettled tokens")
            demand(not _open_for(branch, tower, number), 2, f"free {site.name}/{number} opens for a token")
        _one_owner(site, number)
    _no_gap(site)
    inv17(branch, UNASKED, now // 1000)
    inv18(branch, UNASKED, now // 1000)
    inv19(branch, UNASKED, now // 1000)
    branch.drawn.clear()
    branch.notices.clear()
    branch.rows.clear()
    branch.reservation_ends = {one: ends for one, ends in branch.reservation_ends.items() if len(ends) > 1}


def _no_gap(site: Site) -> None:
    """Invariant 11: nothing beyond a gap is applied. What was looked at once is not looked at again."""
    branch = site.branch
    for event_id in range(branch.looked_to, branch.tower.next_event):
        known = event_id in branch.stored or branch.was_lost(event_id)
        demand(known, 11, f"{site.name} is applied beyond event {event_id}, which nobody brought")
    branch.looked_to = branch.tower.next_event


def _forget_dead(branch: Branch, tower: Tower, number: int) -> None:
    record, outstanding = tower.lockers[number], branch.tokens[number]
    if outstanding:
        least = max(record.generation, record.retired + 1)
        branch.tokens[number] = [one for one in outstanding if one.payload.generation >= least]


def _open_for(branch: Branch, tower: Tower, number: int) -> list[Token]:
    return [one for one in branch.tokens[number] if accepts(tower, one)]


def _one_owner(site: Site, number: int) -> None:
    """Invariant 3, with what lies inside counted in."""
    locker, parcel = site.branch.lockers[number], site.host.cabinet.compartments[number].parcel
    owners = {token.organization_id for token in locker.tokens if not is_settled(token)}
    if locker.holder is not None:
        owners.add(locker.holder)
    if parcel is not None:
        owners.add(parcel.owner)
    demand(len(owners) <= 1, 3, f"locker {number} of {site.name} belongs to {owners}")


def agreement(town: Town) -> None:
    """At the end, when everything was synced: the cloud knows what the tower knows, and what lies where."""
    for site in town.sites:
        check(site, town.now)
        _log_arrived(site)
        for number, locker in site.branch.lockers.items():
            record, where = site.host.flash.lasting.lockers[number], f"{site.name}/{number}"
            report = locker.report
            if branch_lost(site):
                continue  # what it says of this locker may have been lost
            demand(report.taken is not record.available, 10, f"{where}: taken is {report.taken} in the cloud")
            demand(report.locker_token == record.locker_token.hex(), 10, f"{where}: another locker token")
            demand(report.generation == record.generation, 10, f"{where}: another generation")
            demand(report.retired == record.retired, 10, f"{where}: another retired generation")
            demand(report.disabled == record.disabled, 10, f"{where}: disabled or not")
            parcel = site.host.cabinet.compartments[number].parcel
            kept = locker.status in (Status.OCCUPIED, Status.DECLINED, Status.OUT_OF_SERVICE)
            demand(parcel is None or kept, 9, f"{where} is {locker.status.word} with {parcel}")


def branch_lost(site: Site) -> bool:
    """Whether its log was ever restarted, or its board replaced."""
    return bool(site.branch.lost)


def _log_arrived(site: Site) -> None:
    """Every event that the tower stored is in the cloud, once, as it was, and applied in order."""
    branch, stored = site.branch, site.host.events
    last = max(stored, default=0)
    demand(branch.tower.next_event == last + 1, 11, f"{site.name}: applied to {branch.tower.next_event} of {last}")
    arrived = {one for one in branch.received if not branch.was_lost(one)}
    expected = {one: event for one, event in stored.items() if not branch.was_lost(one)}
    demand(arrived == expected.keys(), 10, f"{site.name}: {_missing(expected, arrived)}")
    for event_id, event in expected.items():
        demand(branch.received[event_id] == write_event(event), 10, f"{site.name}: event {event_id} changed on its way")


def _missing(one: Iterable[int], other: Iterable[int]) -> str:
    return f"events {sorted(set(one) ^ set(other))[:9]} are on one side only"


def nothing_is_stuck(town: Town) -> None:
    """After every token has run out and every command was done, no locker waits for anything."""
    for site in town.sites:
        if branch_lost(site):
            continue  # what was lost proves nothing: an operator must act (invariants 12, 15, 22)
        for number, locker in site.branch.lockers.items():
            stuck = locker.status in (Status.RENTED, Status.DECLINED, Status.RESERVED)
            demand(not stuck, 22, f"{site.name}/{number} is {locker.status.word} for ever")
