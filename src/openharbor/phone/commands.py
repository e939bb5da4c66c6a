"""What `openharbor phone …` does: a mobile app, by hand. Its own state lasts from one command to the next."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from openharbor.blink.refusals import Rejected
from openharbor.kit.errors import WRONG_USAGE, Failed
from openharbor.phone import wire
from openharbor.phone.advice import exit_code, told
from openharbor.phone.errors import ApiError, FirmwareError, HarborError, SdkError
from openharbor.phone.results import DeviceInfo, DeviceStatus, Opened
from openharbor.phone.sdk import DURATION_S, GONE, HarborSdk
from openharbor.phone.sdk_api import SdkApi
from openharbor.phone.shelf import Shelf
from openharbor.phone.sync import Synced
from openharbor.phone.transport import Found, Radio

TOWER_ID_DIGITS: Final = 16
DELIVERY: Final = ("locker_delivery",)
SYNC: Final = ("sync_packet",)
STAFF: Final = ("technician",)

T = TypeVar("T")
Work = Callable[[HarborSdk], Coroutine[Any, Any, T]]


class Here(msgspec.Struct, frozen=True, kw_only=True):
    """Where a command works. `tower`: an id, or tcp://host:port. `state`: file of what lasts; None is the usual one."""

    tower: str
    api: str
    token: str
    bluetooth: str | None = None
    state: Path | None = None

    def __repr__(self) -> str:
        return f"Here(tower={self.tower!r})"


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """An opening that is wanted. `duration`: s, of the session's payload. `keep`: the session goes on, no waiting."""

    payload: bytes
    payload_auth: bytes
    claims: tuple[str, ...] = DELIVERY
    duration: int = DURATION_S
    wait: bool = True
    keep: bool = False

    def __repr__(self) -> str:
        return "Opening()"


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an opening. `closed` None: not waited for, or not to be seen. `failure`: of what came after it."""

    opened: Opened
    closed: bool | None = None
    synced: Synced | None = None
    ended: bool = False
    failure: str | None = None


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result. Raises Failed with one line for people and the exit code of cli.md."""
    try:
        return asyncio.run(work)
    except HarborError as error:
        raise Failed(told(error), exit_code(error)) from error
    except Rejected as error:
        raise Failed(f"this would be refused: {error.reason}", WRONG_USAGE) from error


def usual_state() -> Path:
    """The state file of this user."""
    given = os.environ.get("XDG_STATE_HOME")
    below = Path(given) if given and Path(given).is_absolute() else Path.home() / ".local" / "state"
    return below / "openharbor" / "phone.json"


def hexadecimal(flag: str, text: str) -> bytes:
    """Raises Failed without showing the text: it may be a token."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise Failed(f"{flag} must be hex digits, two for each byte", WRONG_USAGE) from None


@asynccontextmanager
async def phone(here: Here) -> AsyncIterator[HarborSdk]:
    """A phone that is connected to the tower, in the session that goes on, if there is one."""
    _check_tower(here.tower)
    async with AsyncExitStack() as stack:
        over_wire = here.tower.startswith(wire.SCHEME)
        radio = None if over_wire else await stack.enter_async_context(radio_of(here.bluetooth))
        shelf = Shelf(here.state or usual_state())
        sdk = HarborSdk(SdkApi(here.api, here.token), radio=radio, shelf=shelf)
        stack.push_async_callback(sdk.close)
        await sdk.connect_to_tower(here.tower)
        yield sdk


def _check_tower(tower: str) -> None:
    if tower.startswith(wire.SCHEME):
        wire.host_and_port(tower)
    elif len(tower) != TOWER_ID_DIGITS or not set(tower) <= set("0123456789abcdefABCDEF"):
        raise Failed(f"--tower {tower}: must be a tower id of 16 hex digits, or tcp://host:port", WRONG_USAGE)


@asynccontextmanager
async def radio_of(bluetooth: str | None) -> AsyncIterator[Radio]:
    """The system's Bluetooth, or the controller on a transport of bumble."""
    if bluetooth is None:
        from openharbor.phone.radio_bleak import BleakRadio

        yield BleakRadio()
        return
    from openharbor.phone.radio_bumble import BumbleRadio

    async with BumbleRadio(bluetooth) as radio:
        yield radio


