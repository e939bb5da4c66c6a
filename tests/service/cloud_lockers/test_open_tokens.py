"""Open tokens over HTTP (service-provider.yaml; locker-states.md A2, A4, A7, A10, A13; blink-protocol.md 4.5, 13)."""

from typing import Any

import pytest
from msgspec.structs import replace

from harness.cloud_rig import ACME, FIRST_LOCKER, ROOT_KEY, TOWER, Rig, path
from openharbor.blink.cbor import decode
from openharbor.blink.keys import derive
from openharbor.blink.payloads import DROPOFF, RELEASE, OpenPayload, open_from
from openharbor.blink.sealing import unseal
from openharbor.cloud.lockers.locker import Locker, Status

DROPOFFS = f"{path()}/dropoff-locker-tokens"
PICKUPS = f"{path()}/pickup-locker-tokens"


def opened(token: dict[str, Any]) -> OpenPayload:
    """What the tower reads."""
    keys = {1: derive(ROOT_KEY, 1)}
    plain = unseal(keys, bytes.fromhex(token["payload"]), bytes.fromhex(token["payload_auth"]), 512)
    return open_from(decode(plain))


async def test_a_dropoff_token_is_answered_field_for_field_in_snake_case(cloud: Rig) -> None:
    made = await cloud.post(DROPOFFS, {"client_info": "order-1042", "duration": 3000})
    assert made.status == 200
    assert made.body == {
        "id": made.body["id"],
        "tower_id": TOWER,
        "locker": {
            "id": FIRST_LOCKER,
            "name": "1",
            "isLowLocker": False,
            "towerId": TOWER,
            "status": {"name": "rented", "id": 3},
            "type": {"name": "small", "description": None, "id": 1},
            "accessMode": "public",
        },
        "payload_auth": made.body["payload_auth"],
        "payload": made.body["payload"],
        "expires": "2026-02-25T07:03:20.000Z",
    }
    assert made.body["payload"] == made.body["payload"].lower()
    assert await cloud.events() == [(ACME, "LOCKER_OPERATION", "LOCKER_TOKEN_CREATED", "rented")]
    assert await cloud.audited() == [("client:acme", "create_dropoff_locker_token", "A2")]


async def test_the_tower_can_open_it_and_reads_what_was_promised(cloud: Rig) -> None:
    await cloud.clock.advance(0.9)  # issued and expiring times are whole seconds
    made = (await cloud.post(DROPOFFS, {"duration": 60})).body
    payload = opened(made)
    assert (payload.issued, payload.expires) == (1_772_000_000, 1_772_000_060)
    assert made["expires"] == "2026-02-25T06:14:20.000Z"
    assert (payload.token_id, payload.locker_number, payload.generation) == (made["id"], 1, 1)
    assert (payload.access_kind, payload.match_available, payload.reuse) == (DROPOFF, True, True)
    assert payload.tower_id.hex() == TOWER
    assert len(payload.locker_token) == 16


async def test_all_fields_have_defaults(cloud: Rig) -> None:
    made = await cloud.post(DROPOFFS, {})
    assert made.body["expires"] == "2026-02-25T07:13:20.000Z"
    row = (await cloud.rows("SELECT client_info, kind, settled FROM open_tokens"))[0]
    assert (row["client_info"], row["kind"], row["settled"]) == ('""', "dropoff", None)


async def test_tokens_of_one_assignment_share_its_generation_and_locker_token(cloud: Rig) -> None:
    tokens = [opened((await cloud.post(DROPOFFS, {})).body) for _ in range(2)]
    assert tokens[0].generation == tokens[1].generation == 1
    assert tokens[0].locker_token == tokens[1].locker_token
    assert tokens[1].match_available is None


async def test_only_the_holder_gets_a_token_for_a_locker_that_is_held(cloud: Rig) -> None:
    await cloud.post(f"{path()}/reservations", {"duration": 300}, by="rival")
    refused = await cloud.post(DROPOFFS, {})
    assert (refused.status, refused.body) == (409, {"detail": "Locker is not available"})
    assert (await cloud.post(DROPOFFS, {}, by="rival")).status == 200
    assert [outcome for _, _, outcome in await cloud.audited()] == ["A1", "Locker is not available", "A4"]


async def test_a_seventeenth_dropoff_token_of_one_assignment_is_refused(cloud: Rig) -> None:
    for _ in range(16):
        assert (await cloud.post(DROPOFFS, {})).status == 200
    refused = await cloud.post(DROPOFFS, {})
    assert (refused.status, refused.body) == (409, {"detail": "Too many drop-off tokens"})


