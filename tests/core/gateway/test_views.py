"""The site as the API shows it: the examples of gateway-local.yaml, made from a site in that state."""

import socket
import time
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psutil
import pytest
import yaml
from immutables import Map
from msgspec.structs import replace

from openharbor.boards.outcomes import BoardState
from openharbor.gateway import messages as m
from openharbor.gateway import views
from openharbor.gateway.examples import MAPLE_COURT
from openharbor.gateway.shown_lockers import ShownLockers, matching
from openharbor.gateway.site import Live, Locker, Site, Transaction
from openharbor.gateway.site_file import SiteFile, read_site_file
from openharbor.gateway.site_state import hold
from openharbor.gateway.system import shown_addresses
from openharbor.kit.http.timestamps import parse_rfc3339

CONTRACT = Path(__file__).parents[3] / "contract" / "gateway-local.yaml"
CLOSED = Live(board_online=True, has_sensor=True, door_open=False, changed_at=0)


@cache
def examples() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(CONTRACT.read_text(), Loader=yaml.CSafeLoader)
    return {name: example["value"] for name, example in loaded["components"]["examples"].items()}


def plain(body: object) -> Any:
    return msgspec.json.decode(msgspec.json.encode(body))


def at(text: str) -> int:
    return parse_rfc3339(text)


@pytest.fixture(scope="module")
def site() -> Site:
    """The site in the state of the contract's examples."""
    made = read_site_file(MAPLE_COURT.read_text(), gateway_id="gw", host_name="box", now=at("2026-01-12T08:00:00Z"))
    assert isinstance(made, SiteFile)
    lockers = {}
    for shown in examples()["lockerList"]:
        locker = made.site.lockers[shown["lockerId"]]
        opened = shown["lastOpenedAt"]
        lockers[locker.locker_id] = replace(
            locker,
            updated_at=at(shown["updatedAt"]),
            last_opened_at=None if opened is None else at(opened),
            open_count=shown["openCount"],
            broken_lock=shown["brokenLock"],
        )
    lockers[4] = replace(lockers[4], reason="Holds the screen")
    lockers[6] = replace(lockers[6], failures_in_row=3)
    return _held(replace(made.site, lockers=Map(lockers)))


def _held(site: Site) -> Site:
    seen = site.lockers[2]
    created, opened = at("2026-03-02T17:04:11.482Z"), at("2026-03-02T17:04:19.031Z")
    site = hold(site, Transaction("parcel-2026-000481", 2, created, 1, opened, 1))
    return replace(site, lockers=site.lockers.set(2, replace(site.lockers[2], updated_at=seen.updated_at)))


@pytest.fixture(scope="module")
def live(site: Site) -> dict[int, Live]:
    return dict.fromkeys(site.lockers, CLOSED)


def test_lockers_are_shown_as_in_the_contract(site: Site, live: dict[int, Live]) -> None:
    assert plain(matching(ShownLockers().every(site, live), m.LockerFilter())) == examples()["lockerList"]


def test_filters_are_combined_with_and(site: Site, live: dict[int, Live]) -> None:
    shown = ShownLockers().every(site, live)
    assert plain(matching(shown, m.LockerFilter(available=True))) == examples()["lockerListAvailable"]

    def ids(**wanted: Any) -> list[int]:
        return [one["lockerId"] for one in plain(matching(shown, m.LockerFilter(**wanted)))]

    assert ids(bank_id=2) == [5, 6]
    assert ids(bank_id=2, locker_type="medium") == [6]
    assert ids(operational=False) == [6]
    assert ids(out_of_service=True) == [4]
    assert ids(locker_type="no-such-type") == []


def test_types_are_shown_smallest_first_with_counts(site: Site, live: dict[int, Live]) -> None:
    shown = plain(views.locker_type_bodies(site, ShownLockers().bodies(site, live)))
    by_slug = {one["slug"]: one for one in examples()["lockerTypeList"]}
    # the contract lists the screen last, although it is smaller than a large locker
    assert [one["slug"] for one in shown] == ["small", "medium", "screen", "large"]
    assert all(one == by_slug[one["slug"]] for one in shown)


def test_bank_types_are_shown_as_in_the_contract(site: Site) -> None:
    made_at = {"createdAt": "2026-01-12T08:00:00.000Z"}
    assert plain(views.bank_type_bodies(site)) == [one | made_at for one in examples()["bankTypeList"]]
    whole = plain(views.bank_type_with_associations(site, site.bank_types[1]))
    assert whole == examples()["bankTypeWithAssociations"] | made_at


