"""Sign-in with e-mail address and password, and what its tokens are good for (sdk.yaml, login_access_token)."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from harness.cloud_rig import CLOSED_TOWER, TOWER
from openharbor.blink.permissions import claims_of
from openharbor.cloud.master_key import Vault
from openharbor.kit.clock import SteppedClock
from openharbor.kit.database.face import Database

from .room import NEW_TOWER, Room, details, opened, running

EMAIL, PASSWORD = "technician@example.com", "correct horse battery staple"
INCORRECT = (400, {"detail": "Incorrect email or password"})
FORBIDDEN = (403, {"detail": "Not enough permissions"})


def told(answered: Any) -> tuple[int, Any]:
    return answered.status_code, answered.json()


async def signed_in(cloud: Room) -> str:
    await cloud.operator(EMAIL, PASSWORD)
    answered = await cloud.sign_in(EMAIL, PASSWORD)
    assert answered.status_code == 200, answered.text
    assert answered.headers["cache-control"] == "no-store"
    body = answered.json()
    assert set(body) == {"access_token", "token_type"}
    assert body["token_type"] == "Bearer"
    return str(body["access_token"])


async def test_an_operator_s_token_is_good_for_every_tower_and_every_claim(cloud: Room) -> None:
    token = await signed_in(cloud)
    for tower in (TOWER, CLOSED_TOWER):
        made = await cloud.session("technician", "developer", tower=tower, token=token)
        assert claims_of(opened(made)[26]) == ("technician", "developer")
        assert (await cloud.get("configuration", tower=tower, token=token)).status_code == 200
    assert (await cloud.session("sync_packet", tower=NEW_TOWER, token=token)).status_code == 404
    entries = await cloud.audited("create_session_token")
    assert entries[0]["actor"] == f"operator:{EMAIL}"


async def test_an_operator_s_token_is_not_one_of_a_service_provider(cloud: Room) -> None:
    token = await signed_in(cloud)
    answered = await cloud.request("GET", "http://localhost/api/v1/locations", token=token)
    assert told(answered) == FORBIDDEN


async def test_an_operator_s_token_is_over_after_an_hour_and_with_the_operator(cloud: Room) -> None:
    token = await signed_in(cloud)
    await cloud.database.write(lambda tx: tx.execute("DELETE FROM operators"))
    assert told(await cloud.session("sync_packet", token=token)) == FORBIDDEN
    await cloud.clock.advance(3600)
    assert (await cloud.session("sync_packet", token=token)).status_code == 401


async def test_the_address_is_known_in_either_case(cloud: Room) -> None:
    await cloud.operator(EMAIL, PASSWORD)
    assert (await cloud.sign_in(f" {EMAIL.upper()} ", PASSWORD)).status_code == 200


async def test_a_wrong_password_and_an_unknown_person_are_told_alike(cloud: Room) -> None:
    await cloud.operator(EMAIL, PASSWORD)
    for username, password in (
        (EMAIL, f"{PASSWORD}!"),
        ("nobody@example.com", PASSWORD),
        ("no address", PASSWORD),
        ("nul\0@example.com", PASSWORD),
        (EMAIL, "x" * 1024),
    ):
        assert told(await cloud.sign_in(username, password)) == INCORRECT
    entries = await cloud.audited("login_access_token")
    assert {(one["actor"], one["outcome"]) for one in entries} == {(f"operator:{EMAIL}", "Incorrect email or password")}
    assert details(entries[0]) == {"address": "203.0.113.7"}


@pytest.mark.parametrize(
    ("form", "field", "msg", "kind"),
    [
        ({"username": EMAIL}, "password", "Field required", "missing"),
        ({"password": PASSWORD}, "username", "Field required", "missing"),
        ({"username": EMAIL, "password": ""}, "password", "Field required", "missing"),
        ({}, "username", "Field required", "missing"),
        (
            {"username": EMAIL, "password": "x" * 1025},
            "password",
            "String should have at most 1024 characters",
            "string_too_long",
        ),
    ],
)
async def test_a_form_that_is_not_valid_is_told_field_by_field(
    cloud: Room, form: dict[str, str], field: str, msg: str, kind: str
) -> None:
    refused = await cloud.request("POST", "/login/access-token/", data=form)
    assert told(refused) == (422, {"detail": [{"loc": ["body", field], "msg": msg, "type": kind}]})


@pytest.mark.slow
async def test_after_ten_failures_in_five_minutes_nobody_gets_in_from_there(cloud: Room) -> None:
    await cloud.operator(EMAIL, PASSWORD)
    for _ in range(10):
        assert told(await cloud.sign_in(EMAIL, "wrong")) == INCORRECT
    held_back = await cloud.sign_in(EMAIL, PASSWORD)
    assert told(held_back) == (429, {"detail": "Too many failed sign-ins"})
    assert 1 <= int(held_back.headers["retry-after"]) <= 300
    assert (await cloud.sign_in("other@example.com", "wrong")).status_code == 429
    assert (await cloud.sign_in(EMAIL, PASSWORD, address="198.51.100.4")).status_code == 200
    await cloud.clock.advance(300)
    assert (await cloud.sign_in(EMAIL, PASSWORD)).status_code == 200


@pytest.mark.slow
async def test_guesses_at_the_same_time_are_counted_too_and_wait_in_a_short_line(cloud: Room) -> None:
    await cloud.operator(EMAIL, PASSWORD)
    answered = await asyncio.gather(*(cloud.sign_in(EMAIL, f"guess {number}") for number in range(20)))
    statuses = Counter(one.status_code for one in answered)
    assert statuses == {400: 10, 429: 6, 503: 4}
    assert {one.headers["retry-after"] for one in answered if one.status_code == 503} == {"5"}
    assert (await cloud.sign_in(EMAIL, PASSWORD)).status_code == 429


async def test_where_it_is_turned_off_every_sign_in_fails(database: Database, vault: Vault) -> None:
    async with running(database, vault, SteppedClock(), password_sign_in=False) as cloud:
        await cloud.operator(EMAIL, PASSWORD)
        assert told(await cloud.sign_in(EMAIL, PASSWORD)) == INCORRECT
