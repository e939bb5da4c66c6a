"""Lockers as the API shows them, encoded once for each change: a list of a thousand costs what has changed in it."""

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import UnsetType

from openharbor.gateway import messages as m
from openharbor.gateway.site import Controller, Live, Locker, LockerType, Site
from openharbor.gateway.views import locker_body


class Shown(msgspec.Struct, frozen=True):
    """One locker, as it is shown, with what that was made from."""

    locker: Locker
    kind: LockerType
    controller: Controller
    live: Live | None
    body: m.Locker
    json: msgspec.Raw


class ShownLockers:
    """Keeps the last answer for each locker. What goes into one is frozen, so the same parts mean the same answer."""

    def __init__(self) -> None:
        self._shown: dict[int, Shown] = {}

    def every(self, site: Site, live: Mapping[int, Live]) -> list[Shown]:
        """All lockers, by id."""
        return [self.one(site, live, locker_id) for locker_id in sorted(site.lockers)]

    def bodies(self, site: Site, live: Mapping[int, Live]) -> list[m.Locker]:
        """All lockers, by id, to count with."""
        return [shown.body for shown in self.every(site, live)]

    def one(self, site: Site, live: Mapping[int, Live], locker_id: int) -> Shown:
        locker, seen, kept = site.lockers[locker_id], live.get(locker_id), self._shown.get(locker_id)
        kind, controller = site.locker_types[locker.locker_type], site.controllers[locker.bank_id]
        if (
            kept is not None
            and kept.locker is locker
            and kept.live is seen
            and kept.kind is kind
            and kept.controller is controller
        ):
            return kept
        body = locker_body(locker, kind, controller, seen)
        shown = Shown(locker, kind, controller, seen, body, msgspec.Raw(msgspec.json.encode(body)))
        self._shown[locker_id] = shown
        return shown


def matching(shown: Iterable[Shown], wanted: m.LockerFilter) -> list[msgspec.Raw]:
    """Those that match every filter given, ready to send."""
    return [one.json for one in shown if _matches(one.body, wanted)]


def _matches(body: m.Locker, wanted: m.LockerFilter) -> bool:
    return (
        _is(wanted.available, body.available)
        and _is(wanted.out_of_service, body.out_of_service)
        and _is(wanted.operational, body.operational)
        and _is(wanted.locker_type, body.locker_type.slug)
        and _is(wanted.bank_id, body.bank_id)
    )


def _is(wanted: object | UnsetType, value: object) -> bool:
    return isinstance(wanted, UnsetType) or wanted == value
