"""A jam is an open intent until its door can no longer open late, power cut or not (blink-protocol.md 7.3, 12)."""

from pathlib import Path

from core.tower.desk import AT_MS, Desk
from openharbor.blink.events import CLOSED, DROPPED_OFF, PICKED_UP, Accessed
from openharbor.kit.database.driver import connect
from openharbor.kit.database.migrations import sqlite_url, upgrade
from openharbor.kit.database.transaction import SqliteTransaction
from openharbor.tower import device, flash, migrations
from openharbor.tower.power_up import started
from openharbor.tower.state import Hardware, Tower

DROP_OFF, PICK_UP = "drop-off, locker 1", "pick-up, locker 3"


def jammed(token: str, number: int) -> Tower:
    """A token whose lock stuck."""
    desk = Desk()
    desk.only_session("F")
    desk.jams.add(number)
    desk.use("F", token)
    assert number in desk.tower.late
    return desk.tower


def start(tower: Tower) -> Tower:
    return started(tower, Hardware(firmware="1.0.0"), wall_s=None, at_ms=0, challenge=bytes(8))


def accesses(tower: Tower, since: Tower) -> list[tuple[int, bool | None]]:
    events = [one for one in tower.log.events if one.event_id > since.log.last and isinstance(one, Accessed)]
    return [(one.reason, one.confirmed) for one in events if isinstance(one, Accessed)]


def test_a_drop_off_that_jammed_counts_if_its_door_is_found_open_after_a_power_cut() -> None:
    """Its courier may have pulled the door while the power was out, and the parcel is inside."""
    before = jammed(DROP_OFF, 1)
    after = device.doors(start(before), {before.lockers[1].port: True}, 400).tower
    assert not after.lockers[1].available
    assert accesses(after, before) == [(DROPPED_OFF, True)]
    shut = device.doors(after, {before.lockers[1].port: False}, 900).tower
    assert accesses(shut, after) == [(CLOSED, None)]


def test_one_whose_door_is_found_shut_did_not_happen() -> None:
    before = jammed(DROP_OFF, 1)
    after = device.doors(start(before), {before.lockers[1].port: False}, 400).tower
    after = device.ticked(after, 31_000).tower
    assert after.lockers[1].available
    assert not after.late


def test_a_pick_up_counts_as_not_done() -> None:
    before = jammed(PICK_UP, 3)
    after = device.doors(start(before), {before.lockers[3].port: True}, 400).tower
    assert not after.lockers[3].available
    assert accesses(after, before) == [(PICKED_UP, True)]


def test_what_may_still_open_late_is_kept_in_flash(tmp_path: Path) -> None:
    before, path = jammed(DROP_OFF, 1), tmp_path / "tower.db"
    upgrade(sqlite_url(path), migrations.FOLDER, migrations.HEAD)
    connection = connect(path)
    flash.save(SqliteTransaction(connection), None, before)
    loaded = flash.load(SqliteTransaction(connection))
    assert loaded is not None
    assert loaded.late == before.late
    over = device.ticked(before, AT_MS + 60_000).tower
    assert flash.differs(before, over)
    flash.save(SqliteTransaction(connection), before, over)
    loaded = flash.load(SqliteTransaction(connection))
    connection.close()
    assert loaded is not None
    assert not loaded.late
