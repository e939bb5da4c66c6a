"""Which locker a transaction gets: gateway-local.yaml, createTransaction "Choice", and choice 5."""

from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from immutables import Map
from msgspec.structs import replace

from openharbor.gateway.allocation import Wish, choose
from openharbor.gateway.service_state import available, door_open, operational
from openharbor.gateway.site import Controller, Live, Locker, LockerType, Settings, Site
from openharbor.gateway.site_state import free_by_type
from openharbor.kit.errors import Refusal

SIZES = {"small": 1, "flat": 2, "tall": 2, "large": 3}
CLOSED = Live(board_online=True, has_sensor=True, door_open=False, changed_at=0)
OPEN = replace(CLOSED, door_open=True)
NO_SENSOR = replace(CLOSED, has_sensor=False, door_open=None)
UNREADABLE = replace(CLOSED, door_open=None)
OFFLINE = replace(CLOSED, board_online=False, door_open=None)


def kind(slug: str) -> LockerType:
    return LockerType(slug, slug.title(), "", SIZES[slug], 1, 1, always_oos=False, created_at=0)


def locker(locker_id: int, slug: str = "small", /, **more: object) -> Locker:
    return replace(Locker(locker_id, 1, locker_id, slug, is_low_locker=False, updated_at=0), **more)


def site(lockers: Iterable[Locker]) -> Site:
    every = {one.locker_id: one for one in lockers}
    return Site(
        settings=Settings("gw", "Site", "UTC"),
        locker_types={slug: kind(slug) for slug in SIZES},
        bank_types={},
        controllers={1: Controller(1, "A", "wkly", "virtual://a", 1, commissioned=False, created_at=0)},
        lockers=Map(every),
        transactions=Map(),
        devices={},
        api_keys={},
        free=free_by_type(every.values()),
    )


def chosen(lockers: Iterable[Locker], live: Mapping[int, Live] | None = None, **wish: object) -> int | str:
    every = list(lockers)
    found = choose(site(every), Wish(**wish), live or {one.locker_id: CLOSED for one in every})  # type: ignore[arg-type]  # the test names the fields
    return found.code if isinstance(found, Refusal) else found.locker_id


def test_without_a_type_the_smallest_is_given() -> None:
    assert chosen([locker(1, "large"), locker(2, "flat"), locker(3, "small")]) == 3


def test_types_of_one_size_are_taken_by_slug() -> None:
    assert chosen([locker(1, "tall"), locker(2, "flat")]) == 2


def test_a_type_that_is_asked_for_is_given_and_no_other() -> None:
    assert chosen([locker(1, "small"), locker(2, "tall")], locker_type="tall") == 2
    assert chosen([locker(1, "small"), locker(2, "large")], locker_type="tall") == "NO_AVAILABLE_LOCKERS"


def test_allow_larger_gives_the_next_larger_type_that_has_a_free_locker() -> None:
    lockers = [locker(1, "small"), locker(2, "large"), locker(3, "tall")]
    assert chosen(lockers, locker_type="flat", allow_larger=True) == 3
    assert chosen(lockers[:2], locker_type="flat", allow_larger=True) == 2
    assert chosen(lockers[:1], locker_type="flat", allow_larger=True) == "NO_AVAILABLE_LOCKERS"


def test_allow_larger_prefers_the_type_itself() -> None:
    assert chosen([locker(1, "large"), locker(2, "flat")], locker_type="flat", allow_larger=True) == 2


def test_a_low_locker_can_be_asked_for() -> None:
    lockers = [locker(1), locker(2, "large", is_low_locker=True)]
    assert chosen(lockers, require_low_locker=True) == 2
    assert chosen(lockers, require_low_locker=True, locker_type="small") == "NO_AVAILABLE_LOCKERS"


@pytest.mark.parametrize(
    ("doors", "given_id"),
    [
        ({1: OPEN, 2: NO_SENSOR, 3: CLOSED}, 3),
        ({1: OPEN, 2: NO_SENSOR, 3: OPEN}, 2),
        ({1: OPEN, 2: OPEN, 3: OPEN}, 1),
        ({1: CLOSED, 2: CLOSED, 3: CLOSED}, 1),
        ({1: OFFLINE, 2: UNREADABLE, 3: OPEN}, 3),
    ],
)
def test_a_closed_door_comes_before_an_unknown_one_and_that_before_an_open_one(
    doors: dict[int, Live], given_id: int
) -> None:
    assert chosen([locker(1), locker(2), locker(3)], doors) == given_id


