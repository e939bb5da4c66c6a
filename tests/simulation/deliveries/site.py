"""A town: sites with a tower each, phones, providers, and the cloud that they share."""

import random
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from openharbor.blink import provisioning
from openharbor.blink.events import Event
from openharbor.blink.provisioning import SENSORS, Key, Provision, Settings
from openharbor.cloud.lockers.locker import Locker, Status
from openharbor.tower.power_up import provisioned
from simulation.deliveries.agenda import Agenda
from simulation.deliveries.branch import Branch
from simulation.deliveries.cabinet import Cabinet, Compartment
from simulation.deliveries.host import Host
from simulation.deliveries.luck import Luck
from simulation.deliveries.phone import Net, Phone

if TYPE_CHECKING:
    from simulation.deliveries.orders import Order

START_MS = 1_800_000_000_000
MOST_TOKENS_KEPT = 400


@dataclass(slots=True)
class Site:
    """`bookings`: which order a provider has for a locker, as its own books say."""

    name: str
    host: Host
    branch: Branch
    bookings: dict[int, "Order"] = field(default_factory=dict)

    def opened_by_hand(self, number: int, place: str) -> None:
        """Staff with the cabinet's own key: the door opens, what lies there is handed to its owner."""
        door = self.host.cabinet.compartments[number]
        door.open = True
        self.host.read(number)
        if door.parcel is not None:
            self.host.cabinet.take_out(number, door.parcel.owner, place)

    def gets_new_board(self, rng: random.Random, now: int) -> None:
        """The old one is destroyed, with all that it knew."""
        root, branch, host = rng.randbytes(32), self.branch, self.host
        host.power_off()
        rotation = branch.with_new_board(root, now)
        lockers = tuple(
            provisioning.Locker(
                number,
                number - 1,
                1,
                SENSORS[door.sensor],
                branch.lockers[number].status is Status.OUT_OF_SERVICE,
                branch.lockers[number].generation,
            )
            for number, door in host.cabinet.compartments.items()
        )
        tower = branch.tower
        mode = host.flash.lasting.settings.clock_mode
        first = First(
            tower.tower_id, root, mode, now // 1000, rotation, tower.next_command - 1, tower.next_event, tower.epoch
        )
        host.begin_anew(provisioned(file_of(first, lockers), rng.randbytes(32)))


@dataclass(frozen=True, slots=True)
class First:
    """Where a board begins. `made_at`: s since 1970."""

    tower_id: str
    root: bytes
    mode: str
    made_at: int
    rotation: int = 1
    last_command: int = 0
    next_event: int = 1
    epoch: int = 1


class Town:
    """`orders`: parcels under way. `used_up`: tokens of orders that are over. `story`: lines of what happened.

    `quiet`: nothing new begins."""

    def __init__(self, seed: int, *, towers: int, lockers: int, phones: int, luck: Luck, told: bool) -> None:
        self.rng = random.Random(seed)
        self.agenda = Agenda(START_MS)
        self.luck = luck
        self.net = Net(self.agenda, self.rng, luck)
        self.providers = (7, 8, 9)
        self.story: list[str] | None = [] if told else None
        self.counted: Counter[str] = Counter()
        self.orders: set[int] = set()
        self.quiet = False
        self.used_up: list[tuple[Site, object]] = []
        self._numbers = 0
        self.sites = [self._site(place, lockers) for place in range(towers)]
        self.phones = [Phone(f"phone {number}", self.rng.randbytes(16)) for number in range(phones)]

    @property
    def now(self) -> int:
        return self.agenda.now

    def note(self, line: str) -> None:
        if self.story is not None:
            seconds = (self.now - START_MS) / 1000
            self.story.append(f"{seconds:12.2f} s  {line}")

    def new_number(self) -> int:
        self._numbers += 1
        return self._numbers

    def set_luck(self, luck: Luck) -> None:
        self.luck = self.net.luck = luck
        for site in self.sites:
            site.host.luck = luck

    def hire(self) -> Generator[int, None, Phone]:
        """A phone that nobody uses, once there is one."""
        while True:
            free = [phone for phone in self.phones if not phone.busy]
            if free:
                phone = self.rng.choice(free)
                phone.busy = True
                return phone
            yield 60_000

    def goes_offline(self, phone: Phone) -> None:
        """For minutes or many hours; then it sends what it has."""
        phone.online = False

        def back() -> None:
            phone.online = True
            self.net.upload(phone)

        self.agenda.after(self.rng.choice((600_000, 3_600_000, 30_000_000)), back)

    def forget(self, order: "Order") -> None:
        """Its token is of no use to anybody any more, and somebody may try it all the same."""
        if order.site is not None and order.token is not None:
            self.used_up.append((order.site, order.token))
            del self.used_up[:-MOST_TOKENS_KEPT]

    def _site(self, place: int, lockers: int) -> Site:
        tower_id, rng = f"01{place + 1:014x}", self.rng
        root = rng.randbytes(32)
        sensors = [rng.choices((0, 1, 2), (8, 1, 1))[0] for _ in range(lockers)]
        first = First(tower_id, root, "strict" if rng.random() < 0.2 else "lenient", START_MS // 1000)
        compartments = {number: Compartment(number, sensor) for number, sensor in enumerate(sensors, 1)}
        wired = tuple(
            provisioning.Locker(number, number - 1, 1, SENSORS[sensor], False, 0)
            for number, sensor in enumerate(sensors, 1)
        )
        tower = provisioned(file_of(first, wired), rng.randbytes(32))
        cabinet = Cabinet(f"T{place + 1}", compartments)
        rows = {
            number: Locker(
                locker_id=place * 1000 + number, tower_id=tower_id, number=number, type_id=1, status=Status.AVAILABLE
            )
            for number in compartments
        }
        branch = Branch(tower_id, rows, root, rng, self.now)
        branch.on_rows = lambda row, line: self._row(row, f"{cabinet.name}/{line}")
        host = Host(self.agenda, rng, cabinet, tower, self.luck)
        host.on_event = lambda event: self._event(cabinet.name, event)
        return Site(cabinet.name, host, branch)

    def _row(self, row: str, line: str) -> None:
        self.counted[row] += 1
        self.note(line)

    def _event(self, name: str, event: Event) -> None:
        self.counted[type(event).__name__] += 1
        if self.story is not None:
            number = getattr(event, "locker_number", "")
            what = getattr(event, "reason", getattr(event, "code", ""))
            token = getattr(event, "token_id", "")
            self.note(f"{name}/{number}: e{event.event_id} {type(event).__name__} {what} token {token} at {event.at}")


def file_of(first: First, lockers: tuple[provisioning.Locker, ...]) -> Provision:
    """The provisioning file of a board."""
    return Provision(
        format=provisioning.FORMAT,
        tower_id=first.tower_id,
        name=f"tower {first.tower_id[-2:]}",
        made_at=first.made_at,
        key=Key(1, first.rotation, first.root.hex(), 0),
        last_command=first.last_command,
        next_event=first.next_event,
        event_epoch=first.epoch,
        settings=Settings(400, 120, 300, "strict" if first.mode == "strict" else "lenient"),
        lockers=lockers,
    )