async def scan(seconds: float, bluetooth: str | None, tower: str | None, heard: Callable[[Found], None]) -> list[Found]:
    """The towers around, each told as it is heard; or the one at tcp://host:port."""
    if tower is not None:
        found = [await wire.who_is(tower)]
        heard(found[0])
        return found
    found = []
    async with radio_of(bluetooth) as radio:
        async for one in radio.discover(seconds):
            heard(one)
            found.append(one)
    return found


@asynccontextmanager
async def in_session(sdk: HarborSdk, claims: Sequence[str], duration: int = DURATION_S) -> AsyncIterator[None]:
    """The session that goes on, which stays; or one that ends with the block."""
    if await still_lives(sdk):
        yield
        return
    await sdk.send_request_session(claims, duration)
    away = False
    try:
        yield
    except SdkError:
        away = True  # who does not answer is not asked to end the session either: it ends by itself
        raise
    finally:
        if sdk.in_session and not away:
            with suppress(HarborError):  # what was asked for is done, or its own error counts
                await sdk.send_terminate_session()


async def still_lives(sdk: HarborSdk) -> bool:
    """Whether the tower still knows the session of an earlier command."""
    if not sdk.in_session:
        return False
    try:
        await sdk.send_request_sync_status()
    except FirmwareError as error:
        if error.code not in GONE:
            raise
        sdk.forget_session()
        return False
    return True


async def at_tower(here: Here, work: Work[T]) -> T:
    """What comes of it on a phone that is connected."""
    async with phone(here) as sdk:
        return await work(sdk)


def within(claims: Sequence[str], work: Work[T]) -> Work[T]:
    """The same in the session that goes on, or in one of its own."""

    async def in_one(sdk: HarborSdk) -> T:
        async with in_session(sdk, claims):
            return await work(sdk)

    return in_one


async def sync(sdk: HarborSdk) -> Synced | None:
    """A sync; a session of its own begins with one, and needs no second at its end."""
    if await still_lives(sdk):
        return await sdk.sync_connected_tower()
    done = await sdk.send_request_session(SYNC)
    await sdk.send_terminate_session(sync_enabled=False)
    return done


def fell_short(done: Synced | None) -> Failed | None:
    """Why a sync was not all done, for who asked for nothing else."""
    if done is None or done.failure is None:
        return None
    error = ApiError(done.code, done.failure)
    return Failed(f"{told(error)}; {done.waiting} batches wait for the next sync", exit_code(error))


async def status(sdk: HarborSdk) -> tuple[DeviceInfo, DeviceStatus]:
    """What the tower says of itself."""
    return await sdk.send_get_device_info(), await sdk.send_read_device_status()


async def open_locker(sdk: HarborSdk, opening: Opening, opened: Callable[[Opened], None]) -> Visit:
    """Opens with a token, then watches the door, syncs and ends the session (14). `opened`: is told at once.

    Raises HarborError when it was not opened; what fails after the opening is told in the visit.
    """
    if not await still_lives(sdk):
        await sdk.send_request_session(opening.claims, opening.duration)
    what = await sdk.send_open_locker_with_token(opening.payload, opening.payload_auth)
    opened(what)
    if opening.keep:
        return Visit(opened=what)
    closed: bool | None = None
    try:
        if opening.wait and what.seen:
            closed = await sdk.wait_for_closing()
        synced = await sdk.send_terminate_session()
    except (HarborError, Failed) as error:
        failure = told(error) if isinstance(error, HarborError) else str(error)
        return Visit(opened=what, closed=closed, failure=failure)
    return Visit(opened=what, closed=closed, synced=synced, ended=True)
