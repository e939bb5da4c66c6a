"""The cloud in memory: lockers, their tower, its command queue, and everything that decisions returned."""

from collections.abc import Callable

from msgspec.structs import replace

from openharbor.blink.payloads import OpenPayload
from openharbor.cloud.lockers import links, mint, operators, reports, states
from openharbor.cloud.lockers.change import Change, Minted, Notice, SetClock, TowerCommand
from openharbor.cloud.lockers.facts import Executed, Fact
from openharbor.cloud.lockers.locker import Locker, Status, Tower
from openharbor.cloud.lockers.reports import Applied
from openharbor.kit.errors import Refusal

TOWER_ID = "0100000000000014"
Watcher = Callable[[Locker, Change], None]


class Issued:
    """A token that went out: the payload, whose it is."""

    __slots__ = ("organization_id", "payload")

    def __init__(self, organization_id: int, payload: OpenPayload) -> None:
        self.organization_id = organization_id
        self.payload = payload


class Desk:
    """`watch` sees every change with the locker before it."""

    def __init__(self, lockers: dict[int, Locker], watch: Watcher | None = None) -> None:
        self.lockers = lockers
        self.tower = Tower(tower_id=TOWER_ID, rotation=1)
        self.watch = watch
        self.queue: dict[int, TowerCommand | SetClock | None] = {}
        self.stored: dict[int, Fact] = {}
        self.ranges: list[tuple[int, int]] = []
        self.notices: list[Notice] = []
        self.rows: list[str] = []
        self.issued: list[Issued] = []
        self.links: dict[int, str] = {}
        self.reservation_ends: dict[int, list[str]] = {}
        self.drawn: list[tuple[int, OpenPayload, int]] = []
        self.ids = 100

    def next_id(self) -> int:
        self.ids += 1
        return self.ids

    def take(self, number: int, outcome: Change | Minted | Refusal | None) -> Refusal | None:
        """Writes what was decided, as the store would. Refusals are given back."""
        if outcome is None or isinstance(outcome, Refusal):
            return outcome
        change = outcome if isinstance(outcome, Change) else outcome.change
        self._write(number, change)
        self.tower = replace(self.tower, next_command=self.tower.next_command + len(change.commands))
        if isinstance(outcome, Minted):
            organization_id = change.locker.holder
            assert organization_id is not None
            self.issued.append(Issued(organization_id, outcome.payload))
        return None

    def _write(self, number: int, change: Change) -> None:
        before = self.lockers[number]
        self.lockers[number] = change.locker
        for command in change.commands:
            assert command.command_id not in self.queue
            self.queue[command.command_id] = command
        self.notices.extend(change.notices)
        self.rows.append(change.row)
        for link in change.links:
            self.links[link.link_id] = link.status
        if change.reservation_end is not None:
            reservation_id, how = change.reservation_end
            self.reservation_ends.setdefault(reservation_id, []).append(how)
        if self.watch is not None:
            self.watch(before, change)

    # providers

    def reserve(self, number: int, organization_id: int, now: int, duration_s: int = 300) -> Refusal | None:
        outcome = states.reserve(
            self.lockers[number],
            organization_id,
            reservation_id=self.next_id(),
            assignment_id=self.next_id(),
            locker_token=f"{self.next_id():032x}",
            duration_s=duration_s,
            now=now,
        )
        return self.take(number, outcome)

    def dropoff_token(self, number: int, organization_id: int, now: int, duration_s: int) -> Refusal | None:
        outcome = mint.mint_dropoff(
            self.lockers[number],
            self.tower,
            organization_id,
            token_id=self.next_id(),
            assignment_id=self.next_id(),
            locker_token=f"{self.next_id():032x}",
            duration_s=duration_s,
            client_info="order",
            now=now,
        )
        return self.take(number, outcome)

    def pickup_token(self, number: int, organization_id: int, now: int, duration_s: int) -> Refusal | None:
        outcome = mint.mint_pickup(
            self.lockers[number],
            self.tower,
            organization_id,
            token_id=self.next_id(),
            duration_s=duration_s,
            client_info="recipient",
            now=now,
        )
        return self.take(number, outcome)

    def cancel_reservation(self, number: int, organization_id: int, now: int) -> Refusal | None:
        reservation = self.lockers[number].reservation
        wanted = 0 if reservation is None else reservation.reservation_id
        return self.take(number, states.cancel_reservation(self.lockers[number], organization_id, wanted, now))

    def release(self, number: int, organization_id: int, now: int) -> Refusal | None:
        return self.take(number, states.release(self.lockers[number], self.tower, organization_id, now))

    def dropoff_link(self, number: int, organization_id: int, now: int) -> Refusal | None:
        link_id = self.next_id()
        outcome = links.hold(
            self.lockers[number],
            organization_id,
            link_id=link_id,
            assignment_id=self.next_id(),
            locker_token=f"{self.next_id():032x}",
            client_info="link",
            now=now,
        )
        if not isinstance(outcome, Refusal):
            self.links[link_id] = "pending"
        return self.take(number, outcome)

    def draw_dropoff(self, number: int, now: int, code: str = "", *, persists: bool = False) -> Refusal | None:
        hold = self.lockers[number].hold
        if hold is None:
            return None
        outcome = links.draw_dropoff(
            self.lockers[number],
            self.tower,
            hold.link_id,
            token_id=self.next_id(),
            now=now,
            keypad_code=code,
            persists=persists,
        )
        if isinstance(outcome, Minted):
            self.drawn.append((hold.link_id, outcome.payload, hold.ends_at))
        return self.take(number, outcome)

    def draw_pickup(self, number: int, organization_id: int, now: int, link_ends_at: int) -> Refusal | None:
        outcome = links.draw_pickup(
            self.lockers[number],
            self.tower,
            organization_id,
            self.next_id(),
            token_id=self.next_id(),
            link_expires_at=link_ends_at,
            client_info="recipient",
            now=now,
        )
        if isinstance(outcome, Minted):
            self.drawn.append((0, outcome.payload, link_ends_at))
        return self.take(number, outcome)

    def cancel_link(self, number: int, now: int) -> Refusal | None:
        hold = self.lockers[number].hold
        if hold is None:
            return None
        return self.take(number, links.cancel_dropoff_link(self.lockers[number], self.tower, hold.link_id, now))

    # operators and time

    def set_available(self, number: int, now: int, *, empty: bool) -> Refusal | None:
        return self.take(number, operators.set_available(self.lockers[number], self.tower, empty=empty, now=now))

    def set_out_of_service(self, number: int, now: int) -> Refusal | None:
        return self.take(number, operators.set_out_of_service(self.lockers[number], self.tower, now=now))

    def return_to_service(self, number: int, now: int, *, empty: bool) -> Refusal | None:
        return self.take(number, operators.return_to_service(self.lockers[number], self.tower, empty=empty, now=now))

    def expire(self, now: int) -> None:
        for number, locker in self.lockers.items():
            self.take(number, states.expire(locker, now))

    # the tower

    def packet(self) -> list[tuple[int, TowerCommand | SetClock | None]]:
        """Everything not known as done. One is always pending, so that every visit leaves an event (T6)."""
        if not self.queue:
            self.queue[self.tower.next_command] = None
            self.tower = replace(self.tower, next_command=self.tower.next_command + 1)
        return sorted(self.queue.items())

    def upload(self, batch: list[Fact], now: int) -> Applied:
        """Stores a batch and applies what is gapless."""
        for fact in batch:
            self.stored.setdefault(fact.event_id, fact)
        if batch:
            self.ranges.append((batch[0].event_id, batch[-1].event_id - batch[0].event_id + 1))
        return self.apply(self.run(), now)

    def run(self) -> list[Fact]:
        """The stored facts that follow the frontier without a gap."""
        start = self.tower.next_event
        end = reports.next_run(self.ranges, start)
        return [self.stored[one] for one in range(start, end) if one in self.stored]

    def apply(self, facts: list[Fact], now: int, sealed_s: int | None = None) -> Applied:
        applied = reports.apply(self.tower, self.lockers, facts, now=now, sealed_s=sealed_s)
        for change in applied.changes:
            self._write(change.locker.number, change)
        for correction in applied.corrections:
            self.queue[correction.command_id] = correction
        if applied.synced is not None:
            self.notices.append(applied.synced)
        self.tower = applied.tower
        for fact in facts:
            if isinstance(fact, Executed):
                for one in range(fact.first, fact.first + fact.count):
                    self.queue.pop(one, None)
        return applied


def new_locker(number: int, status: Status = Status.AVAILABLE) -> Locker:
    """A locker of a tower that has its key."""
    return Locker(locker_id=900 + number, tower_id=TOWER_ID, number=number, type_id=1, status=status)
