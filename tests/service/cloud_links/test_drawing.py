"""Drawing tokens from a link (service-provider.yaml, create_locker_open_token; locker-states.md A7, A10)."""

from functools import partial
from typing import Any

from harness.cloud_rig import (
    ACME,
    FIRST_LOCKER,
    LINK_SECRET,
    LOCATION,
    ROOT_KEY,
    SMALL,
    TOWER,
    Reply,
    Rig,
    path,
    said_by,
)
from openharbor.blink.cbor import decode
from openharbor.blink.keys import derive
from openharbor.blink.payloads import OpenPayload, open_from
from openharbor.blink.sealing import unseal
from openharbor.cloud.links import link_tokens
from openharbor.kit.database.face import Transaction

ROOT = "/locker-open-requests"
DROPOFF, PICKUP = f"{ROOT}/dropoff-locker-request", f"{ROOT}/pickup-locker-request"


async def dropoff(cloud: Rig, **fields: Any) -> dict[str, Any]:
    made = await cloud.post(DROPOFF, {"locationId": LOCATION, "lockerTypeId": SMALL, **fields})
    assert made.status == 200
    body: dict[str, Any] = made.body
    return body


def set_status(tx: Transaction, status: str) -> None:
    tx.execute("UPDATE links SET status = :status", status=status)


async def draw(cloud: Rig, link: dict[str, Any]) -> Reply:
    return await cloud.post(f"{ROOT}/{link['id']}/tokens", by=link["linkToken"].rpartition("/")[2])


def opened(token: dict[str, Any]) -> OpenPayload:
    keys = {1: derive(ROOT_KEY, 1)}
    return open_from(decode(unseal(keys, bytes.fromhex(token["payload"]), bytes.fromhex(token["payload_auth"]), 512)))


async def test_a_token_of_a_dropoff_link_ends_with_the_hold_and_is_never_a_pickup(cloud: Rig) -> None:
    link = await dropoff(cloud, clientInfo="order-1", keypadIntent="pickup", persistKeypadCode=True)
    await cloud.clock.advance(100)
    drawn = await draw(cloud, link)
    assert drawn.status == 200
    assert drawn.body["expires"] == link["expires"]
    assert (drawn.body["tower_id"], drawn.body["locker"]["id"]) == (TOWER, FIRST_LOCKER)
    payload = opened(drawn.body)
    assert (payload.reuse, payload.expires, payload.token_id) == (False, 1_772_000_300, drawn.body["id"])
    code = (await cloud.rows("SELECT keypad_code FROM links"))[0]["keypad_code"]
    assert (payload.keypad_code, payload.keypad_persists) == (code, True)
    assert (await cloud.audited())[-1] == (f"link:{link['id']}", "create_locker_open_token", "A7")
    row = (await cloud.rows("SELECT link_id, client_info FROM open_tokens"))[0]
    assert (row["link_id"], row["client_info"]) == (link["id"], '"order-1"')


async def test_the_sdk_token_is_for_this_tower_and_lives_900_s_longer(cloud: Rig) -> None:
    link = await dropoff(cloud)
    said = said_by((await draw(cloud, link)).body["sdk_access_token"])
    assert said == {
        "sub": "acme",
        "scope": "tower_access",
        "exp": 1_772_000_300 + 900,
        "user_id": f"link-{link['id']}",
        "tower_id": TOWER,
        "organization_id": ACME,
    }


async def test_a_dropoff_link_gives_out_sixteen(cloud: Rig) -> None:
    link = await dropoff(cloud)
    tokens = [await draw(cloud, link) for _ in range(16)]
    assert {one.status for one in tokens} == {200}
    assert len({one.body["payload"] for one in tokens}) == 16
    refused = await draw(cloud, link)
    assert (refused.status, refused.body) == (409, {"detail": "Too many drop-off tokens"})


async def test_a_token_of_a_pickup_link_lives_300_s_and_never_longer_than_the_link(cloud: Rig) -> None:
    await cloud.post(f"{path()}/dropoff-locker-tokens", {})
    await cloud.drop_off(FIRST_LOCKER)
    link = (await cloud.post(PICKUP, {"lockerId": FIRST_LOCKER})).body
    assert (await draw(cloud, link)).body["expires"] == "2026-02-25T06:18:20.000Z"
    await cloud.clock.advance(30 * 86_400 - 10)
    assert (await draw(cloud, link)).body["expires"] == link["expires"]
    await cloud.clock.advance(10)
    assert (await draw(cloud, link)).body == {"detail": "Locker open request is expired"}
    assert (await cloud.get(f"{ROOT}/{link['id']}")).body["status"] == "expired"


async def test_a_link_that_is_over_gives_nothing(cloud: Rig) -> None:
    link = await dropoff(cloud)
    for status in ("completed", "cancelled", "expired"):
        await cloud.database.write(partial(set_status, status=status))
        refused = await draw(cloud, link)
        assert (refused.status, refused.body) == (409, {"detail": f"Locker open request is {status}"})
    other = await dropoff(cloud)
    await cloud.clock.advance(300)
    assert (await draw(cloud, other)).body == {"detail": "Locker open request is expired"}


async def test_a_link_token_is_good_for_its_own_link_alone(cloud: Rig) -> None:
    first, second = await dropoff(cloud), await dropoff(cloud)
    refused = await cloud.post(f"{ROOT}/{second['id']}/tokens", by=first["linkToken"].rpartition("/")[2])
    assert (refused.status, refused.body) == (404, {"detail": "Locker open request not found"})
    refused = await cloud.post(f"{ROOT}/{first['id']}/tokens", by="acme")
    assert refused.status == 401


async def test_a_signed_token_of_a_link_that_is_not_there_is_not_found(cloud: Rig) -> None:
    refused = await cloud.post(f"{ROOT}/77/tokens", by=link_tokens.make(LINK_SECRET, 77))
    assert (refused.status, refused.body) == (404, {"detail": "Locker open request not found"})
