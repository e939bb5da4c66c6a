"""What is kept over a power cut: all of it, in one step, and nothing secret in plain (blink-protocol.md 12)."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from core.tower.desk import AT_MS, DRAWS, PACKETS, TOKENS, Desk, fixture_tower
from harness.flashes import store as store
from openharbor.blink.events import Accessed
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import ask
from openharbor.kit.database.sqlite import SqliteDatabase
from openharbor.kit.errors import Failed
from openharbor.tower import device, flash
from openharbor.tower.lockers import Take
from openharbor.tower.power_up import started
from openharbor.tower.state import Hardware, Opening, Tower


def kept(tower: Tower) -> dict[str, Any]:
    names = ("identity", "settings", "lockers", "last_command", "boot_count", "intent", "code_key")
    values = {name: getattr(tower, name) for name in names}
    log = replace(tower.log, pulled=0)
    counts = {"activity": tower.activity, "faults": tower.faults}
    return {**values, **counts, "keys": tower.keys, "log": log, "floor": tower.clock.floor}


async def saved(store: SqliteDatabase, before: Tower | None, after: Tower) -> Tower:
    await store.write(partial(flash.save, before=before, after=after))
    loaded = await store.read(flash.load)
    assert loaded is not None
    return loaded


def dump(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def token_frame(desk: Desk, token: str) -> bytes:
    fields = {9: bytes.fromhex(TOKENS[token]["payload"]), 10: bytes.fromhex(TOKENS[token]["payload_auth"])}
    return ask(desk.phones["A"], Packet.OPEN_LOCKER_WITH_TOKEN, fields, bytes(16)).frame


def busy_desk() -> Desk:
    desk = Desk()
    desk.only_session("A")
    return desk


async def test_a_new_file_holds_no_tower(store: SqliteDatabase) -> None:
    assert await store.read(flash.load) is None


async def test_everything_that_is_kept_comes_back(store: SqliteDatabase) -> None:
    desk = busy_desk()
    desk.use("A", "drop-off, locker 1")
    desk.say("A", Packet.SET_KEYPAD_CODE, {80: "482913", 81: True, 82: b"next", 83: False})
    desk.push("A", "install rotation 5, sunset rotation 2")
    assert kept(await saved(store, None, desk.tower)) == kept(desk.tower)


async def test_each_step_of_a_visit_is_stored_as_a_difference(store: SqliteDatabase) -> None:
    desk = busy_desk()
    stored = desk.tower
    await saved(store, None, stored)
    steps = (
        lambda: desk.use("A", "drop-off, locker 1"),
        lambda: desk.closes(1),
        lambda: desk.say("A", Packet.REVERT_LOCKER_STATE, {62: b""}),
        lambda: desk.push("A", "commands 7-9"),
        lambda: desk.use("A", "pick-up, locker 3"),
        lambda: desk.use("A", "pick-up, locker 3, newer generation"),
        lambda: desk.say("A", Packet.SYNC_PULL, {31: 1}),
        lambda: desk.advance(1000),
        lambda: desk.say("A", Packet.TERMINATE_SESSION, {2: 0}),
    )
    for step in steps:
        step()
        assert kept(await saved(store, stored, desk.tower)) == kept(desk.tower)
        stored = desk.tower


@pytest.mark.parametrize("name", list(PACKETS))
async def test_every_command_packet_is_stored_whole_with_its_counter(store: SqliteDatabase, name: str) -> None:
    desk = busy_desk()
    before = desk.tower
    await saved(store, None, before)
    desk.push("A", name)
    assert kept(await saved(store, before, desk.tower)) == kept(desk.tower)


async def test_what_is_counted_is_stored_with_the_next_thing_that_is(store: SqliteDatabase) -> None:
    desk = busy_desk()
    await saved(store, None, desk.tower)
    before, desk.tower = desk.tower, device.connected(desk.tower).tower
    assert not flash.differs(before, desk.tower), "counting costs no write"
    before = desk.tower
    desk.use("A", "drop-off, locker 1")
    assert (await saved(store, before, desk.tower)).activity == desk.tower.activity


async def test_counters_are_a_quarter_of_an_hour_old_at_most(store: SqliteDatabase) -> None:
    desk = busy_desk()
    before, desk.tower = desk.tower, device.connected(desk.tower).tower
    desk.advance(900)
    assert flash.differs(before, desk.tower)
    assert (await saved(store, None, desk.tower)).activity == desk.tower.activity


async def test_faults_that_are_not_over_are_stored(store: SqliteDatabase) -> None:
    desk = busy_desk()
    for at_ms in (AT_MS, AT_MS + 10_000):
        desk.take(device.board_seen(desk.tower, range(24), at_ms, reachable=False))
    assert desk.tower.faults.boards == {0: 1}
    assert (await saved(store, None, desk.tower)).faults == desk.tower.faults


async def test_an_intent_is_stored_before_the_pulse_and_gone_after_it(store: SqliteDatabase) -> None:
    desk = busy_desk()
    take = Take(b"token", 1, 101, b"session", 5)
    intended = replace(desk.tower, intent=Opening(number=1, reason=1, started=5, change=take, token_id=101))
    assert (await saved(store, None, intended)).intent == intended.intent
    assert (await saved(store, intended, replace(intended, intent=None))).intent is None


async def test_a_cut_at_any_step_of_an_opening_is_resolved_from_the_store(store: SqliteDatabase) -> None:
    desk = busy_desk()
    frame = token_frame(desk, "drop-off, locker 1")
    intended = device.received(desk.tower, frame, AT_MS, DRAWS).tower
    pulsed = device.fired(intended, "sent", AT_MS).tower
    opened = device.doors(pulsed, {0: True}, AT_MS + 100).tower
    stored: Tower | None = None
    for number, state in enumerate((desk.tower, intended, pulsed, opened)):
        loaded = await saved(store, stored, state)
        stored = state
        tower = started(loaded, Hardware(), wall_s=None, at_ms=0, challenge=bytes(8))
        events = [one for one in tower.log.events if isinstance(one, Accessed) and one.event_id > 12]
        assert tower.lockers[1].available == (number == 0)
        assert len(events) == (number > 0), "an accepted opening is never unlogged"
        assert tower.intent is None


async def test_a_revoked_key_is_gone_from_the_store(store: SqliteDatabase) -> None:
    desk = busy_desk()
    await saved(store, None, desk.tower)
    before = desk.tower
    desk.push("A", "revoke rotation 2")
    loaded = await saved(store, before, desk.tower)
    assert loaded.keys.rotations[2].root == b""
    assert 2 not in loaded.keys.ring.keys


async def test_a_code_is_nowhere_in_plain(store: SqliteDatabase, tmp_path: Path) -> None:
    desk = busy_desk()
    desk.use("A", "drop-off, locker 1")
    desk.say("A", Packet.SET_KEYPAD_CODE, {80: "4829135577", 81: False, 82: b"", 83: True})
    await saved(store, None, desk.tower)
    await store.close()
    assert b"4829135577" not in dump(tmp_path)


async def test_a_step_that_changes_nothing_that_is_kept_needs_no_write(store: SqliteDatabase) -> None:
    desk = busy_desk()
    before = desk.tower
    desk.say("A", Packet.FIND_AVAILABLE_LOCKERS)
    assert not flash.differs(before, desk.tower)
    desk.use("A", "drop-off, locker 1")
    assert flash.differs(before, desk.tower)


async def test_a_part_that_cannot_be_read_is_named_without_its_value(store: SqliteDatabase) -> None:
    await saved(store, None, fixture_tower())
    await store.write(lambda tx: tx.execute("UPDATE parts SET value = '{\"root\": \"c2VjcmV0\"' WHERE name = 'key:3'"))
    with pytest.raises(Failed, match="key:3") as caught:
        await store.read(flash.load)
    assert "c2Vj" not in str(caught.value)