def test_the_configuration_is_shown_as_in_the_contract(site: Site) -> None:
    assert plain(views.locker_config(site)) == examples()["lockerConfig"]


def test_transactions_are_shown_as_in_the_contract(site: Site) -> None:
    assert plain(views.transaction_bodies(site)) == examples()["transactionList"]


def test_health_counts_are_those_of_the_contract(site: Site, live: dict[int, Live]) -> None:
    counts = plain(views.lockers_health(ShownLockers().bodies(site, live)))
    assert counts == examples()["health"]["lockers"]
    away = {**live, 5: replace(CLOSED, board_online=False), 6: replace(CLOSED, board_online=False)}
    counts = plain(views.lockers_health(ShownLockers().bodies(site, away)))
    assert counts == examples()["healthDegraded"]["lockers"]


def test_controllers_are_shown_as_in_the_contract(site: Site) -> None:
    seen = {1: at("2026-03-02T17:04:59.950Z"), 2: at("2026-03-02T17:04:59.730Z")}
    boards = {number: BoardState(online=True, last_seen_at=when) for number, when in seen.items()}
    assert plain(views.controller_bodies(site, boards)) == examples()["system"]["controllers"]


def test_a_board_never_heard_of_is_offline_and_says_why(site: Site) -> None:
    shown = plain(views.controller_bodies(site, {1: BoardState(online=False, failure="no route")}))
    assert [(one["online"], one["lastSeenAt"]) for one in shown] == [(False, None)] * 2
    assert shown[0]["failureReason"] == "no route"
    assert shown[1]["failureReason"]


def test_a_locker_changed_when_the_journal_or_the_boards_last_said_something_new(site: Site) -> None:
    locker, kind, controller = site.lockers[3], site.locker_types["large"], site.controllers[1]
    later = replace(CLOSED, changed_at=at("2026-03-05T00:00:00Z"))
    assert views.locker_body(locker, kind, controller, CLOSED).updated_at == "2026-02-27T15:41:17.309Z"
    assert views.locker_body(locker, kind, controller, later).updated_at == "2026-03-05T00:00:00.000Z"


def test_a_shown_locker_is_never_an_old_one(site: Site, live: dict[int, Live]) -> None:
    shown = ShownLockers()
    assert shown.one(site, live, 3) is shown.one(site, live, 3)
    opened = {**live, 3: replace(CLOSED, door_open=True)}
    assert shown.one(site, opened, 3).body.door_open is True
    renamed = replace(site.locker_types["large"], friendly_name="Grand")
    changed = replace(site, locker_types={**site.locker_types, "large": renamed})
    assert shown.one(changed, opened, 3).body.locker_type.friendly_name == "Grand"
    cleaned = replace(site.lockers[3], out_of_service=True)
    out = replace(changed, lockers=site.lockers.set(3, cleaned))
    assert shown.one(out, opened, 3).body.out_of_service


def test_a_thousand_lockers_are_listed_within_10_ms(site: Site) -> None:
    lockers = {number: Locker(number, 1, number, "small", False, 0) for number in range(1, 1001)}
    big, live = replace(site, lockers=Map(lockers)), dict.fromkeys(lockers, CLOSED)
    shown = ShownLockers()
    msgspec.json.encode(matching(shown.every(big, live), m.LockerFilter()))

    def once() -> float:
        start = time.perf_counter()
        msgspec.json.encode(matching(shown.every(big, live), m.LockerFilter()))
        return time.perf_counter() - start

    assert min(once() for _ in range(5)) < 0.010


class Found(NamedTuple):
    """What psutil tells of one address, as far as it is looked at."""

    family: int
    address: str


def test_addresses_are_shown_without_scope_and_loopback_is_left_out() -> None:
    link, ip4, ip6 = psutil.AF_LINK, socket.AF_INET, socket.AF_INET6
    found = {
        "lo": [Found(ip4, "127.0.0.1"), Found(link, "00:00:00:00:00:00")],
        "eth0": [Found(ip4, "10.0.0.2"), Found(ip6, "fe80::1%eth0"), Found(link, "02:42:0A:00:00:02")],
        "tun0": [Found(ip4, "10.8.0.1")],
    }
    assert plain(list(shown_addresses(found))) == [
        {"interface": "eth0", "address": "10.0.0.2", "mac": "02:42:0a:00:00:02"},
        {"interface": "eth0", "address": "fe80::1", "mac": "02:42:0a:00:00:02"},
    ]
