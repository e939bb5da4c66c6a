"""What an accepted change of a door is worth telling (lock-boards.md 4.5), and what an opening attempt makes of it."""

from dataclasses import dataclass, field

from openharbor.boards.debounce import Change
from openharbor.boards.outcomes import DoorState, EventKind
from openharbor.kit.waiting import Signal

UNMOVED = 3  # opens in a row that a board acknowledged while the door never changed


def events_of(change: Change, *, commanded: bool, baseline: bool) -> tuple[EventKind, ...]:
    """The events of a change. `commanded`: a pulse of ours explains an opening. `baseline`: the board was not watched
    until now, so this is no edge."""
    unseen = change.after == "open" and change.last_known == "closed" and not commanded
    if baseline:
        return ("opened_unseen",) if unseen else ()
    if change.after == "unknown":
        return ("door_unknown",)
    if change.after == "closed":
        return ("door_closed",)
    if change.before == "closed":
        return ("door_opened", "uncommanded_open") if unseen else ("door_opened",)
    return ("opened_unseen",) if unseen else ("door_opened",)


@dataclass(slots=True, eq=False, weakref_slot=True)
class DoorWatch:
    """What one door has shown since a frame left, as long as somebody holds this. `lapsed`: it became unreadable."""

    lock: int
    before: DoorState
    was_closed: bool
    opened: bool = False
    lapsed: bool = False
    moved: Signal = field(default_factory=Signal)

    def saw(self, change: Change) -> None:
        if change.after == "unknown":
            self.lapsed = True
        elif change.after == "closed":
            self.was_closed = True
        elif self.was_closed:
            self.opened = True
        self.moved.give()


def watch(lock: int, before: DoorState) -> DoorWatch:
    return DoorWatch(lock, before, before == "closed")
