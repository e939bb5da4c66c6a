"""Session tokens: what is sealed, for whom, with which claims (sdk.yaml; blink-protocol.md 13.1)."""

import hashlib

import httpx2
import pytest

from harness.cloud_rig import ACME, CLOSED_TOWER, TOWER
from openharbor.blink.permissions import claims_of

from .room import NEW_TOWER, NOWHERE, TEST_TOWER, Room, details, opened

USUAL = ("sync_packet", "locker_pickup", "locker_delivery")


def carried(answered: httpx2.Response) -> tuple[str, ...]:
    return claims_of(opened(answered)[26])


async def test_the_tower_finds_in_it_what_was_asked_for_and_the_phone_has_its_seed(cloud: Room) -> None:
    answered = await cloud.session("locker_delivery", duration=3600)
    assert answered.status_code == 200
    body, sealed, now_s = answered.json(), opened(answered), cloud.clock.now() // 1000
    assert set(body) == {"payload", "payload_auth", "session_seed", "tower_id"}
    assert body["tower_id"] == TOWER
    assert sealed == {
        1: 201,
        5: now_s,
        6: now_s + 3600 + 120,
        26: 4,
        27: hashlib.sha256(b"acme\0").digest()[:16],
        61: bytes.fromhex(TOWER),
        228: bytes.fromhex(body["session_seed"]),
    }
    assert len(sealed[228]) == 32
    assert body["payload"] == body["payload"].lower()


@pytest.mark.parametrize(
    ("asked", "lives_s"),
    [(1, 180), (59, 180), (60, 180), (61, 181), (86_280, 86_400), (86_281, 86_400), (86_400, 86_400)],
)
async def test_it_lives_for_what_was_asked_raised_to_60_cut_to_86280_and_120_more(
    cloud: Room, asked: int, lives_s: int
) -> None:
    sealed = opened(await cloud.session("sync_packet", duration=asked))
    assert sealed[6] - sealed[5] == lives_s


async def test_each_has_another_seed_and_another_iv(cloud: Room) -> None:
    made = [(await cloud.session("sync_packet")).json() for _ in range(2)]
    assert made[0]["session_seed"] != made[1]["session_seed"]
    assert made[0]["payload"][2:34] != made[1]["payload"][2:34]


async def test_the_same_end_user_is_always_the_same_for_the_tower_and_another_is_not(cloud: Room) -> None:
    ids = [opened(await cloud.session("sync_packet", token=cloud.of_end_user(one)))[27] for one in ("Ada", "Ada", "Bo")]
    assert ids[0] == ids[1] == hashlib.sha256(b"acme\0Ada").digest()[:16]
    assert ids[2] != ids[0]


async def test_who_asks_for_what_is_not_granted_gets_the_three_usual_claims_and_no_error(cloud: Room) -> None:
    assert carried(await cloud.session("developer")) == USUAL
    assert carried(await cloud.session("sync_packet", "owner")) == USUAL
    await cloud.allow("acme", "technician")
    assert carried(await cloud.session("technician")) == ("technician",)
    assert carried(await cloud.session("technician", "developer")) == USUAL


async def test_what_a_client_may_ask_for_counts_from_the_next_request_on(cloud: Room) -> None:
    await cloud.allow("acme", "owner", "developer")
    assert carried(await cloud.session("developer")) == ("developer",)
    assert carried(await cloud.session("developer", token=cloud.token("rival"))) == USUAL
    await cloud.allow("acme")
    assert carried(await cloud.session("developer")) == USUAL


async def test_staff_claims_are_given_to_end_users_at_towers_for_test_alone(cloud: Room) -> None:
    await cloud.allow("acme", "developer")
    ada = cloud.of_end_user()
    assert carried(await cloud.session("developer", token=ada)) == USUAL
    assert carried(await cloud.session("developer", token=ada, tower=TEST_TOWER)) == ("developer",)
    assert carried(await cloud.session("developer", token=cloud.of_link())) == USUAL
    assert carried(await cloud.session("owner", token=ada, tower=TEST_TOWER)) == USUAL  # Acme may not


async def test_a_private_tower_is_open_to_its_organizations_alone(cloud: Room) -> None:
    refused = await cloud.session("sync_packet", tower=CLOSED_TOWER)
    assert (refused.status_code, refused.json()) == (403, {"detail": "Not enough permissions"})
    assert (await cloud.session("sync_packet", tower=CLOSED_TOWER, token=cloud.token("rival"))).status_code == 200


async def test_a_token_from_a_link_is_good_for_the_tower_of_the_link_alone(cloud: Room) -> None:
    assert (await cloud.session("locker_pickup", token=cloud.of_link())).status_code == 200
    for other in (TEST_TOWER, NOWHERE):
        refused = await cloud.session("locker_pickup", token=cloud.of_link(), tower=other)
        assert (refused.status_code, refused.json()) == (403, {"detail": "Not enough permissions"})


