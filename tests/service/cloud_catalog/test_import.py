"""`openharbor cloud import` into a real database (catalog-file.md, "What an import does")."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from openharbor.cloud.catalog.import_catalog import import_file_command
from openharbor.cloud.catalog.import_file import Environment
from openharbor.cloud.examples import CATALOG
from openharbor.cloud.lockers.locker import Locker, Status
from openharbor.cloud.towers.fields_text import from_text
from openharbor.kit.clock import SteppedClock
from openharbor.kit.database.numbers import Numbers
from openharbor.kit.errors import Failed

from .room import HEAD, PRIVATE, Room, location, lockers, tower, tower_id

ONE = HEAD + location("one") + tower(1)
PLACE = "locations[1].towers[1].lockers[1]"
TABLES = ("organizations", "locker_types", "locations", "towers", "tower_organizations", "lockers", "tower_commands")


def counts(summary: dict[str, Any]) -> dict[str, tuple[int, int, int]]:
    """Created, changed, unchanged of each table that has any."""
    found = {name: one for name, one in summary.items() if isinstance(one, dict)}
    shown = {name: (one["created"], one["changed"], one["unchanged"]) for name, one in found.items()}
    return {name: one for name, one in shown.items() if any(one)}


async def everything(room: Room) -> dict[str, list[list[Any]]]:
    """All rows of the catalog."""
    rows: dict[str, list[list[Any]]] = {}
    for table in TABLES:
        names = await columns(room, table)
        found = await room.rows(f"SELECT * FROM {table}")
        rows[table] = sorted(([row[name] for name in names] for row in found), key=str)
    return rows


async def columns(room: Room, table: str) -> list[str]:
    from openharbor.cloud.tables import metadata

    return [column.name for column in metadata.tables[table].columns]


async def refusal(room: Room, text: str, environment: Environment = "sandbox") -> list[str]:
    """The faults, each on the line of its key or else of its table, without file and line; nothing was changed."""
    before = await everything(room)
    with pytest.raises(Failed) as failed:
        await room.load(text, environment)
    assert failed.value.exit_code == 1
    assert await everything(room) == before
    told = [fault.split(":", 2) for fault in str(failed.value).split("\n")]
    return [_on_its_line(text, int(line), fault.strip()) for _file, line, fault in told]


def _on_its_line(text: str, line: int, fault: str) -> str:
    key = fault.partition(": ")[0].rpartition(".")[2]
    assert text.split("\n")[line - 1].startswith((f"{key} = ", "[[")), (line, fault)
    return fault


async def commands(room: Room) -> list[tuple[int, int, int, int, int]]:
    """Number of the command, then locker number, type, port and sensor of each CONFIGURE_LOCKER."""
    rows = await room.rows("SELECT * FROM tower_commands ORDER BY command_id")
    assert {row["packet_type"] for row in rows} <= {102}
    fields = [(row["command_id"], from_text(row["fields"])) for row in rows]
    return [(number, one[70], one[71], one[72], one[246]) for number, one in fields]


async def test_the_shipped_example_can_be_imported(room: Room) -> None:
    summary = await room.load(CATALOG.read_text(encoding="utf-8"))
    assert counts(summary) == {
        "organizations": (2, 0, 0),
        "lockerTypes": (3, 0, 0),
        "locations": (1, 0, 0),
        "towers": (2, 0, 0),
        "lockers": (20, 0, 0),
    }
    shown = await room.body("/towers/0100000000000014/lockers")
    assert {(one["type"]["name"], one["isLowLocker"]) for one in shown} == {
        (size, low) for size in ("small", "medium", "large") for low in (False, True)
    }
    assert [one["name"] for one in shown if one["id"] == 959] == ["14"]


async def test_the_same_file_twice_changes_nothing(room: Room) -> None:
    text = CATALOG.read_text(encoding="utf-8")
    await room.load(text)
    before = await everything(room)
    summary = await room.load(text)
    assert counts(summary) == {
        "organizations": (0, 0, 2),
        "lockerTypes": (0, 0, 3),
        "locations": (0, 0, 1),
        "towers": (0, 0, 2),
        "lockers": (0, 0, 20),
    }
    assert await everything(room) == before


async def test_what_differs_is_changed_and_found_again_by_its_key(room: Room) -> None:
    await room.load(ONE + lockers("1-2"))
    ids = [(await room.locker(number))["id"] for number in (1, 2)]
    text = (
        HEAD.replace("Acme Parcels", "Acme").replace("Letters", "Cards")
        + location("one", 'notes = "New"')
        + tower(1, 'description = "Moved"', PRIVATE)
        + lockers("1", "small", 5, 'names = ["one"]', "low = true", 'door_sensor = "none"')
        + lockers("2", "large", 1)
    )
    assert counts(await room.load(text)) == {
        "organizations": (0, 1, 1),
        "lockerTypes": (0, 1, 1),
        "locations": (0, 1, 0),
        "towers": (0, 1, 0),
        "lockers": (0, 2, 0),
    }
    first, second = [await room.locker(number) for number in (1, 2)]
    assert [first["id"], second["id"]] == ids
    assert (first["name"], first["low"], first["port"], first["door_sensor"]) == ("one", 1, 5, "none")
    assert msgspec.json.decode(second["state"], type=Locker).type_id == second["type_id"] == 3


async def test_a_changed_list_of_organizations_alone_changes_the_tower(room: Room) -> None:
    both = PRIVATE.replace('"library"', '"acme", "library"')
    await room.load(HEAD + location("one") + tower(1, both))
    summary = await room.load(HEAD + location("one") + tower(1, PRIVATE))
    assert counts(summary)["towers"] == (0, 1, 0)
    assert [row["organization_id"] for row in await room.rows("SELECT * FROM tower_organizations")] == [2]


async def test_what_the_file_leaves_out_stays_and_is_named(room: Room) -> None:
    await room.load(HEAD + location("one") + tower(1) + lockers("1-2") + location("two") + tower(2) + lockers("1"))
    before = await everything(room)
    summary = await room.load(
        'format = "openharbor-catalog/1"\n' + location("one") + tower(1) + lockers("2", first_port=1)
    )
    assert {name: one["missing"] for name, one in summary.items() if isinstance(one, dict)} == {
        "organizations": ["acme", "library"],
        "lockerTypes": ["large", "small"],
        "locations": ["two"],
        "towers": [tower_id(2)],
        "lockers": [f"{tower_id(1)}/1"],
    }
    assert await everything(room) == before


async def test_a_file_may_build_on_what_an_earlier_one_brought(room: Room) -> None:
    await room.load(HEAD)
    summary = await room.load('format = "openharbor-catalog/1"\n' + location("one") + tower(1, PRIVATE) + lockers("1"))
    assert counts(summary) == {"locations": (1, 0, 0), "towers": (1, 0, 0), "lockers": (1, 0, 0)}


async def test_names_can_be_exchanged(room: Room) -> None:
    await room.load(ONE + lockers("1-2", "small", 0, 'names = ["a", "b"]'))
    exchanged = (
        HEAD.replace("Acme Parcels", "?").replace("Central Library", "Acme Parcels").replace("?", "Central Library")
    )
    exchanged = exchanged.replace('"large"', "?").replace('"small"', '"large"').replace("?", '"small"')
    await room.load(exchanged + location("one") + tower(1) + lockers("1-2", "large", 0, 'names = ["b", "a"]'))
    assert [(await room.locker(number))["name"] for number in (1, 2)] == ["b", "a"]
    assert [row["name"] for row in await room.rows("SELECT name FROM organizations ORDER BY id")] == [
        "Central Library",
        "Acme Parcels",
    ]


async def test_an_organization_that_a_command_made_is_taken_over_by_its_name(room: Room) -> None:
    await room.execute("INSERT INTO organizations (id, name, created_at) VALUES (70, 'Acme Parcels', 5)")
    assert counts(await room.load(HEAD))["organizations"] == (1, 1, 0)
    rows = await room.rows("SELECT id, key, created_at FROM organizations ORDER BY id")
    assert [(row["id"], row["key"]) for row in rows] == [(70, "acme"), (71, "library")]


async def test_an_import_leaves_an_audit_entry_also_when_it_is_refused(room: Room) -> None:
    await room.load(HEAD)
    await refusal(room, HEAD + location("one", "lat = 1"))
    rows = await room.rows("SELECT actor, action, outcome, details FROM audit ORDER BY id")
    assert {(row["actor"], row["action"]) for row in rows} == {("command line", "catalog import")}
    assert [(row["outcome"], msgspec.json.decode(row["details"])) for row in rows] == [
        ("done", {"organizations": 2, "lockerTypes": 2, "locations": 0, "towers": 0, "lockers": 0}),
        ("refused", {"faults": 1}),
    ]


async def test_of_two_imports_at_once_one_finds_what_the_other_brought(room: Room) -> None:
    text = CATALOG.read_text(encoding="utf-8")
    both = await asyncio.gather(room.load(text), room.load(text))
    assert sorted(counts(one)["lockers"] for one in both) == [(0, 0, 20), (20, 0, 0)]


# Ids --------------------------------------------------------------------


async def test_ids_are_given_by_the_file_or_drawn_and_never_drawn_again(room: Room) -> None:
    await room.load(HEAD + location("a") + location("b", "id = 2") + location("c") + location("d", "id = 54"))
    rows = await room.rows("SELECT key, id FROM locations ORDER BY key")
    assert [(row["key"], row["id"]) for row in rows] == [("a", 1), ("b", 2), ("c", 3), ("d", 54)]
    await room.load(HEAD + location("e"))
    assert (await room.rows("SELECT id FROM locations WHERE key = 'e'"))[0]["id"] == 55
    numbers = Numbers(room.database)
    assert await numbers.next("locations") > 55
    assert await numbers.next("organizations") > 2


async def test_ids_that_others_drew_are_not_drawn_by_an_import(room: Room) -> None:
    drawn = await Numbers(room.database).next("organizations")
    await room.load(HEAD)
    assert drawn not in [row["id"] for row in await room.rows("SELECT id FROM organizations")]


async def test_an_id_never_changes_and_belongs_to_one(room: Room) -> None:
    await room.load(
        HEAD + location("one", "id = 54") + tower(1) + lockers("1", "small", 0, "id = 7") + lockers("2", first_port=1)
    )
    text = (
        HEAD
        + location("one", "id = 55")
        + tower(1)
        + lockers("1", "small", 0, "id = 8")
        + location("two", "id = 54")
        + tower(2)
        + lockers("1", "small", 0, "id = 7")
    )
    assert await refusal(room, text) == [
        "locations[1].id: must be 54 or left out: it never changes",
        "locations[1].towers[1].lockers[1].id: must be 7 or left out: it never changes",
        "locations[2].id: 54 is taken by the location one",
        f"locations[2].towers[1].lockers[1].id: 7 is taken by locker 1 of tower {tower_id(1)}",
    ]


# Towers in service ------------------------------------------------------


async def test_new_lockers_wait_for_their_tower_to_be_provisioned(room: Room) -> None:
    summary = await room.load(ONE + lockers("1"))
    row = await room.locker(1)
    state = msgspec.json.decode(row["state"], type=Locker)
    assert (row["status"], state.status) == (6, Status.OUT_OF_SERVICE)
    assert (state.locker_id, state.tower_id, state.number, state.type_id) == (row["id"], tower_id(1), 1, 1)
    assert summary["queuedCommands"] == 0
    assert await commands(room) == []


async def test_new_and_rewired_lockers_of_a_provisioned_tower_are_told_to_it(room: Room) -> None:
    await room.load(ONE + lockers("1-4"))
    await room.provision()
    text = (
        ONE
        + lockers("1", "small", 0, 'names = ["x"]', "low = true")
        + lockers("2", "large", 1)
        + lockers("3", "small", 7)
        + lockers("4", "small", 3, 'door_sensor = "inverted"')
        + lockers("5", "large", 4)
    )
    assert (await room.load(text))["queuedCommands"] == 4
    assert await commands(room) == [(1, 2, 3, 1, 0), (2, 3, 1, 7, 0), (3, 4, 1, 3, 1), (4, 5, 3, 4, 0)]
    assert (await room.rows("SELECT next_command FROM towers"))[0]["next_command"] == 5
    row = await room.locker(5)
    assert (row["status"], msgspec.json.decode(row["state"], type=Locker).status) == (1, Status.AVAILABLE)


async def test_a_port_that_changes_hands_is_taken_away_first(room: Room) -> None:
    await room.load(ONE + lockers("1-2"))
    await room.provision()
    await room.load(ONE + lockers("1", first_port=1) + lockers("2", first_port=0))
    assert await commands(room) == [(1, 1, 1, -1, 0), (2, 2, 1, -1, 0), (3, 1, 1, 1, 0), (4, 2, 1, 0, 0)]


@pytest.mark.parametrize("status", [Status.RESERVED, Status.RENTED, Status.OCCUPIED, Status.DECLINED])
async def test_a_locker_that_has_a_holder_keeps_its_port_type_and_sensor(room: Room, status: Status) -> None:
    await room.load(ONE + lockers("1"))
    await room.provision()
    await room.put(1, status)
    said = f"cannot change: locker 1 of tower {tower_id(1)} has a holder"
    assert await refusal(room, ONE + lockers("1", "large", 1, 'door_sensor = "none"')) == [
        f"{PLACE}.type: {said}",
        f"{PLACE}.first_port: {said}",
        f"{PLACE}.door_sensor: {said}",
    ]
    summary = await room.load(ONE + lockers("1", "small", 0, 'names = ["x"]', "low = true"))
    assert counts(summary)["lockers"] == (0, 1, 0)
    row = await room.locker(1)
    assert (row["status"], row["name"], row["low"], row["holder_id"]) == (int(status), "x", 1, 2)


async def test_a_reservation_that_is_over_holds_nothing_back(room: Room) -> None:
    await room.load(ONE + lockers("1"))
    await room.provision()
    await room.reserve(1, expires_at=room.clock.now())
    assert counts(await room.load(ONE + lockers("1", "large")))["lockers"] == (0, 1, 0)


# Refusals ---------------------------------------------------------------


async def test_a_port_or_name_of_a_locker_that_the_file_leaves_out_is_taken(room: Room) -> None:
    await room.load(ONE + lockers("1-2", "small", 0, 'names = ["a", "b"]'))
    assert await refusal(room, ONE + lockers("3", "small", 1, 'names = ["a"]')) == [
        "locations[1].towers[1].lockers[1].first_port: port 1 is taken by locker 2, which the file leaves out",
        "locations[1].towers[1].lockers[1].names: name a is taken by locker 1, which the file leaves out",
    ]


async def test_a_name_of_what_the_file_leaves_out_is_taken(room: Room) -> None:
    await room.load(HEAD)
    text = HEAD.replace('key = "library"', 'key = "books"').replace("id = 1\n", "id = 2\n")
    assert await refusal(room, text) == [
        "organizations[2].name: Central Library is the name of organization library already",
        "locker_types[2].name: small is the name of locker type 1 already",
    ]


async def test_a_type_that_the_file_renames_has_its_old_name_no_more(room: Room) -> None:
    await room.load(HEAD)
    text = HEAD.replace('name = "small"', 'name = "mini"') + location("one") + tower(1) + lockers("1")
    assert await refusal(room, text) == ["locations[1].towers[1].lockers[1].type: no locker type has the name small"]


async def test_a_faulty_file_tells_what_the_database_refuses_too(room: Room) -> None:
    await room.load(ONE + lockers("1"))
    await room.provision()
    await room.put(1, Status.OCCUPIED)
    assert await refusal(room, ONE.replace('"Acme Parcels"', "1") + lockers("1", first_port=1)) == [
        "organizations[1].name: must be 1 to 200 characters on one line",
        f"{PLACE}.first_port: cannot change: locker 1 of tower {tower_id(1)} has a holder",
    ]


async def test_towers_belong_to_the_environment_of_the_installation(room: Room) -> None:
    said = f"{tower_id(1)} is a tower of a sandbox (01…); this installation is set to production"
    assert await refusal(room, ONE, "production") == [f"locations[1].towers[1].id: {said}"]


# The command ------------------------------------------------------------


async def test_the_command_imports_a_file_by_the_url_of_a_database(database_url: str) -> None:
    summary = await asyncio.to_thread(import_file_command, database_url, CATALOG)
    assert counts(summary)["lockers"] == (20, 0, 0)


async def test_a_file_that_cannot_be_read_is_told(room: Room, tmp_path: Path) -> None:
    missing = tmp_path / "no.toml"
    with pytest.raises(Failed, match=r"no\.toml cannot be read: No such file"):
        await asyncio.to_thread(import_file_command, f"sqlite:///{tmp_path}/other.db", missing)
    assert SteppedClock().now() <= room.clock.now()
