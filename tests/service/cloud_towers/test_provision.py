"""`cloud tower provision`: the first key of a tower, and one for another board (provisioning-file.md)."""

import os
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from openharbor.blink.keys import derive
from openharbor.cloud.lockers.change import Change
from openharbor.cloud.lockers.locker import Assignment, Status, Token
from openharbor.cloud.master_key import Vault
from openharbor.cloud.scope import INSTALLATION
from openharbor.cloud.towers import commands
from openharbor.cloud.towers.keys import opening_keys, sealing_key
from openharbor.cloud.towers.operator_commands import provision
from openharbor.kit.database.face import Database, Transaction
from openharbor.kit.errors import Failed

from .towers import ACME, EMPTY_TOWER, NOW, TOWER, audited, change, locker, one, provision_in, rows

REASON = "flooded, and scrapped"


async def first(database: Database, vault: Vault, folder: Path) -> bytes:
    out = folder / "first.json"
    await provision(database, vault, TOWER, out, now=NOW)
    return out.read_bytes()


async def test_the_file_says_what_the_catalog_says(database: Database, vault: Vault, tmp_path: Path) -> None:
    file = provision_in(await first(database, vault, tmp_path))
    assert (file.tower_id, file.name, file.made_at) == (TOWER, "Bücherei am Nor", NOW // 1000)
    assert (file.key.rotation, file.key.expires) == (1, 0)
    assert (file.last_command, file.next_event, file.event_epoch) == (0, 1, 1)
    assert [(each.number, each.port, each.type, each.door_sensor) for each in file.lockers] == [
        (1, 0, 3, "normal"),
        (14, 13, 3, "inverted"),
        (16, -1, 3, "none"),
    ]
    assert not any(each.disabled or each.retired_generation for each in file.lockers)


async def test_the_file_is_for_its_owner_alone(database: Database, vault: Vault, tmp_path: Path) -> None:
    await first(database, vault, tmp_path)
    assert (tmp_path / "first.json").stat().st_mode & 0o777 == 0o600
    assert "first.json.unfinished" not in os.listdir(tmp_path)


async def test_the_lockers_are_in_service_and_the_key_seals_at_once(
    database: Database, vault: Vault, tmp_path: Path
) -> None:
    file = provision_in(await first(database, vault, tmp_path))
    assert [(await locker(database, number)).status for number in (1, 14, 16)] == [Status.AVAILABLE] * 3
    assert (await one(database, "SELECT rotation FROM towers WHERE id = :id", id=TOWER))["rotation"] == 1
    key = await database.read(lambda tx: sealing_key(INSTALLATION, tx, vault, TOWER, 1))
    assert key == derive(bytes.fromhex(file.key.root), 1)


async def test_the_key_is_sealed_in_the_database_and_in_no_output(
    database: Database, vault: Vault, tmp_path: Path
) -> None:
    told = await provision(database, vault, TOWER, tmp_path / "first.json", now=NOW)
    root = provision_in((tmp_path / "first.json").read_bytes()).key.root
    stored = await one(database, "SELECT sealed_root, state FROM tower_keys")
    assert vault.open(stored["sealed_root"]).hex() == root
    assert root not in repr(told)
    assert root not in (await one(database, "SELECT details FROM audit"))["details"]
    assert told == {
        "towerId": TOWER,
        "file": str(tmp_path / "first.json"),
        "rotation": 1,
        "lockers": 3,
        "lastCommand": 0,
        "nextEvent": 1,
        "eventEpoch": 1,
    }


async def test_a_second_time_is_refused_and_changes_nothing(database: Database, vault: Vault, tmp_path: Path) -> None:
    await first(database, vault, tmp_path)
    before = await one(database, "SELECT sealed_root FROM tower_keys")
    with pytest.raises(Failed, match=r"provisioned already.*--replace"):
        await provision(database, vault, TOWER, tmp_path / "again.json", now=NOW)
    assert (await one(database, "SELECT sealed_root FROM tower_keys"))["sealed_root"] == before["sealed_root"]
    assert not (tmp_path / "again.json").exists()
    assert await audited(database) == [("tower.provision", "E8"), ("tower.provision", "ALREADY_PROVISIONED")]


async def test_an_existing_file_is_never_overwritten(database: Database, vault: Vault, tmp_path: Path) -> None:
    out = tmp_path / "precious.json"
    out.write_text("precious")
    with pytest.raises(Failed, match="never overwritten"):
        await provision(database, vault, TOWER, out, now=NOW)
    assert out.read_text() == "precious"
    assert await rows(database, "SELECT 1 AS one FROM tower_keys") == []


async def test_nothing_is_changed_when_the_file_cannot_be_written(
    database: Database, vault: Vault, tmp_path: Path
) -> None:
    with pytest.raises(Failed, match="nothing was changed"):
        await provision(database, vault, TOWER, tmp_path / "missing" / "file.json", now=NOW)
    assert await rows(database, "SELECT 1 AS one FROM tower_keys") == []
    assert (await locker(database, 1)).status is Status.OUT_OF_SERVICE


@pytest.mark.parametrize(
    ("tower", "reason", "words"),
    [
        ("0100000000000099", None, "no tower 0100000000000099"),
        (EMPTY_TOWER, None, "no lockers"),
        (TOWER, REASON, "no board yet"),
    ],
)
async def test_what_cannot_be_provisioned_is_told(
    database: Database, vault: Vault, tmp_path: Path, tower: str, reason: str | None, words: str
) -> None:
    with pytest.raises(Failed, match=words):
        await provision(database, vault, tower, tmp_path / "file.json", now=NOW, replace_reason=reason)
    assert os.listdir(tmp_path).count("file.json") == 0
    assert len(await audited(database)) == 1


async def test_two_lockers_on_one_port_are_told(database: Database, vault: Vault, tmp_path: Path) -> None:
    await database.write(lambda tx: tx.execute("UPDATE lockers SET port = 0 WHERE number = 14"))
    with pytest.raises(Failed, match=r"lockers\[1\].port"):
        await provision(database, vault, TOWER, tmp_path / "file.json", now=NOW)


async def test_the_id_may_be_given_in_upper_case(database: Database, vault: Vault, tmp_path: Path) -> None:
    await provision(database, vault, TOWER.upper(), tmp_path / "file.json", now=NOW)
    assert provision_in((tmp_path / "file.json").read_bytes()).tower_id == TOWER


async def worn(database: Database) -> None:
    """A tower that has worked for a while: locker 1 is rented, commands wait, events came."""
    token = Token(token_id=8, organization_id=ACME, kind="dropoff", generation=4, expires_s=NOW // 1000 + 900)
    held = Assignment(assignment_id=5, organization_id=ACME, since=NOW, locker_token="00" * 16)
    rented = replace(await locker(database, 1), status=Status.RENTED, assignment=held, tokens=(token,), generation=4)
    await change(database, Change(row="A2", locker=rented))
    await change(database, Change(row="-", locker=replace(await locker(database, 14), generation=7)))
    await database.write(
        lambda tx: commands.queue_next(INSTALLATION, tx, TOWER, [commands.mark_seen(2), commands.mark_seen(3)], NOW)
    )
    for event in (1, 2, 9):
        await database.write(partial(_store_event, event=event))


def _store_event(tx: Transaction, event: int) -> None:
    tx.execute(
        "INSERT INTO tower_events (tower_id, epoch, event_id, packet_type, fields, tower_time_s, received_at)"
        " VALUES (:tower, 1, :event, 29, '{}', 0, 0)",
        tower=TOWER,
        event=event,
    )


async def test_another_board_begins_where_the_old_one_was_left(
    database: Database, vault: Vault, tmp_path: Path
) -> None:
    old = provision_in(await first(database, vault, tmp_path))
    await worn(database)
    out = tmp_path / "second.json"
    await provision(database, vault, TOWER, out, now=NOW, replace_reason=REASON)
    file = provision_in(out.read_bytes())
    assert (file.key.rotation, file.last_command, file.next_event, file.event_epoch) == (2, 2, 10, 2)
    assert file.key.root != old.key.root
    assert [(each.number, each.retired_generation, each.disabled) for each in file.lockers] == [
        (1, 4, True),
        (14, 7, False),
        (16, 0, False),
    ]
    tower = await one(database, "SELECT rotation, next_event, epoch, next_command FROM towers WHERE id = :id", id=TOWER)
    assert tuple(tower[name] for name in ("rotation", "next_event", "epoch", "next_command")) == (2, 10, 2, 3)


async def test_the_old_boards_keys_are_gone_and_its_commands_done(
    database: Database, vault: Vault, tmp_path: Path
) -> None:
    await first(database, vault, tmp_path)
    await worn(database)
    await provision(database, vault, TOWER, tmp_path / "second.json", now=NOW, replace_reason=REASON)
    keys = await rows(database, "SELECT rotation, state, sealed_root FROM tower_keys ORDER BY rotation")
    assert [(row["rotation"], row["state"], row["sealed_root"] is None) for row in keys] == [
        (1, "revoked", True),
        (2, "active", False),
    ]
    assert await rows(database, "SELECT 1 AS one FROM tower_commands WHERE done_at IS NULL") == []
    assert list(await database.read(lambda tx: opening_keys(INSTALLATION, tx, vault, TOWER))) == [2]


async def test_the_holder_of_a_locker_is_told_and_the_reason_is_kept(
    database: Database, vault: Vault, tmp_path: Path
) -> None:
    await first(database, vault, tmp_path)
    await worn(database)
    await provision(database, vault, TOWER, tmp_path / "second.json", now=NOW, replace_reason=REASON)
    after = await locker(database, 1)
    assert (after.status, after.check_contents, after.tokens) == (Status.OUT_OF_SERVICE, True, ())
    noted = await one(database, "SELECT details FROM audit WHERE outcome = 'E7'")
    assert REASON in noted["details"]


@pytest.mark.parametrize("reason", ["", "  "])
async def test_replacing_needs_a_reason(database: Database, vault: Vault, tmp_path: Path, reason: str) -> None:
    await first(database, vault, tmp_path)
    with pytest.raises(Failed, match="needs a reason"):
        await provision(database, vault, TOWER, tmp_path / "second.json", now=NOW, replace_reason=reason)


async def test_a_leftover_of_an_attempt_that_was_cut_off_is_no_obstacle(
    database: Database, vault: Vault, tmp_path: Path
) -> None:
    leftover = tmp_path / "file.json.unfinished"
    leftover.write_text("half a f")
    await provision(database, vault, TOWER, tmp_path / "file.json", now=NOW)
    assert not leftover.exists()
    assert provision_in((tmp_path / "file.json").read_bytes()).tower_id == TOWER
