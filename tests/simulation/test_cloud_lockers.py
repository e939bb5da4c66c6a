"""The numbered invariants of locker-states.md 5 over random worlds: 10,000 seeded, 10,000 that hypothesis shrinks."""

import random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from simulation.cloud_lockers import failing, run
from simulation.device import Device
from simulation.invariants import ON_CHANGE, ON_WORLD, Broken, inv2, inv9
from simulation.scene import NUMBER, P, Scene
from simulation.world import CODE, NUMBERS, ORGANIZATIONS, World

EXAMPLES, PARTS = 10_000, 20
numbers, organizations = st.sampled_from(NUMBERS), st.sampled_from(ORGANIZATIONS)
durations, phones = st.sampled_from((60, 300, 3600)), st.integers(0, 1)


@pytest.mark.parametrize("part", range(PARTS))
def test_ten_thousand_seeded_worlds_keep_every_invariant(part: int) -> None:
    share = EXAMPLES // PARTS
    for seed in range(part * share, (part + 1) * share):
        story = failing(seed)
        assert story is None, story


def test_a_seed_is_a_world() -> None:
    first: list[str] = []
    second: list[str] = []
    run(4711, first)
    run(4711, second)
    assert first == second


def test_the_invariants_have_teeth() -> None:
    """A locker that is given away with a token out, or with a parcel in it, does not pass."""
    scene = Scene()
    scene.dropoff_token()
    scene.use()
    scene.desk.lockers[NUMBER] = Scene().locker
    device: Device = scene.device
    with pytest.raises(Broken, match="invariant 2"):
        inv2(scene.desk, device, scene.now_s)
    with pytest.raises(Broken, match="invariant 9"):
        inv9(scene.desk, device, scene.now_s)


def test_each_invariant_is_checked_by_its_number() -> None:
    names = [check.__name__ for check in (*ON_CHANGE, *ON_WORLD)]
    numbered = {int(name.removeprefix("inv")) for name in names if name.startswith("inv")}
    assert numbered | {5, 10, 16, 23} == {1, 2, 3, 5, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18, 19, 21, 23}


class Lockers(RuleBasedStateMachine):
    """Providers, the cloud's clock, an offline tower and two phones, step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @rule(number=numbers, who=organizations)
    def reserve(self, number: int, who: int) -> None:
        self.world.desk.reserve(number, who, self.world.now, 60)

    @rule(number=numbers, who=organizations, duration_s=durations)
    def dropoff_token(self, number: int, who: int, duration_s: int) -> None:
        self.world.mint(number, who, duration_s)

    @rule(number=numbers, who=organizations, duration_s=durations)
    def pickup_token(self, number: int, who: int, duration_s: int) -> None:
        self.world.desk.pickup_token(number, who, self.world.now, duration_s)

    @rule(number=numbers, who=organizations, code=st.sampled_from(("", CODE)))
    def link(self, number: int, who: int, code: str) -> None:
        self.world.desk.dropoff_link(number, who, self.world.now)
        self.world.desk.draw_dropoff(number, self.world.now, code)

    @rule(number=numbers, who=organizations)
    def release(self, number: int, who: int) -> None:
        self.world.release(number, who)

    @rule(number=numbers)
    def operator(self, number: int) -> None:
        self.world.look_inside(number)

    @rule(number=numbers)
    def out_of_service(self, number: int) -> None:
        self.world.desk.set_out_of_service(number, self.world.now)

    @rule(seconds=st.sampled_from((1, 60, 300, 3600)))
    def wait(self, seconds: int) -> None:
        self.world.pass_time(seconds)

    @rule(which=st.integers(0, 9), how=st.sampled_from(("opened", "jams", "power cut")), new_session=st.booleans())
    def use(self, which: int, how: str, *, new_session: bool) -> None:
        self.world.use(-1 - which, jams=how == "jams", power_cut=how == "power cut", new_session=new_session)

    @rule(number=numbers)
    def close(self, number: int) -> None:
        self.world.device.close(number, self.world.now_s)

    @rule()
    def revert(self) -> None:
        self.world.device.revert(self.world.now_s)

    @rule()
    def reopen(self) -> None:
        self.world.device.reopen(self.world.now_s)

    @rule(number=numbers)
    def enter_code(self, number: int) -> None:
        self.world.enter_code(number)

    @rule(ahead_s=st.sampled_from((0, 100, 5000)))
    def lose_clock(self, ahead_s: int) -> None:
        self.world.device.lose_clock(self.world.now_s, ahead_s)

    @rule(offset_s=st.sampled_from((-300, -10, 10, 300)))
    def drift(self, offset_s: int) -> None:
        self.world.device.offset_s += offset_s

    @rule(phone=phones)
    def fetch(self, phone: int) -> None:
        self.world.fetch(self.world.phones[phone])

    @rule(phone=phones, back=st.integers(0, 6), most=st.sampled_from((1, 3, 20)))
    def visit(self, phone: int, back: int, most: int) -> None:
        self.world.visit(self.world.phones[phone], max(1, self.world.device.next_event - back), most)

    @rule(phone=phones, which=st.integers(0, 5), keep=st.booleans(), split=st.integers(0, 9))
    def upload(self, phone: int, which: int, *, keep: bool, split: int) -> None:
        self.world.upload(self.world.phones[phone], which, keep=keep, split=split)

    @rule()
    def sync(self) -> None:
        self.world.drain()

    @invariant()
    def holds(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        self.world.drain()
        self.world.check()


# the same examples each time: `make simulate` is for new ones
Lockers.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


TestLockers = Lockers.TestCase


def test_a_provider_never_gets_a_token_of_a_locker_of_another() -> None:
    """Invariant 3, told as a story: Q waits until the tower has proved that P's token is dead."""
    scene = Scene()
    scene.dropoff_token(P, 60)
    rng = random.Random(1)
    for _ in range(50):
        scene.wait(rng.randrange(1, 86_400))
        assert scene.dropoff_token(8) is not None
    scene.push()
    scene.sync()
    assert scene.dropoff_token(8) is None
