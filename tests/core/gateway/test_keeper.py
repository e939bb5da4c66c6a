"""The site in memory is what the journal says, as of the last commit."""

from functools import partial
from pathlib import Path

import pytest
from immutables import Map
from msgspec.structs import replace

from openharbor.gateway.examples import VIRTUAL
from openharbor.gateway.journal import found_site, load_state
from openharbor.gateway.keeper import Keeper
from openharbor.gateway.lockers import change_service_state
from openharbor.gateway.service_state import ServiceChange
from openharbor.gateway.site import Locker
from openharbor.gateway.site_file import SiteFile, read_site_file
from openharbor.gateway.trail import SYSTEM, State
from openharbor.kit.database.face import Transaction
from openharbor.kit.database.sqlite import SqliteDatabase
from openharbor.kit.errors import Failed

NOW = 1_772_000_000_000
CLEAN = ServiceChange(out_of_service=True, reason_code="CLEANING")


async def opened(path: Path) -> tuple[SqliteDatabase, Keeper]:
    keeper = Keeper()
    database = SqliteDatabase(path, observer=keeper, reserve_bytes=4096)
    made = read_site_file(VIRTUAL.read_text(), gateway_id="gw-1", host_name="host", now=NOW)
    assert isinstance(made, SiteFile)
    await database.write(partial(found_site, site=made.site, admin_password_hash="x", now=NOW))
    await keeper.open(database)
    return database, keeper


async def test_readers_get_a_change_after_the_commit(database_file: Path) -> None:
    database, keeper = await opened(database_file)
    before = keeper.site
    changed = await keeper.change(partial(change_service_state, locker_id=1, change=CLEAN, caller=SYSTEM, now=NOW))
    assert isinstance(changed, Locker)
    assert keeper.site.lockers[1] is changed
    assert before.lockers[1] is not changed
    await database.close()


async def test_a_unit_that_raises_changes_neither_the_site_nor_the_audit_log(database_file: Path) -> None:
    def fails(tx: Transaction, state: State) -> tuple[State, None]:
        change_service_state(tx, state, 1, CLEAN, SYSTEM, NOW)
        raise LookupError

    database, keeper = await opened(database_file)
    before = keeper.site
    with pytest.raises(LookupError):
        await keeper.change(fails)
    assert keeper.site is before
    state = await database.read(load_state)
    assert (state.site, state.head.last_id) == (before, 1)
    await keeper.change(partial(change_service_state, locker_id=2, change=CLEAN, caller=SYSTEM, now=NOW))
    assert (await database.read(load_state)).head.last_id == 2
    await database.close()


async def test_after_a_lost_commit_memory_is_read_again_from_disk(database_file: Path) -> None:
    def runs_ahead(tx: Transaction, state: State) -> tuple[State, None]:
        return replace(state, site=replace(state.site, lockers=Map())), None

    database, keeper = await opened(database_file)
    before = keeper.site
    await keeper.change(runs_ahead)
    assert not keeper.site.lockers
    await database.write(keeper.lost)
    assert keeper.site == before
    await database.close()


async def test_a_database_without_a_site_says_what_to_do(database_file: Path) -> None:
    database = SqliteDatabase(database_file, reserve_bytes=4096)
    with pytest.raises(Failed, match="gateway init"):
        await Keeper().open(database)
    await database.close()