def test_type_comes_before_door_state() -> None:
    assert chosen([locker(1, "small"), locker(2, "large")], {1: OPEN, 2: CLOSED}) == 1


def test_a_door_that_is_ignored_counts_as_unknown() -> None:
    assert chosen([locker(1, broken_lock=True), locker(2)]) == 2


def test_the_longest_unused_locker_is_given_never_used_ones_first_then_the_lowest_id() -> None:
    used = [locker(1, last_transaction_at=30), locker(2, last_transaction_at=10), locker(3), locker(4)]
    assert chosen(used) == 3
    assert chosen(used[:2]) == 2
    assert chosen([locker(2, last_transaction_at=10), locker(1, last_transaction_at=10)]) == 1


def test_a_type_that_does_not_exist_is_told_apart_from_one_that_is_full() -> None:
    refused = choose(site([]), Wish("extra-wide"), {})
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.status, refused.details) == ("LOCKER_TYPE_NOT_FOUND", 404, {"slug": "extra-wide"})


def test_a_full_site_names_the_type_only_when_one_was_asked_for() -> None:
    for wish, details in ((Wish(), {}), (Wish("small"), {"lockerType": "small"})):
        refused = choose(site([locker(1, out_of_service=True)]), wish, {1: CLOSED})
        assert isinstance(refused, Refusal)
        assert (refused.status, refused.details) == (503, details)


def test_a_locker_of_which_no_board_has_told_yet_is_not_given() -> None:
    found = choose(site([locker(1)]), Wish(), {})
    assert isinstance(found, Refusal)


SOME_LOCKER = st.builds(
    lambda slug, low, oos, broken, failures, used, held: {
        "locker_type": slug,
        "is_low_locker": low,
        "out_of_service": oos,
        "broken_lock": broken,
        "failures_in_row": failures,
        "last_transaction_at": used,
        "transaction_id": "held" if held else None,
    },
    st.sampled_from(list(SIZES)),
    st.booleans(),
    st.sampled_from([False, False, False, True]),
    st.sampled_from([False, False, True]),
    st.sampled_from([0, 0, 2, 3]),
    st.none() | st.integers(0, 3),
    st.sampled_from([False, False, True]),
)
SOME_LIVE = st.sampled_from([CLOSED, CLOSED, OPEN, NO_SENSOR, UNREADABLE, OFFLINE])
SOME_WISH = st.builds(Wish, st.none() | st.sampled_from(list(SIZES)), st.booleans(), st.booleans())


def rank(one: Locker, live: Live, wish: Wish) -> tuple[object, ...]:
    door = {False: 0, None: 1, True: 2}[door_open(one, live)]
    used = -1 if one.last_transaction_at is None else one.last_transaction_at
    return kind(one.locker_type).size, door, used, one.locker_id


def fits(one: Locker, wish: Wish) -> bool:
    if wish.require_low_locker and not one.is_low_locker:
        return False
    if wish.locker_type is None or one.locker_type == wish.locker_type:
        return True
    return wish.allow_larger and kind(one.locker_type).size > kind(wish.locker_type).size


@given(st.lists(st.tuples(SOME_LOCKER, SOME_LIVE), max_size=8), SOME_WISH)
def test_the_choice_is_the_best_of_those_that_fit(drawn: list[tuple[dict[str, object], Live]], wish: Wish) -> None:
    lockers = [locker(number, "small", **fields) for number, (fields, _) in enumerate(drawn, start=1)]
    live = {number: seen for number, (_, seen) in enumerate(drawn, start=1)}
    whole = site(lockers)
    usable = [
        one
        for one in lockers
        if available(one, works=operational(one, whole.controllers[1], live[one.locker_id])[0]) and fits(one, wish)
    ]
    best = min(usable, key=lambda one: rank(one, live[one.locker_id], wish), default=None)
    found = choose(whole, wish, live)
    assert (None if isinstance(found, Refusal) else found) == best