@pytest.mark.parametrize("tower", [NOWHERE, NEW_TOWER])
async def test_a_tower_that_does_not_exist_or_has_no_key_yet_is_not_found(cloud: Room, tower: str) -> None:
    refused = await cloud.session("sync_packet", tower=tower)
    assert (refused.status_code, refused.json()) == (404, {"detail": "Tower not found"})


async def test_an_id_is_known_in_either_case_and_a_path_with_and_without_its_slash(cloud: Room) -> None:
    for path in (f"/towers/{CLOSED_TOWER.upper()}/session-token", "/towers/01000000000000BB/session-token/"):
        body = {"duration": 60, "claims": ["sync_packet"], "version": None, "unknown": 1}
        answered = await cloud.request("POST", path, token=cloud.token("rival"), json=body)
        assert answered.status_code == 200, answered.text
        assert answered.json()["tower_id"] == path.split("/")[2].lower()


async def test_it_is_sealed_with_the_newest_key_that_the_tower_has_confirmed(cloud: Room) -> None:
    await cloud.database.write(
        lambda tx: tx.execute("UPDATE tower_keys SET rotation = 2 WHERE tower_id = :id", id=TOWER)
    )
    await cloud.database.write(lambda tx: tx.execute("UPDATE towers SET rotation = 2 WHERE id = :id", id=TOWER))
    assert (await cloud.session("sync_packet")).json()["payload_auth"][:2] == "02"


@pytest.mark.parametrize(
    ("body", "loc", "msg", "kind"),
    [
        ({"claims": ["sync_packet"]}, ["body", "duration"], "Field required", "missing"),
        ({"duration": 60}, ["body", "claims"], "Field required", "missing"),
        (
            {"duration": 0, "claims": ["sync_packet"]},
            ["body", "duration"],
            "Input should be greater than or equal to 1",
            "greater_than_equal",
        ),
        (
            {"duration": 86_401, "claims": ["sync_packet"]},
            ["body", "duration"],
            "Input should be less than or equal to 86400",
            "less_than_equal",
        ),
        (
            {"duration": 60, "claims": ["everything"]},
            ["body", "claims", 0],
            "Input should be 'sync_packet', 'locker_pickup', 'locker_delivery', 'owner', 'technician' or 'developer'",
            "enum",
        ),
        (
            {"duration": 60, "claims": []},
            ["body", "claims"],
            "List should have at least 1 item after validation, not 0",
            "too_short",
        ),
        (
            {"duration": 60, "claims": ["owner", "owner"]},
            ["body", "claims"],
            "List should have no item twice",
            "unique_items",
        ),
        (
            {"duration": 60, "claims": ["owner"], "version": "1" * 33},
            ["body", "version"],
            "String should have at most 32 characters",
            "string_too_long",
        ),
    ],
)
async def test_a_body_that_is_not_valid_is_told_field_by_field(
    cloud: Room, body: object, loc: list[object], msg: str, kind: str
) -> None:
    refused = await cloud.post("session-token", body)
    assert (refused.status_code, refused.json()) == (422, {"detail": [{"loc": loc, "msg": msg, "type": kind}]})


@pytest.mark.parametrize("tower", ["0100", "x" * 16, "0" * 17])
async def test_an_id_that_is_none_is_told_with_the_pattern(cloud: Room, tower: str) -> None:
    refused = await cloud.session("sync_packet", tower=tower)
    fault = {
        "loc": ["path", "tower_id"],
        "msg": "String should match pattern '^[0-9A-Fa-f]{16}$'",
        "type": "string_pattern_mismatch",
    }
    assert (refused.status_code, refused.json()) == (422, {"detail": [fault]})


async def test_every_attempt_stands_in_the_audit_log_without_its_secrets(cloud: Room) -> None:
    made = (await cloud.session("developer", token=cloud.of_end_user())).json()
    await cloud.session("sync_packet", tower=CLOSED_TOWER)
    done, refused = await cloud.audited("create_session_token")
    assert (done["actor"], done["organization_id"], done["tower_id"], done["outcome"]) == (
        "client:acme",
        ACME,
        TOWER,
        "done",
    )
    assert details(done) == {
        "user": "Ada",
        "claims": list(USUAL),
        "expires": cloud.clock.now() // 1000 + 3720,
        "client": hashlib.sha256(b"acme\0Ada").hexdigest()[:32],
    }
    assert (refused["tower_id"], refused["outcome"]) == (CLOSED_TOWER, "Not enough permissions")
    assert made["session_seed"] not in str(await cloud.rows("SELECT * FROM audit"))
