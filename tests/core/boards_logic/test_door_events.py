"""Which events a change of a door raises (lock-boards.md 4.5)."""

import pytest

from openharbor.boards.debounce import Change
from openharbor.boards.door_events import events_of, watch
from openharbor.boards.outcomes import DoorState, EventKind


def change(before: DoorState, after: DoorState, last_known: DoorState | None = None) -> Change:
    return Change(before, after, last_known or before, 10.0)


@pytest.mark.parametrize(
    ("happened", "commanded", "events"),
    [
        (change("closed", "open"), True, ("door_opened",)),
        (change("closed", "open"), False, ("door_opened", "uncommanded_open")),
        (change("open", "closed"), False, ("door_closed",)),
        (change("closed", "unknown"), False, ("door_unknown",)),
        (change("unknown", "closed", "closed"), False, ("door_closed",)),
        (change("unknown", "open", "closed"), False, ("opened_unseen",)),
        (change("unknown", "open", "closed"), True, ("door_opened",)),
        (change("unknown", "open", "open"), False, ("door_opened",)),
        (change("unknown", "open", "unknown"), False, ("door_opened",)),
    ],
)
def test_a_change_while_the_board_is_watched(happened: Change, commanded: bool, events: tuple[EventKind, ...]) -> None:
    assert events_of(happened, commanded=commanded, baseline=False) == events


@pytest.mark.parametrize(
    ("happened", "commanded", "events"),
    [
        (change("unknown", "closed", "open"), False, ()),
        (change("unknown", "open", "unknown"), False, ()),
        (change("unknown", "open", "closed"), False, ("opened_unseen",)),
        (change("closed", "open"), False, ("opened_unseen",)),
        (change("closed", "open"), True, ()),
    ],
)
def test_a_baseline_raises_no_edges_but_tells_of_a_door_that_was_opened_unseen(
    happened: Change, commanded: bool, events: tuple[EventKind, ...]
) -> None:
    assert events_of(happened, commanded=commanded, baseline=True) == events


def test_a_watched_door_is_opened_only_if_it_was_closed_before() -> None:
    from_closed, from_unknown = watch(1, "closed"), watch(1, "unknown")
    for one in (from_closed, from_unknown):
        one.saw(change("unknown", "open", "closed"))
    assert (from_closed.opened, from_unknown.opened) == (True, False)


def test_a_watched_door_first_read_as_closed_and_then_open_is_opened() -> None:
    watched = watch(1, "unknown")
    watched.saw(change("unknown", "closed"))
    watched.saw(change("closed", "open"))
    assert watched.opened


def test_a_watched_door_that_became_unreadable_has_lapsed() -> None:
    watched = watch(1, "closed")
    watched.saw(change("closed", "unknown"))
    assert watched.lapsed
