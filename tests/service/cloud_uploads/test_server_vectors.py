"""The `server` vectors through the whole unit of work (blink-protocol.md 13.4)."""

from functools import partial
from typing import Any

import pytest

from harness.blink_vectors import tower_id, unshown, vectors
from harness.cloud_rig import LOCATION, Rig, add_locker, add_tower
from openharbor.cloud.catalog.reading import TOWER_NOT_FOUND
from openharbor.cloud.master_key import Vault
from openharbor.cloud.scope import INSTALLATION
from openharbor.cloud.towers import event_store, store, uploads
from openharbor.cloud.towers.uploads import INVALID, EventPacket, Received
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Refusal

TOWER = tower_id().hex()
FIXTURE = vectors()["fixture"]
KNOWN = 4


def prepare(tx: Transaction, vault: Vault) -> None:
    """The fixture: rotations 1 to 3 known, 0 and 4 revoked, events 1 to 4 stored."""
    add_tower(tx, vault, TOWER, LOCATION)
    tx.execute("DELETE FROM tower_keys WHERE tower_id = :id", id=TOWER)
    for number, key in FIXTURE["keys"].items():
        sealed = vault.seal(bytes.fromhex(key["root"]))
        store.insert_key(INSTALLATION, tx, TOWER, int(number), key["state"], sealed, 0)
    store.set_rotation(INSTALLATION, tx, TOWER, FIXTURE["seal_with"])
    for number in FIXTURE["lockers"]:
        add_locker(tx, 7000 + int(number), TOWER, int(number))
    events = {row["map"]["30"]: unshown(row["map"]) for row in vectors()["events"][:KNOWN]}
    event_store.insert_events(INSTALLATION, tx, TOWER, 1, events, applied=range(1, KNOWN + 1), now=0)
    tx.execute("UPDATE towers SET next_event = :next WHERE id = :id", next=KNOWN + 1, id=TOWER)


@pytest.fixture
async def known(cloud: Rig) -> Rig:
    await cloud.database.write(partial(prepare, vault=cloud.vault))
    return cloud


async def upload(cloud: Rig, *items: dict[str, Any]) -> Received | Refusal:
    packets = [
        EventPacket(
            item["syncEventStart"],
            item["syncEventCount"],
            bytes.fromhex(item["payload"]),
            bytes.fromhex(item["payloadAuth"]),
        )
        for item in items
    ]
    unit = partial(
        uploads.take_in,
        INSTALLATION,
        packets=packets,
        vault=cloud.vault,
        tower_id=TOWER,
        attempt=cloud.attempt("upload_tower_events"),
    )
    return await cloud.database.write(unit)


async def stored(cloud: Rig) -> list[tuple[int, str]]:
    rows = await cloud.rows(
        "SELECT event_id, fields FROM tower_events WHERE tower_id = :id ORDER BY event_id", id=TOWER
    )
    return [(row["event_id"], row["fields"]) for row in rows]


def conflicts(received: Received) -> list[int | None]:
    """Of the events. The lockers of the vectors know nothing of the tokens, so other alarms may come too."""
    return [one.event_id for one in received.alarms if one.kind == "event_conflict"]


@pytest.mark.parametrize("row", vectors()["server"]["list"], ids=lambda row: row["id"])
async def test_an_upload_is_taken_as_the_vector_says(known: Rig, row: dict[str, Any]) -> None:
    before = await stored(known)
    received = await upload(known, row["item"])
    after = await stored(known)
    expected = row["expect"]
    if expected.startswith("refuse"):
        assert received == INVALID
        assert after == before
        (details,) = await known.rows("SELECT details FROM audit WHERE outcome = 'Invalid event packet'")
        assert expected.removeprefix("refuse: ") in details["details"]
        return
    assert isinstance(received, Received)
    assert after[:KNOWN] == before
    item = row["item"]
    if expected == "accept":
        end = item["syncEventStart"] + item["syncEventCount"]
        assert received.stored == len(after) - KNOWN
        assert (conflicts(received), [one for one, _ in after if one >= end]) == ([], [])
    elif expected == "accept: nothing new":
        assert (received.stored, conflicts(received), after) == (0, [], before)
    else:
        assert expected == "alarm: conflict"
        assert conflicts(received) == [item["syncEventStart"]]
        assert after == before
        assert ("client:acme", "tower.alarm", "event_conflict") in await known.audited()


async def test_one_refused_packet_keeps_the_whole_upload_out(known: Rig) -> None:
    rows = {row["id"]: row["item"] for row in vectors()["server"]["list"]}
    before = await stored(known)
    assert await upload(known, rows["S-01"], rows["S-08"]) == INVALID
    assert await stored(known) == before


async def test_all_accepted_vectors_together_are_one_log(known: Rig) -> None:
    rows = [row["item"] for row in vectors()["server"]["list"] if row["expect"].startswith("accept")]
    received = await upload(known, *rows)
    assert isinstance(received, Received)
    assert conflicts(received) == []
    assert [one for one, _ in await stored(known)][:12] == list(range(1, 13))
    log = await known.database.write(partial(event_store.lock_log, INSTALLATION, tower_id=TOWER))
    assert log is not None
    assert log.tower.next_event == 17


async def test_an_unknown_tower_is_a_404(cloud: Rig) -> None:
    assert await upload(cloud, vectors()["server"]["list"][0]["item"]) == TOWER_NOT_FOUND
