"""One locker, one tower and a clock that is moved by hand: to tell a story of locker-states.md line by line."""

from typing import Literal

from openharbor.cloud.lockers import operators, states
from openharbor.cloud.lockers.change import Change, Minted
from openharbor.cloud.lockers.facts import Fact
from openharbor.cloud.lockers.locker import Locker, Status
from openharbor.kit.errors import Refusal
from simulation.desk import Desk, new_locker
from simulation.device import OK, Device

P, Q = 7, 8
NUMBER = 1
START_S = 1_763_856_000  # a midnight


class Scene:
    """`now_s` is the true time; the tower's clock agrees unless a story says otherwise."""

    def __init__(self, status: Status = Status.AVAILABLE, *, sensors: bool = True) -> None:
        self.desk = Desk({NUMBER: new_locker(NUMBER, status)})
        self.device = Device((NUMBER,), sensors=sensors)
        self.now_s = START_S
        self.uploaded = 1

    @property
    def now(self) -> int:
        return self.now_s * 1000

    @property
    def locker(self) -> Locker:
        return self.desk.lockers[NUMBER]

    @property
    def status(self) -> str:
        return self.locker.status.word

    def at(self, clock: str) -> None:
        """Moves to a time of the day, "HH:MM" or "HH:MM:SS", and lets the cloud's clock do its work."""
        parts = [int(part) for part in clock.split(":")] + [0]
        self.now_s = START_S + parts[0] * 3600 + parts[1] * 60 + parts[2]
        self.desk.expire(self.now)

    def wait(self, seconds: int) -> None:
        self.now_s += seconds
        self.desk.expire(self.now)

    def told(self) -> list[str]:
        """`EVENT/SOURCE` of what was sent since the last call, without TOWER_SYNCED."""
        sources = [f"{one.event}/{one.source}" for one in self.desk.notices if one.event != "TOWER_SYNCED"]
        self.desk.notices.clear()
        return sources

    # providers

    def reserve(self, who: int = P, duration_s: int = 300) -> Refusal | None:
        return self.desk.reserve(NUMBER, who, self.now, duration_s)

    def cancel_reservation(self, who: int = P) -> Refusal | None:
        return self.desk.cancel_reservation(NUMBER, who, self.now)

    def dropoff_token(self, who: int = P, duration_s: int = 3600) -> Refusal | None:
        return self.desk.dropoff_token(NUMBER, who, self.now, duration_s)

    def pickup_token(self, who: int = P, duration_s: int = 3600) -> Refusal | None:
        return self.desk.pickup_token(NUMBER, who, self.now, duration_s)

    def dropoff_link(self) -> Refusal | None:
        return self.desk.dropoff_link(NUMBER, P, self.now)

    def draw(self, code: str = "", *, persists: bool = False) -> Refusal | None:
        return self.desk.draw_dropoff(NUMBER, self.now, code, persists=persists)

    def draw_pickup(self, link_ends_at: int | None = None) -> Refusal | None:
        return self.desk.draw_pickup(NUMBER, P, self.now, link_ends_at or self.now + 86_400_000)

    def cancel_link(self) -> Refusal | None:
        return self.desk.cancel_link(NUMBER, self.now)

    def release(self, who: int = P) -> Refusal | None:
        return self.desk.release(NUMBER, who, self.now)

    # operators

    def set_available(self, *, empty: bool = True) -> Refusal | None:
        return self.desk.set_available(NUMBER, self.now, empty=empty)

    def set_out_of_service(self) -> Refusal | None:
        return self.desk.set_out_of_service(NUMBER, self.now)

    def return_to_service(self, *, empty: bool = True) -> Refusal | None:
        return self.desk.return_to_service(NUMBER, self.now, empty=empty)

    def take(self, outcome: Change | Minted | Refusal | None) -> Refusal | None:
        return self.desk.take(NUMBER, outcome)

    def replaced(self) -> None:
        self.take(states.replaced(self.locker, self.desk.tower, self.now))

    def provisioned(self) -> None:
        self.take(states.provisioned(self.locker, self.now))

    def reset_log(self) -> None:
        self.take(operators.reset_log(self.locker))

    def inspected(self) -> None:
        self.take(operators.inspected(self.locker))

    # at the tower

    def use(self, token: int = -1, *, outcome: Literal["opened", "jams", "power cut"] = "opened") -> None:
        """In a new session. `token`: its place among those issued."""
        self.device.begin_session(self.now_s)
        assert self.use_again(token, outcome=outcome) == OK

    def use_again(self, token: int = -1, *, outcome: Literal["opened", "jams", "power cut"] = "opened") -> int:
        """In the same session; the tower's code."""
        one = self.desk.issued[token]
        jams, power_cut = outcome == "jams", outcome == "power cut"
        return self.device.open(one.payload, one.organization_id, self.now_s, jams=jams, power_cut=power_cut)

    def close(self) -> None:
        assert self.device.close(NUMBER, self.now_s)
        self.device.any_command()

    def revert(self) -> None:
        assert self.device.revert(self.now_s)

    def push(self) -> None:
        """A phone brings every command that waits."""
        self.device.push(self.desk.packet(), self.now_s, self.now_s)

    def new_events(self) -> list[Fact]:
        """Those that no upload had."""
        batch = [fact for fact in self.device.log if fact.event_id >= self.uploaded]
        self.uploaded = self.device.next_event
        return batch

    def sync(self) -> None:
        """A phone uploads what is new."""
        self.desk.upload(self.new_events(), self.now)

    def upload(self, batch: list[Fact]) -> None:
        self.desk.upload(batch, self.now)

    def deliver(self, *, duration_s: int = 3600) -> None:
        """Token, drop-off, door closed, all known: occupied."""
        self.dropoff_token(duration_s=duration_s)
        self.use()
        self.close()
        self.sync()
