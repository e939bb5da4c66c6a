"""Any run of creates, releases and changes of service state agrees with a model of ten lines, in memory and on disk."""

import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from openharbor.gateway.allocation import Wish
from openharbor.gateway.journal import found_site, load_state
from openharbor.gateway.lockers import change_service_state
from openharbor.gateway.service_state import ServiceChange
from openharbor.gateway.site import Live, Locker, Transaction
from openharbor.gateway.site_file import SiteFile, read_site_file
from openharbor.gateway.site_state import free_by_type
from openharbor.gateway.trail import SYSTEM, every_entry
from openharbor.gateway.transactions import (
    AlreadyActive,
    Assigned,
    NewTransaction,
    create_transaction,
    release_transaction,
)
from openharbor.kit.audit import verify
from openharbor.kit.database.driver import connect
from openharbor.kit.database.transaction import SqliteTransaction
from openharbor.kit.errors import Refusal

NOW = 1_772_000_000_000
SITE = """
[[lockerTypes]]
slug = "small"
friendlyName = "Small"
widthMm = 1
heightMm = 1
depthMm = 1
[[bankTypes]]
friendlyName = "Bank"
associations = [
  { bankLockerNumber = 1, lockerType = "small" },
  { bankLockerNumber = 2, lockerType = "small" },
  { bankLockerNumber = 3, lockerType = "small" },
]
[[controllers]]
name = "A"
address = "virtual://a?locks=3"
bankTypeId = 1
"""
IDS = st.sampled_from(["a", "b", "c", "d"])
LOCKERS = st.integers(1, 4)
LIVE = {locker_id: Live(True, True, False, 0) for locker_id in range(1, 4)}


class Gateway(RuleBasedStateMachine):
    """`held`, `out`, `broken` (its door is not told, so it comes later) and `used` are the whole model."""

    database: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.connection = connect(Path(shutil.copy(self.database, self.folder / "gateway.db")))
        self.tx = SqliteTransaction(self.connection)
        self.now = NOW
        self.held: dict[str, int] = {}
        self.out: set[int] = set()
        self.broken: set[int] = set()
        self.used: dict[int, int] = {}

    @initialize()
    def found(self) -> None:
        made = read_site_file(SITE, gateway_id="gw", host_name="box", now=NOW)
        assert isinstance(made, SiteFile)
        self.state = found_site(self.tx, made.site, "x", NOW)

    @rule(transaction_id=IDS, low=st.booleans())
    def create(self, transaction_id: str, low: bool) -> None:
        self.now += 1
        free = [one for one in (1, 2, 3) if one not in self.out and one not in self.held.values()]
        asked = NewTransaction(transaction_id, Wish(require_low_locker=low))
        self.state, made = create_transaction(self.tx, self.state, asked, LIVE, SYSTEM, self.now)
        if transaction_id in self.held:
            assert isinstance(made, AlreadyActive)
            assert made.body.locker_id == self.held[transaction_id]
        elif low or not free:
            assert isinstance(made, Refusal)
        else:
            assert isinstance(made, Assigned)
            assert made.body.locker_id == min(free, key=lambda one: (one in self.broken, self.used.get(one, -1), one))
            self.held[transaction_id] = made.body.locker_id
            self.used[made.body.locker_id] = self.now

    @rule(transaction_id=IDS)
    def release(self, transaction_id: str) -> None:
        self.now += 1
        self.state, released = release_transaction(self.tx, self.state, transaction_id, SYSTEM, self.now)
        assert isinstance(released, Transaction) == (transaction_id in self.held)
        self.held.pop(transaction_id, None)

    @rule(locker_id=LOCKERS, out=st.none() | st.booleans(), broken=st.none() | st.booleans())
    def patch(self, locker_id: int, out: bool | None, broken: bool | None) -> None:
        self.now += 1
        change = ServiceChange(out, broken, "CLEANING" if out else None)
        self.state, changed = change_service_state(self.tx, self.state, locker_id, change, SYSTEM, self.now)
        assert isinstance(changed, Locker) == (locker_id < 4)
        if out is not None and locker_id < 4:
            self.out = self.out | {locker_id} if out else self.out - {locker_id}
        if broken is not None and locker_id < 4:
            self.broken = self.broken | {locker_id} if broken else self.broken - {locker_id}

    @invariant()
    def memory_agrees_with_the_model(self) -> None:
        site = self.state.site
        assert {one.transaction_id: one.locker_id for one in site.transactions.values()} == self.held
        assert {one.locker_id for one in site.lockers.values() if one.out_of_service} == self.out
        assert site.free == free_by_type(site.lockers.values())

    @invariant()
    def disk_agrees_with_memory(self) -> None:
        loaded = load_state(self.tx)
        assert loaded.head == self.state.head
        assert (loaded.site.lockers, loaded.site.transactions) == (
            self.state.site.lockers,
            self.state.site.transactions,
        )

    def teardown(self) -> None:
        assert verify(every_entry(self.tx)) is None
        self.connection.close()
        shutil.rmtree(self.folder)


def test_units_agree_with_the_model(empty_database: Path) -> None:
    Gateway.database = empty_database
    run_state_machine_as_test(Gateway, settings=settings(max_examples=40, stateful_step_count=20, deadline=None))
