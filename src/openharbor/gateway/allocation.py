"""Which locker a transaction gets (gateway-local.yaml, createTransaction "Choice", and choice 5)."""

from collections.abc import Iterator, Mapping

import msgspec

from openharbor.gateway.service_state import door_open, operational
from openharbor.gateway.site import Live, Locker, Site
from openharbor.kit.errors import Refusal


class Wish(msgspec.Struct, frozen=True):
    """What a caller asks for. `allow_larger` counts only with a `locker_type`."""

    locker_type: str | None = None
    require_low_locker: bool = False
    allow_larger: bool = False


def choose(site: Site, wish: Wish, live: Mapping[int, Live]) -> Locker | Refusal:
    """The locker to give, or LOCKER_TYPE_NOT_FOUND or NO_AVAILABLE_LOCKERS.

    Type comes before door state: smallest (or the one asked for) first. Within a type a closed door comes before an
    unknown one and that before an open one; among equals the longest unused locker is taken.
    """
    if wish.locker_type is not None and wish.locker_type not in site.locker_types:
        return unknown_locker_type(wish.locker_type)
    for slug in _types_in_turn(site, wish):
        found = _best_of_type(site, slug, wish, live)
        if found is not None:
            return found
    return _none_free(wish)


def unknown_locker_type(slug: str) -> Refusal:
    """404: no locker type has this slug."""
    return Refusal("LOCKER_TYPE_NOT_FOUND", 404, f"No locker type has the slug {slug}", {"slug": slug})


def _types_in_turn(site: Site, wish: Wish) -> Iterator[str]:
    wanted = wish.locker_type
    if wanted is not None:
        yield wanted
        if not wish.allow_larger:
            return
    least = None if wanted is None else site.locker_types[wanted].size
    for size, slug in sorted((site.locker_types[slug].size, slug) for slug in site.free):
        if least is None or size > least:
            yield slug


def _best_of_type(site: Site, slug: str, wish: Wish, live: Mapping[int, Live]) -> Locker | None:
    unknown = opened = None
    for _, locker_id in site.free.get(slug, ()):
        locker, seen = site.lockers[locker_id], live.get(locker_id)
        if wish.require_low_locker and not locker.is_low_locker:
            continue
        if not operational(locker, site.controllers[locker.bank_id], seen)[0]:
            continue
        door = door_open(locker, seen)
        if door is False:
            return locker
        if door is None:
            unknown = unknown or locker
        else:
            opened = opened or locker
    return unknown or opened


def _none_free(wish: Wish) -> Refusal:
    low = "low " if wish.require_low_locker else ""
    if wish.locker_type is None:
        return Refusal("NO_AVAILABLE_LOCKERS", 503, f"No {low}locker is free")
    larger = " or larger" if wish.allow_larger else ""
    message = f"No {low}locker of the type {wish.locker_type}{larger} is free"
    return Refusal("NO_AVAILABLE_LOCKERS", 503, message, {"lockerType": wish.locker_type})
