"""One small world: two providers, a tower with two lockers that is mostly offline, phones that lose and reorder.

Every method is something that somebody does; the clock moves by `pass_time` only. Times in seconds.
"""

from dataclasses import dataclass, field

from msgspec.structs import replace

from openharbor.cloud.lockers import operators
from openharbor.cloud.lockers.change import Change, SetClock, TowerCommand
from openharbor.cloud.lockers.facts import Fact
from openharbor.cloud.lockers.locker import Locker, Status
from openharbor.cloud.lockers.reports import Applied, apply
from openharbor.cloud.lockers.states import as_of
from simulation import invariants
from simulation.desk import Desk, new_locker
from simulation.device import Device
from simulation.invariants import ON_CHANGE, ON_WORLD, demand

START_S = 1_800_000_000
NUMBERS = (1, 2)
ORGANIZATIONS = (7, 8)
CODE = "482913"


@dataclass(slots=True)
class Phone:
    """A packet it fetched and when that was sealed; batches it pulled and has not, or not only, uploaded."""

    packet: list[tuple[int, TowerCommand | SetClock | None]] = field(default_factory=list)
    sealed_s: int = 0
    batches: list[list[Fact]] = field(default_factory=list)


def watch(before: Locker, change: Change) -> None:
    for check in ON_CHANGE:
        check(before, change)


