"""The phone's client of the SDK API over real HTTP (sdk.yaml; blink-protocol.md F-17)."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

import pytest

from openharbor.blink.phone_session import Credentials
from openharbor.kit.errors import Failed
from openharbor.phone import sdk_api
from openharbor.phone.errors import ApiError
from openharbor.phone.sdk_api import CommandPacket, EventPacket, SdkApi

from .small_cloud import CUT, HurriedClock, SmallCloud, answer, small_cloud

TOWER = bytes.fromhex("01000000000000ab")
PATH = "/sdk/v1/towers/01000000000000AB"
SEED, AUTH, PAYLOAD = bytes(range(32)), bytes(range(33)), bytes(range(200, 240))
SESSION_TOKEN = {
    "payload": PAYLOAD.hex(),
    "payload_auth": AUTH.hex(),
    "session_seed": SEED.hex(),
    "tower_id": TOWER.hex(),
}
COMMANDS = [
    {
        "towerId": TOWER.hex(),
        "syncCommandStart": start,
        "syncCommandCount": 2,
        "payload": PAYLOAD.hex(),
        "payloadAuth": AUTH.hex(),
    }
    for start in (4, 6)
]
CONFIGURATION = {"towerId": TOWER.hex(), "commands": ["a10118fa", "a10137"]}
EVENTS = EventPacket(start=12, count=3, payload=PAYLOAD, auth=AUTH)
TOKEN = "eyJhbGciOiJFZERTQSJ9.ZXllcw.c2VjcmV0"  # shaped as a token is


async def session(api: SdkApi) -> Credentials:
    return await api.session_token(TOWER, duration=600, claims=("locker_delivery",), firmware="1.4.2")


CALLS: dict[str, tuple[Callable[[SdkApi], Awaitable[object]], object]] = {
    "session_token": (session, SESSION_TOKEN),
    "configuration": (lambda api: api.configuration(TOWER), CONFIGURATION),
    "commands": (lambda api: api.commands(TOWER), COMMANDS),
    "upload": (lambda api: api.upload(TOWER, [EVENTS]), {"msg": "Events received"}),
    "reset_events": (lambda api: api.reset_events(TOWER, "Board replaced"), {"id": TOWER.hex()}),
    "services": (lambda api: api.services(), [{"name": "Harbor Tower", "uuid": "6E400001"}]),
    "sign_in": (lambda api: api.sign_in("a@example.com", "horse"), {"access_token": TOKEN, "token_type": "Bearer"}),
}


@asynccontextmanager
async def asking(*answers: bytes, token: str = TOKEN, below: str = "") -> AsyncIterator[tuple[SmallCloud, SdkApi]]:
    """A cloud with these answers, and a phone that asks it."""
    async with small_cloud(*answers) as cloud:
        api = SdkApi(cloud.url + below, token, clock=cloud.clock)
        try:
            yield cloud, api
        finally:
            await api.close()


# What goes out and comes back -------------------------------------------------


async def test_a_session_token_is_asked_for_as_the_sdk_does_and_becomes_credentials() -> None:
    async with asking(answer(200, SESSION_TOKEN)) as (cloud, api):
        assert await session(api) == Credentials(PAYLOAD, AUTH, SEED)
    (one,) = cloud.asked
    assert (one.method, one.target) == ("POST", f"{PATH}/session-token")
    assert one.headers["authorization"] == f"Bearer {TOKEN}"
    assert one.json == {"duration": 600, "claims": ["locker_delivery"], "version": "1.4.2"}


async def test_a_tower_that_does_not_tell_its_firmware_is_asked_for_without_a_version() -> None:
    async with asking(answer(200, SESSION_TOKEN)) as (cloud, api):
        await api.session_token(TOWER, duration=1, claims=["owner", "technician"])
    assert cloud.asked[0].json == {"duration": 1, "claims": ["owner", "technician"]}


@pytest.mark.parametrize("below", ["", "/", "/sdk/v1", "/sdk/v1/"])
async def test_the_url_may_be_that_of_the_cloud_or_of_its_sdk_api(below: str) -> None:
    async with asking(answer(200, CONFIGURATION), below=below) as (cloud, api):
        assert await api.configuration(TOWER) == (bytes.fromhex("a10118fa"), bytes.fromhex("a10137"))
    assert cloud.asked[0].target == f"{PATH}/configuration"


async def test_command_packets_keep_their_order() -> None:
    async with asking(answer(200, COMMANDS)) as (cloud, api):
        found = await api.commands(TOWER)
    assert found == (CommandPacket(4, 2, PAYLOAD, AUTH), CommandPacket(6, 2, PAYLOAD, AUTH))
    assert (cloud.asked[0].method, cloud.asked[0].target) == ("GET", f"{PATH}/commands")


async def test_events_go_out_as_upper_case_hex() -> None:
    async with asking(answer(200, {"msg": "Events received"})) as (cloud, api):
        await api.upload(TOWER, [EVENTS, EventPacket(15, 0, PAYLOAD, AUTH)])
    (one,) = cloud.asked
    sealed = {"payload": PAYLOAD.hex().upper(), "payloadAuth": AUTH.hex().upper()}
    assert (one.method, one.target) == ("POST", f"{PATH}/events")
    assert one.json == [
        {"syncEventStart": 12, "syncEventCount": 3, **sealed},
        {"syncEventStart": 15, "syncEventCount": 0, **sealed},
    ]


async def test_a_restart_of_the_event_log_names_its_reason() -> None:
    async with asking(answer(200, {"id": TOWER.hex()})) as (cloud, api):
        await api.reset_events(TOWER, "Board replaced")
    assert (cloud.asked[0].target, cloud.asked[0].json) == (f"{PATH}/reset-events", {"reason": "Board replaced"})


async def test_services_are_their_uuids() -> None:
    async with asking(answer(200, [{"name": "Harbor Tower", "uuid": "6E400001-B5A3"}])) as (cloud, api):
        assert await api.services() == ["6E400001-B5A3"]
    assert cloud.asked[0].target == "/sdk/v1/services/"


async def test_who_signs_in_goes_on_with_the_token_and_sends_no_old_one_along() -> None:
    signed_in = {"access_token": "fresh", "token_type": "Bearer"}
    async with asking(answer(200, signed_in), answer(200, []), token="old") as (cloud, api):
        assert await api.sign_in("a@example.com", "correct horse & battery") == "fresh"
        await api.commands(TOWER)
    first, second = cloud.asked
    assert parse_qs(first.body.decode()) == {"username": ["a@example.com"], "password": ["correct horse & battery"]}
    assert first.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in first.headers
    assert second.headers["authorization"] == "Bearer fresh"


# Tries ------------------------------------------------------------------------


async def test_after_408_a_server_error_or_no_answer_it_is_asked_three_times_more_a_second_apart() -> None:
    async with asking(answer(408), answer(500), CUT, answer(200, CONFIGURATION)) as (cloud, api):
        assert len(await api.configuration(TOWER)) == 2
    assert [one.at for one in cloud.asked] == [0, 1, 2, 3]


async def test_an_upload_is_sent_again_word_for_word() -> None:
    async with asking(CUT, answer(200, {"msg": "Events received"})) as (cloud, api):
        await api.upload(TOWER, [EVENTS])
    assert cloud.asked[0].body == cloud.asked[1].body


async def test_the_fourth_failure_is_told() -> None:
    async with asking(answer(503, {"detail": "Service Unavailable"})) as (cloud, api):
        with pytest.raises(ApiError, match=r"503.*Service Unavailable") as caught:
            await api.commands(TOWER)
    assert (caught.value.code, len(cloud.asked)) == (503, 4)


async def test_a_cloud_that_never_answers_has_code_0() -> None:
    async with asking(CUT) as (cloud, api):
        with pytest.raises(ApiError, match="cannot be reached") as caught:
            await api.commands(TOWER)
    assert (caught.value.code, caught.value.name, len(cloud.asked)) == (0, "NO_ANSWER", 4)


async def test_a_cloud_that_is_away_has_code_0() -> None:
    clock = HurriedClock()
    async with small_cloud(CUT) as gone:
        url = gone.url
    api = SdkApi(url, TOKEN, clock=clock)
    with pytest.raises(ApiError, match="cannot be reached") as caught:
        await api.commands(TOWER)
    await api.close()
    assert (caught.value.code, clock.slept) == (0, [1, 1, 1])


REFUSALS: Sequence[tuple[int, object, str]] = (
    (400, {"detail": "Invalid event packet"}, "Invalid event packet"),
    (401, {"detail": "Could not validate credentials"}, "Could not validate credentials"),
    (403, {"detail": "Not enough permissions"}, "Not enough permissions"),
    (404, {"detail": "Tower not found"}, "Tower not found"),
    (413, {"detail": "Request Entity Too Large"}, "Request Entity Too Large"),
    (
        422,
        {
            "detail": [
                {"loc": ["body", 0, "payload"], "msg": "Not hex", "type": ""},
                {"loc": [], "msg": "B", "type": ""},
            ]
        },
        r"body\.0\.payload: Not hex; : B",
    ),
    (429, {"detail": "Too many failed sign-ins"}, "Too many failed sign-ins"),
    (409, b"<html>", "does not say why"),
)


@pytest.mark.parametrize(("status", "body", "text"), REFUSALS, ids=[str(one[0]) for one in REFUSALS])
async def test_a_refusal_is_told_with_its_status_and_reason_and_not_tried_again(
    status: int, body: object, text: str
) -> None:
    async with asking(answer(status, body)) as (cloud, api):
        with pytest.raises(ApiError, match=text) as caught:
            await api.upload(TOWER, [EVENTS])
    assert (caught.value.code, caught.value.domain, len(cloud.asked)) == (status, "api", 1)


async def test_a_long_or_ugly_reason_is_cut_to_one_short_line() -> None:
    async with asking(answer(400, {"detail": "a\nb\x1b[2J" + "x" * 5000})) as (_, api):
        with pytest.raises(ApiError) as caught:
            await api.commands(TOWER)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


# Answers that are none --------------------------------------------------------


WRONG: Sequence[tuple[str, object]] = (
    *((name, body) for name in CALLS for body in (None, 7, "text", [7], b"<html>", b"", b"\xff\xfe", {"detail": "?"})),
    *(("session_token", {**SESSION_TOKEN, name: wrong}) for name in SESSION_TOKEN for wrong in (None, 7, "zz", "")),
    ("session_token", {**SESSION_TOKEN, "session_seed": SEED.hex()[2:]}),
    ("session_token", {**SESSION_TOKEN, "payload_auth": AUTH.hex() + "00"}),
    ("session_token", {**SESSION_TOKEN, "tower_id": "0100000000000014"}),
    ("configuration", {**CONFIGURATION, "towerId": "0100000000000014"}),
    ("configuration", {**CONFIGURATION, "commands": ["a1", "no hex"]}),
    ("configuration", {**CONFIGURATION, "commands": [7]}),
    ("commands", [{**COMMANDS[0], "towerId": "0100000000000014"}]),
    ("commands", [{**COMMANDS[0], "payloadAuth": "00"}]),
    ("commands", [COMMANDS[0], {**COMMANDS[1], "syncCommandStart": "6"}]),
)


def fits(name: str, body: object) -> bool:
    """Any object will do as the tower that a restart of its log is answered with."""
    return name == "reset_events" and isinstance(body, dict)


@pytest.mark.parametrize(("name", "body"), [one for one in WRONG if not fits(*one)])
async def test_an_answer_of_another_shape_is_an_api_error(name: str, body: object) -> None:
    async with asking(answer(200, body)) as (cloud, api):
        with pytest.raises(ApiError) as caught:
            await CALLS[name][0](api)
    assert (caught.value.code, len(cloud.asked)) == (0, 1)
    assert SEED.hex()[2:] not in str(caught.value)
    assert PAYLOAD.hex() not in str(caught.value)


async def test_a_redirect_is_not_followed_and_the_token_goes_nowhere_else() -> None:
    async with small_cloud(answer(200, CONFIGURATION)) as elsewhere:
        async with asking(answer(302, b"", Location=elsewhere.url)) as (_, api):
            with pytest.raises(ApiError):
                await api.configuration(TOWER)
        assert elsewhere.asked == []


async def test_an_answer_without_an_end_is_given_up() -> None:
    content = b'"' + b"x" * (sdk_api.MOST_BYTES + 1)
    async with asking(answer(200, content)) as (_, api):
        with pytest.raises(ApiError, match=str(sdk_api.MOST_BYTES)):
            await api.configuration(TOWER)


@pytest.mark.parametrize(
    "url", ["", "lockers.example.com", "ftp://example.com", "http://", "http://a:b@c", "http://h?x=1", "http://h:x"]
)
def test_what_is_no_url_of_a_cloud_is_wrong_usage(url: str) -> None:
    with pytest.raises(Failed, match="must look like https://") as caught:
        SdkApi(url)
    assert caught.value.exit_code == 2


# Secrets ----------------------------------------------------------------------


@pytest.mark.parametrize("name", CALLS)
async def test_no_log_and_no_error_holds_a_token_a_password_a_seed_or_a_payload(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even where the cloud says what it was sent."""
    caplog.set_level(logging.DEBUG)
    call, good = CALLS[name]
    secrets = [TOKEN, "horse", SEED.hex(), PAYLOAD.hex(), PAYLOAD.hex().upper()]
    async with asking(answer(200, good), answer(400, {"detail": f"no: Bearer {TOKEN}"})) as (_, api):
        await call(api)
        with pytest.raises(ApiError) as caught:
            await call(api)
        shown = f"{caught.value!r} {caught.value} {api!r} {caplog.text}"
    assert [secret for secret in secrets if secret in shown] == []


def test_packets_and_credentials_are_shown_without_their_bytes() -> None:
    for one in (EVENTS, CommandPacket(4, 2, PAYLOAD, AUTH), Credentials(PAYLOAD, AUTH, SEED)):
        assert "\\x" not in repr(one)


async def test_calls_at_the_same_time_do_not_disturb_each_other() -> None:
    async with asking(answer(200, COMMANDS)) as (cloud, api):
        found: list[Any] = await asyncio.gather(*(api.commands(TOWER) for _ in range(8)))
    assert len({json.dumps([one.start for one in each]) for each in found}) == 1
    assert len(cloud.asked) == 8
