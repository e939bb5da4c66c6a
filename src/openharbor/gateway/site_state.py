"""Changes of the site in memory: a locker, a transaction, and the order in which free lockers are given out."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from openharbor.gateway.site import Locker, Site, Transaction

Free = Mapping[str, Sequence[tuple[int, int]]]


def is_free(locker: Locker) -> bool:
    """In service and held by none; whether its hardware works is another question."""
    return not locker.out_of_service and locker.transaction_id is None


def turn(locker: Locker) -> tuple[int, int]:
    """Its place among the free lockers of its type: never used first, then longest unused, then the lowest id."""
    return (-1 if locker.last_transaction_at is None else locker.last_transaction_at), locker.locker_id


def free_by_type(lockers: Iterable[Locker]) -> Free:
    """`Site.free` of these lockers, from nothing."""
    turns: dict[str, list[tuple[int, int]]] = {}
    for locker in lockers:
        if is_free(locker):
            turns.setdefault(locker.locker_type, []).append(turn(locker))
    return {slug: sorted(found) for slug, found in turns.items()}


def put_locker(site: Site, locker: Locker) -> Site:
    """The site with this locker in place of the one with its id."""
    free = _free_after(site.free, site.lockers[locker.locker_id], locker)
    return replace(site, lockers=site.lockers.set(locker.locker_id, locker), free=free)


def hold(site: Site, transaction: Transaction) -> Site:
    """The site after the transaction got its locker."""
    before = site.lockers[transaction.locker_id]
    at = transaction.created_at
    held = replace(before, transaction_id=transaction.transaction_id, last_transaction_at=at, updated_at=at)
    return replace(
        site,
        lockers=site.lockers.set(held.locker_id, held),
        transactions=site.transactions.set(transaction.transaction_id, transaction),
        free=_free_after(site.free, before, held),
    )


def let_go(site: Site, transaction: Transaction, now: int) -> Site:
    """The site after the transaction gave its locker back."""
    before = site.lockers[transaction.locker_id]
    free_again = replace(before, transaction_id=None, updated_at=now)
    return replace(
        site,
        lockers=site.lockers.set(free_again.locker_id, free_again),
        transactions=site.transactions.delete(transaction.transaction_id),
        free=_free_after(site.free, before, free_again),
    )


def _free_after(free: Free, before: Locker, after: Locker) -> Free:
    was, will = is_free(before), is_free(after)
    if was == will and (not was or (turn(before) == turn(after) and before.locker_type == after.locker_type)):
        return free
    changed = dict(free)
    if was:
        turns = list(changed[before.locker_type])
        del turns[bisect_left(turns, turn(before))]
        changed[before.locker_type] = turns
        if not turns:
            del changed[before.locker_type]
    if will:
        turns = list(changed.get(after.locker_type, ()))
        insort(turns, turn(after))
        changed[after.locker_type] = turns
    return changed
