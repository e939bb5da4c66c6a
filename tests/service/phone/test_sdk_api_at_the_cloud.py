"""The phone's client of the SDK API at a cloud as it is served (sdk.yaml)."""

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from harness.clouds import PRIVATE_TOWER, TOWER, Client, Cloud, CloudDatabase, cloud, token
from harness.processes import openharbor
from openharbor.blink.cbor import decode
from openharbor.blink.packets import COMMANDS, Packet
from openharbor.phone.errors import ApiError
from openharbor.phone.sdk_api import EventPacket, SdkApi
from service.phone.conftest import copied

TOWER_ID, PRIVATE, NOWHERE = bytes.fromhex(TOWER), bytes.fromhex(PRIVATE_TOWER), bytes.fromhex("01000000000000ff")
EMAIL, PASSWORD = "technician@example.com", "correct horse battery staple"
FORGED = EventPacket(start=1, count=1, payload=secrets.token_bytes(64), auth=secrets.token_bytes(33))


@pytest.fixture(scope="module")
def served(made: CloudDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud in which these tests change nothing but its audit log."""
    directory = tmp_path_factory.mktemp("served")
    database = copied(made, directory / "cloud")
    openharbor("cloud", "operator", "create", *database.flags, EMAIL, "--password-stdin", stdin=f"{PASSWORD}\n")
    with cloud(database, directory / "cloud.log") as running:
        yield running


@asynccontextmanager
async def phone(served: Cloud, client: Client | None = None, *, access: str | None = None) -> AsyncIterator[SdkApi]:
    """With a token of Acme's, another client's, or this one."""
    if access is None:
        access = token(served.url, client or served.database.acme, "tower_access")
    api = SdkApi(served.url, access)
    try:
        yield api
    finally:
        await api.close()


async def test_a_session_token_is_given_for_a_tower_that_is_open_to_the_client(served: Cloud) -> None:
    async with phone(served) as api:
        first = await api.session_token(TOWER_ID, duration=600, claims=["locker_delivery"], firmware="1.4.2")
        second = await api.session_token(TOWER_ID, duration=600, claims=["developer"])
    assert first.seed != second.seed


async def test_the_configuration_is_commands_that_a_tower_knows(served: Cloud) -> None:
    async with phone(served) as api:
        found = [decode(one) for one in await api.configuration(TOWER_ID)]
    assert {Packet(one[1]) for one in found} <= COMMANDS.keys()
    assert Packet.CONFIGURE_LOCKER in {Packet(one[1]) for one in found}


async def test_services_and_commands_are_lists(served: Cloud) -> None:
    async with phone(served) as api:
        assert [one.upper() for one in await api.services()] == ["6E400001-B5A3-F393-E0A9-E50E24DCCA9E"]
        assert await api.commands(TOWER_ID) == ()


async def test_a_technician_signs_in_and_is_let_in_with_the_token(served: Cloud) -> None:
    async with phone(served, access="") as api:
        with pytest.raises(ApiError, match="Incorrect email or password") as caught:
            await api.sign_in(EMAIL, "guessed")
        assert caught.value.code == 400
        await api.sign_in(EMAIL, PASSWORD)
        await api.session_token(TOWER_ID, duration=60, claims=["technician"])


async def test_events_that_are_not_the_towers_are_refused(served: Cloud) -> None:
    async with phone(served) as api:
        with pytest.raises(ApiError, match="Invalid event packet") as caught:
            await api.upload(TOWER_ID, [FORGED])
    assert caught.value.code == 400


@pytest.mark.parametrize(
    ("access", "said"), [("", "Not authenticated"), ("a.b.c", "Could not validate credentials")], ids=["none", "wrong"]
)
async def test_who_has_no_good_token_is_401(served: Cloud, access: str, said: str) -> None:
    async with phone(served, access=access) as api:
        with pytest.raises(ApiError, match=said) as caught:
            await api.commands(TOWER_ID)
    assert caught.value.code == 401


async def test_what_is_not_open_to_the_client_is_403(served: Cloud) -> None:
    async with phone(served) as acme, phone(served, served.database.library) as library:
        with pytest.raises(ApiError, match="Not enough permissions") as caught:
            await acme.commands(PRIVATE)
        assert caught.value.code == 403
        with pytest.raises(ApiError, match="Not enough permissions"):
            await library.reset_events(TOWER_ID, "no technician")


async def test_a_tower_that_there_is_not_is_404(served: Cloud) -> None:
    async with phone(served) as api:
        for call in (api.commands, api.configuration):
            with pytest.raises(ApiError, match="Tower not found") as caught:
                await call(NOWHERE)
            assert caught.value.code == 404


async def test_a_field_that_does_not_fit_is_named_with_422(served: Cloud) -> None:
    async with phone(served) as api:
        with pytest.raises(ApiError, match=r"body\.duration: .*86400") as caught:
            await api.session_token(TOWER_ID, duration=86_401, claims=["owner"])
        assert caught.value.code == 422
        with pytest.raises(ApiError, match="body"):
            await api.upload(TOWER_ID, [])