class World:
    """`trace`: what was done, in order."""

    def __init__(self, *, sensors: bool = True) -> None:
        self.now_s = START_S
        self.desk = Desk({number: new_locker(number) for number in NUMBERS}, watch)
        self.device = Device(NUMBERS, sensors=sensors)
        self.phones = (Phone(), Phone())
        self.log_lost = False
        self.by_hand = False

    @property
    def now(self) -> int:
        return self.now_s * 1000

    def check(self) -> None:
        """Every invariant of the world."""
        for holds in ON_WORLD:
            if self.log_lost and holds is invariants.inv11:
                continue
            holds(self.desk, self.device, self.now_s)

    def pass_time(self, seconds: int) -> None:
        """Invariant 5: time alone does no more than B1, B2, B3."""
        before = dict(self.desk.lockers)
        self.now_s += seconds
        self.desk.rows.clear()
        self.desk.expire(self.now)
        demand(set(self.desk.rows) <= invariants.BY_CLOCK, 5, f"time did {self.desk.rows}")
        for number, locker in before.items():
            free = self.desk.lockers[number].status is Status.AVAILABLE and locker.status is not Status.AVAILABLE
            quiet = all(token.settled for token in locker.tokens) and locker.status in (Status.RESERVED, Status.RENTED)
            demand(not free or quiet, 5, f"time freed locker {number}")

    # providers and operators

    def mint(self, number: int, organization_id: int, duration_s: int) -> None:
        """Invariant 16 besides: tokens only for the holder, or of an available locker."""
        before = as_of(self.desk.lockers[number], self.now)
        refusal = self.desk.dropoff_token(number, organization_id, self.now, duration_s)
        allowed = before.status is Status.AVAILABLE or before.holder == organization_id
        demand(refusal is not None or allowed, 16, f"{organization_id} got a token of {before.holder}")

    def release(self, number: int, organization_id: int) -> None:
        """A holder who gives up an occupied locker says that it is empty, and so it is (A12)."""
        locker = self.desk.lockers[number]
        if self.desk.release(number, organization_id, self.now) is None and locker.status is Status.OCCUPIED:
            self.device.cells[number].parcel = None

    def look_inside(self, number: int) -> None:
        """Operator: E1, E2, E4, after having looked and taken out what there was."""
        locker = self.desk.lockers[number]
        if locker.status is Status.OUT_OF_SERVICE:
            refusal = self.desk.return_to_service(number, self.now, empty=True)
        else:
            refusal = self.desk.set_available(
                number, self.now, empty=locker.status in (Status.OCCUPIED, Status.DECLINED)
            )
        looked = locker.status in (Status.OCCUPIED, Status.DECLINED, Status.OUT_OF_SERVICE)
        if refusal is None and looked:
            self.by_hand = True
            self.device.cells[number].parcel = None

    def inspect(self, number: int) -> None:
        """Operator, after a log loss: the compartment is looked into; what lies there is kept for its owner."""
        if self.device.cells[number].parcel is None and any(one.log_lost for one in self.desk.lockers[number].tokens):
            self.desk.take(number, operators.inspected(self.desk.lockers[number]))

    # people at the tower

    def use(self, which: int, *, jams: bool = False, power_cut: bool = False, new_session: bool = True) -> None:
        if not self.desk.issued:
            return
        one = self.desk.issued[which % len(self.desk.issued)]
        if new_session:
            self.device.begin_session(self.now_s)
        self.device.open(one.payload, one.organization_id, self.now_s, jams=jams, power_cut=power_cut)

    def enter_code(self, number: int) -> None:
        owner = self.device.cells[number].parcel
        self.device.enter_code(number, owner or 0, self.now_s)

    # phones

    def fetch(self, phone: Phone) -> None:
        phone.packet, phone.sealed_s = self.desk.packet(), self.now_s

    def visit(self, phone: Phone, start: int, most: int) -> None:
        """A session: the packet is pushed, events are pulled."""
        self.device.begin_session(self.now_s)
        if phone.packet:
            self.device.push(phone.packet, phone.sealed_s, self.now_s)
        batch = self.device.pull(start, most)
        if batch:
            phone.batches.append(batch)

    def carry_up(self) -> None:
        """A phone that brings no commands uploads what the tower has."""
        self.device.client_event(self.now_s)
        phone = Phone(batches=[self.device.pull(self.desk.tower.next_event, 100_000)])
        self.upload(phone, 0, keep=False)

    def upload(self, phone: Phone, which: int, *, keep: bool, split: int = 0) -> None:
        """Invariant 10 besides: in two batches it comes to the same as in one."""
        if not phone.batches:
            return
        place = which % len(phone.batches)
        batch = phone.batches[place] if keep else phone.batches.pop(place)
        desk = self.desk
        for fact in batch:
            desk.stored.setdefault(fact.event_id, fact)
        desk.ranges.append((batch[0].event_id, len(batch)))
        run = desk.run()
        if split and len(run) > 1:
            self._compare(run, split % (len(run) - 1) + 1)
        desk.apply(run, self.now)

    def _compare(self, run: list[Fact], at: int) -> None:
        desk = self.desk
        whole = apply(desk.tower, desk.lockers, run, now=self.now)
        first = apply(desk.tower, desk.lockers, run[:at], now=self.now)
        second = apply(first.tower, {**desk.lockers, **first.lockers}, run[at - 1 :], now=self.now)
        parts = [told for one in (first, second) for change in one.changes for told in change.notices]
        demand([told for change in whole.changes for told in change.notices] == parts, 10, "other webhooks in parts")
        demand(whole.tower == second.tower, 10, "another tower in parts")
        demand({**first.lockers, **second.lockers} == dict(whole.lockers), 10, "other lockers in parts")

    def lose_log(self) -> None:
        """Events that nobody has uploaded are gone; the log starts again (E6)."""
        self.log_lost = True
        self.device.log.clear()
        for phone in self.phones:
            phone.batches.clear()
        self.desk.tower = replace(self.desk.tower, next_event=self.device.next_event)
        for number in NUMBERS:
            self.desk.take(number, operators.reset_log(self.desk.lockers[number]))

    def empty_batch(self) -> Applied | None:
        """A pull that finds nothing new, uploaded at once."""
        if self.desk.tower.next_event != self.device.next_event:
            return None
        sealed_s = self.device.clock(self.now_s)
        self.device.floor_s = sealed_s
        return self.desk.apply([], self.now, sealed_s)

    def drain(self) -> None:
        """Everything the tower knows reaches the cloud, and everything that was done is told (invariant 23)."""
        phone = Phone()
        self.fetch(phone)
        self.visit(phone, self.desk.tower.next_event, 100_000)
        self.upload(phone, 0, keep=False)
        if not self.log_lost:
            self._everything_is_told()

    def _everything_is_told(self) -> None:
        told = [
            (told.locker_id, told.token_id, told.at // 1000)
            for told in self.desk.notices
            if told.source in ("LOCKER_TOKEN_USED", "KEYPAD_CODE_USED")
        ]
        for kind, number, token_id, at_s in self.device.deliveries:
            if kind == "dropoff" or not self.by_hand:
                demand((900 + number, token_id, at_s) in told, 23, f"{kind} with {token_id} was not told")
