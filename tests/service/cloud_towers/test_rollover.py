"""`cloud tower rotate-key`: a new key is queued, used once the tower has it, and the old one goes (11.1)."""

from functools import partial

import pytest

from openharbor.blink.events import KeyChanged
from openharbor.blink.packets import Packet
from openharbor.cloud.master_key import Vault
from openharbor.cloud.scope import INSTALLATION
from openharbor.cloud.towers import commands, rollover, store
from openharbor.cloud.towers.keys import opening_keys, sealing_key
from openharbor.cloud.towers.operator_commands import rotate_key
from openharbor.cloud.towers.rotations import EXPIRED, INSTALLED, LONGEST_LIFE_MS, REVOKED, SUNSET
from openharbor.cloud.towers.store import NewCommand
from openharbor.kit.database.face import Database
from openharbor.kit.errors import Failed

from .towers import EMPTY_TOWER, NOW, TOWER, audited, one, provisioned, rows


async def waiting(database: Database) -> list[NewCommand]:
    return await database.read(lambda tx: store.waiting_commands(INSTALLATION, tx, TOWER, 100))


async def told(database: Database) -> list[tuple[int, int]]:
    """What waits for the tower: packet type and rotation."""
    return [(command.packet_type, command.fields[43]) for command in await waiting(database)]


async def report(database: Database, rotation: int, action: int, now: int = NOW) -> None:
    event = KeyChanged(event_id=1, at=now // 1000, key_id=1, rotation=rotation, action=action, expires=0, valid=True)
    await database.write(partial(rollover.confirm, INSTALLATION, tower_id=TOWER, event=event, now=now))


async def states(database: Database) -> list[str]:
    return [row["state"] for row in await rows(database, "SELECT state FROM tower_keys ORDER BY rotation")]


async def sealing(database: Database) -> int:
    row = await one(database, "SELECT rotation FROM towers WHERE id = :id", id=TOWER)
    rotation: int = row["rotation"]
    return rotation


@pytest.fixture
async def tower(database: Database, vault: Vault) -> Database:
    await provisioned(database, vault)
    return database


async def test_the_new_key_is_queued_and_the_old_one_seals_until_it_is_confirmed(tower: Database, vault: Vault) -> None:
    assert await rotate_key(tower, vault, TOWER.upper(), now=NOW) == {
        "towerId": TOWER,
        "rotation": 2,
        "commandId": 1,
        "state": "installing",
    }
    assert await told(tower) == [(Packet.INSTALL_KEY, 2)]
    assert await sealing(tower) == 1
    assert await states(tower) == ["active", "installing"]


async def test_no_command_in_the_database_holds_the_key(tower: Database, vault: Vault) -> None:
    await rotate_key(tower, vault, TOWER, now=NOW)
    sealed = await one(tower, "SELECT sealed_root FROM tower_keys WHERE rotation = 2")
    fields = (await one(tower, "SELECT fields FROM tower_commands"))["fields"]
    assert vault.open(sealed["sealed_root"]).hex() not in fields
    (command,) = await waiting(tower)
    wired = commands.WireCommand(command.packet_type, command.fields)
    assert commands.complete(wired, now_s=0, root=b"k" * 32)[41] == b"k" * 32


async def test_batches_under_the_new_key_are_opened_before_it_is_confirmed(tower: Database, vault: Vault) -> None:
    await rotate_key(tower, vault, TOWER, now=NOW)
    assert sorted(await tower.read(lambda tx: opening_keys(INSTALLATION, tx, vault, TOWER))) == [1, 2]


async def test_a_confirmed_key_seals_and_the_old_one_is_sunset(tower: Database, vault: Vault) -> None:
    await rotate_key(tower, vault, TOWER, now=NOW)
    await report(tower, 2, INSTALLED)
    assert await sealing(tower) == 2
    assert await told(tower) == [(Packet.INSTALL_KEY, 2), (Packet.SUNSET_KEY, 1)]


async def test_the_same_report_again_queues_nothing_more(tower: Database, vault: Vault) -> None:
    await rotate_key(tower, vault, TOWER, now=NOW)
    for _ in range(3):
        await report(tower, 2, INSTALLED)
    assert len(await waiting(tower)) == 2


@pytest.mark.parametrize("ending", [SUNSET, EXPIRED])
async def test_the_old_key_is_revoked_31_days_after_its_sunset(tower: Database, vault: Vault, ending: int) -> None:
    await rotate_key(tower, vault, TOWER, now=NOW)
    await report(tower, 2, INSTALLED)
    await report(tower, 1, ending)
    assert await states(tower) == ["sunset", "active"]
    due = partial(rollover.queue_due_steps, INSTALLATION, tower_id=TOWER)
    assert await tower.write(partial(due, now=NOW + LONGEST_LIFE_MS - 1)) == 0
    assert await tower.write(partial(due, now=NOW + LONGEST_LIFE_MS)) == 1
    assert await tower.write(partial(due, now=NOW + LONGEST_LIFE_MS)) == 0
    assert (await told(tower))[-1] == (Packet.REVOKE_KEY, 1)
    await report(tower, 1, REVOKED)
    assert await states(tower) == ["revoked", "active"]


async def test_a_revoked_key_is_erased_and_opens_nothing(tower: Database, vault: Vault) -> None:
    await rotate_key(tower, vault, TOWER, now=NOW)
    await report(tower, 2, INSTALLED)
    await report(tower, 1, REVOKED)
    row = await one(tower, "SELECT sealed_root FROM tower_keys WHERE rotation = 1")
    assert row["sealed_root"] is None
    assert list(await tower.read(lambda tx: opening_keys(INSTALLATION, tx, vault, TOWER))) == [2]
    with pytest.raises(LookupError, match="no key of rotation 1"):
        await tower.read(lambda tx: sealing_key(INSTALLATION, tx, vault, TOWER, 1))


async def test_reports_of_unknown_keys_change_nothing(tower: Database) -> None:
    await report(tower, 9, INSTALLED)
    assert (await states(tower), await sealing(tower)) == (["active"], 1)


async def test_one_rollover_at_a_time(tower: Database, vault: Vault) -> None:
    await rotate_key(tower, vault, TOWER, now=NOW)
    with pytest.raises(Failed, match="Rotation 2 waits"):
        await rotate_key(tower, vault, TOWER, now=NOW)
    assert (await audited(tower))[-2:] == [
        ("tower.rotate_key", "queued"),
        ("tower.rotate_key", "ROLLOVER_UNDER_WAY"),
    ]


@pytest.mark.parametrize(("tower_id", "words"), [(EMPTY_TOWER, "no key yet"), ("0100000000000099", "no tower")])
async def test_a_tower_without_a_key_is_told(database: Database, vault: Vault, tower_id: str, words: str) -> None:
    with pytest.raises(Failed, match=words):
        await rotate_key(database, vault, tower_id, now=NOW)
