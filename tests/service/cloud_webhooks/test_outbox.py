"""Events become deliveries in the unit of work that reports them: to whom, in which order, with what."""

import json

import pytest
from msgspec.structs import replace

from openharbor.cloud.scope import INSTALLATION
from openharbor.cloud.webhooks import outbox
from openharbor.kit.database.face import Row, Transaction
from service.cloud_webhooks.rig import ACME, LIBRARY, PRIVATE, RESERVED, SHOP, SYNCED, Rig

URL = "https://shop.example.com/hooks"


async def test_a_locker_s_event_goes_to_the_enabled_endpoints_of_its_organization(rig: Rig) -> None:
    own = {await rig.endpoint(URL), await rig.endpoint(URL)}
    await rig.endpoint(URL, organization=LIBRARY)
    disabled = await rig.endpoint(URL)
    await rig.run("UPDATE webhook_endpoints SET enabled = 0 WHERE id = :id", id=disabled)
    await rig.record(RESERVED)
    rows = await rig.deliveries()
    assert {row["endpoint_id"] for row in rows} == own
    assert {(row["status"], row["event"], row["source"]) for row in rows} == {
        ("pending", "LOCKER_ASSIGNED", "LOCKER_RESERVED")
    }


async def test_an_endpoint_gets_only_what_it_subscribed_to(rig: Rig) -> None:
    await rig.endpoint(URL, events=("LOCKER_RELEASED", "TOWER_SYNCED"))
    await rig.record(RESERVED, SYNCED)
    assert [row["event"] for row in await rig.deliveries()] == ["TOWER_SYNCED"]


async def test_an_event_without_a_holder_goes_to_every_organization_with_access_to_the_tower(rig: Rig) -> None:
    endpoints = {who: await rig.endpoint(URL, organization=who) for who in (ACME, LIBRARY, SHOP)}
    await rig.record(SYNCED)
    assert {row["endpoint_id"] for row in await rig.deliveries()} == set(endpoints.values())
    await rig.run("DELETE FROM webhook_deliveries")
    await rig.record(replace(SYNCED, tower_id=PRIVATE))
    assert [row["endpoint_id"] for row in await rig.deliveries()] == [endpoints[LIBRARY]]


async def test_events_of_one_locker_are_numbered_and_those_of_another_are_not_behind_them(rig: Rig) -> None:
    await rig.endpoint(URL)
    other = replace(RESERVED, locker_id=960)
    await rig.record(RESERVED, RESERVED, other, SYNCED)
    await rig.record(RESERVED)
    assert [(row["lane"], row["sequence"]) for row in await rig.deliveries()] == [
        ("locker:959", 1),
        ("locker:959", 2),
        ("locker:960", 1),
        (f"tower:{SYNCED.tower_id}", 1),
        ("locker:959", 3),
    ]


async def test_what_waits_behind_a_delivery_that_was_put_off_is_put_off_with_it(rig: Rig) -> None:
    await rig.endpoint(URL)
    await rig.record(RESERVED)
    later = rig.clock.now() + 300_000
    await rig.run("UPDATE webhook_deliveries SET next_attempt_at = :later", later=later)
    await rig.record(RESERVED, replace(RESERVED, locker_id=960))
    assert [row["next_attempt_at"] for row in await rig.deliveries()] == [later, later, rig.clock.now()]


async def test_a_link_s_payload_is_sent_as_it_was_given(rig: Rig) -> None:
    await rig.endpoint(URL)
    await rig.database.write(add_link)
    await rig.record(replace(RESERVED, source="LOCKER_OPEN_LINK_CREATED", link_id=56))
    data = json.loads((await rig.delivery())["body"])["data"]
    assert (data["locker_open_request_id"], data["locker_open_request_payload"]) == (56, {"extra": "data", "test": 123})


async def test_a_link_that_is_not_stored_is_a_defect(rig: Rig) -> None:
    await rig.endpoint(URL)
    with pytest.raises(LookupError, match="57"):
        await rig.record(replace(RESERVED, link_id=57))
    assert await rig.deliveries() == []


async def test_without_an_endpoint_nothing_but_one_look_is_made(rig: Rig) -> None:
    asked: list[str] = []

    def watched(tx: Transaction) -> None:
        notices = [replace(RESERVED, link_id=57), RESERVED]
        outbox.record(INSTALLATION, Watched(tx, asked), notices, recorded_at=0, new_id=rig.new_id)

    await rig.database.write(watched)
    assert len(asked) == 1
    assert asked[0].startswith("SELECT id, events FROM webhook_endpoints")


class Watched:
    """A transaction that keeps what it was asked."""

    def __init__(self, tx: Transaction, asked: list[str]) -> None:
        self._tx, self._asked = tx, asked
        self.execute, self.execute_many, self.one = tx.execute, tx.execute_many, tx.one

    def all(self, sql: str, /, **values: object) -> list[Row]:
        self._asked.append(sql)
        return self._tx.all(sql, **values)


def add_link(tx: Transaction) -> None:
    tx.execute(
        "INSERT INTO locker_types (id, name, display_name, width_mm, height_mm, depth_mm)"
        " VALUES (1, 'small', 'Small', 1, 1, 1)"
    )
    tx.execute(
        "INSERT INTO lockers (id, tower_id, number, name, type_id, low, port, door_sensor, state)"
        " VALUES (959, '0100000000000014', 1, '1', 1, 0, 1, 'none', '{}')"
    )
    tx.execute(
        "INSERT INTO links (id, organization_id, locker_id, tower_id, kind, status, created_at, expires_at,"
        " return_url, client_info, payload, persist_keypad_code, code_in_force)"
        " VALUES (56, 1, 959, '0100000000000014', 'dropoff', 'pending', 0, 1, '', '', :payload, 0, 0)",
        payload='{"extra":"data","test":123}',
    )