async def test_nothing_is_minted_for_a_locker_out_of_service(cloud: Rig) -> None:
    await cloud.put(await cloud.locker(FIRST_LOCKER), lambda locker: replace(locker, status=Status.OUT_OF_SERVICE))
    for where in (DROPOFFS, f"{path()}/reservations"):
        refused = await cloud.post(where, {"duration": 300})
        assert (refused.status, refused.body) == (409, {"detail": "Locker is not available"})
    for where in (PICKUPS, f"{path()}/release-locker"):
        refused = await cloud.post(where, {})
        assert (refused.status, refused.body) == (409, {"detail": "Locker is not assigned"})


async def test_a_pickup_token_needs_an_occupied_locker_of_the_caller(cloud: Rig) -> None:
    refused = await cloud.post(PICKUPS, {})
    assert (refused.status, refused.body) == (409, {"detail": "Locker is not assigned"})
    await cloud.post(DROPOFFS, {})
    refused = await cloud.post(PICKUPS, {})
    assert (refused.status, refused.body) == (409, {"detail": "Locker is not occupied"})
    await cloud.drop_off(FIRST_LOCKER)
    refused = await cloud.post(PICKUPS, {}, by="rival")
    assert (refused.status, refused.body) == (409, {"detail": "Locker is not assigned"})
    made = await cloud.post(PICKUPS, {"duration": 60, "client_info": "recipient"})
    assert (made.status, made.body["locker"]["status"]) == (200, {"name": "occupied", "id": 4})
    payload = opened(made.body)
    assert payload.match_token == payload.locker_token


async def test_a_pickup_of_what_the_tower_reported_free_is_sealed_as_a_release(cloud: Rig) -> None:
    await cloud.post(DROPOFFS, {})
    await cloud.drop_off(FIRST_LOCKER)

    def reported_free(locker: Locker) -> Locker:
        return replace(locker, report=replace(locker.report, taken=False))

    await cloud.put(await cloud.locker(FIRST_LOCKER), reported_free)
    assert opened((await cloud.post(PICKUPS, {})).body).access_kind == RELEASE


async def test_a_declined_locker_is_rented_again_with_a_new_generation(cloud: Rig) -> None:
    await cloud.post(DROPOFFS, {})
    assert (await cloud.post(f"{path()}/release-locker", {})).body["status"]["name"] == "declined"
    assert opened((await cloud.post(DROPOFFS, {})).body).generation == 2


@pytest.mark.parametrize("kind", ["dropoff", "pickup"])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"duration": 0}, "Input should be greater than or equal to 1"),
        ({"duration": 2_592_001}, "Input should be less than or equal to 2592000"),
        ({"client_info": "é" * 250 + "x"}, "Value should have at most 500 bytes"),
        ({"client_info": None}, "Input should be a valid string"),
    ],
)
async def test_what_does_not_fit_is_told_by_field(cloud: Rig, kind: str, given: dict[str, Any], message: str) -> None:
    refused = await cloud.post(f"{path()}/{kind}-locker-tokens", given)
    assert refused.status == 422
    fault = refused.body["detail"][0]
    assert (fault["loc"], fault["msg"]) == (["body", *given], message)


async def test_client_info_has_500_bytes_of_any_characters(cloud: Rig) -> None:
    for text in ("é" * 250, "\0" * 500, "📦" * 125):
        assert (await cloud.post(DROPOFFS, {"client_info": text})).status == 200
        assigned = (await cloud.get("/users/me/assigned-lockers")).body
        assert assigned[0]["assignment"]["clientInfo"] == text


async def test_no_secret_of_a_token_is_shown_by_the_structs_that_carry_it() -> None:
    from openharbor.blink.sealing import Sealed
    from openharbor.cloud.lockers.messages import LockerToken
    from openharbor.cloud.lockers.open_tokens import Mint

    mint = Mint(
        tower_id=TOWER, locker_id=1, token_id=7, iv=b"i" * 16, duration_s=1, client_info="", locker_token="5ec2e7"
    )
    assert repr(mint) == "Mint(token_id=7)"
    assert Sealed(b"", b"")
    assert "payload" not in repr(LockerToken.__repr__(LockerToken(1, TOWER, None, "aa", "bb", "")))  # type: ignore[arg-type]  # not shown
