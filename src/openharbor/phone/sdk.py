"""What an app calls: Harbor's mobile SDK in Python, under its names (`sendOpenLockerWithToken` and so on).

Calls raise what stands in `errors`, Rejected for fields that no tower takes, and Failed where a tower or a radio cannot
be reached.
"""

import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from openharbor.blink.cbor import Fields, decode
from openharbor.blink.packets import COMMANDS, Packet
from openharbor.blink.phone_session import Credentials, PhoneSession
from openharbor.blink.refusals import AUTH_NO_SESSION, AUTH_SESSION_ID, Rejected
from openharbor.kit.clock import Clock, SystemClock
from openharbor.kit.errors import Failed
from openharbor.phone import packet_log, session, wire
from openharbor.phone.errors import (
    NO_SESSION,
    NOT_CONNECTED,
    TOWER_NOT_FOUND,
    UNREADABLE,
    ApiError,
    FirmwareError,
    HarborError,
    SdkError,
)
from openharbor.phone.results import Configured
from openharbor.phone.sdk_api import SdkApi
from openharbor.phone.session import Connect, Link, Random, Session
from openharbor.phone.shelf import Shelf
from openharbor.phone.staff_commands import StaffCommands
from openharbor.phone.sync import Synced, sync
from openharbor.phone.transport import Found, Radio
from openharbor.phone.user_commands import UserCommands

DISCOVERY_S: Final = 10.0
DURATION_S: Final = 3600
CLOSING_S: Final = 60.0
DELIVERY: Final = ("locker_delivery",)
LOOK_EVERY_S: Final = 1.0
DOOR_UNREADABLE: Final = 301
GONE: Final = (AUTH_NO_SESSION, AUTH_SESSION_ID)


class HarborSdk(UserCommands, StaffCommands):
    """One phone. `auto_sync`: a session is synced when it begins and before it ends, as the SDK does."""

    def __init__(
        self,
        api: SdkApi,
        *,
        radio: Radio | None = None,
        shelf: Shelf | None = None,
        auto_sync: bool = True,
        clock: Clock | None = None,
        random: Random = secrets.token_bytes,
    ) -> None:
        self.api = api
        self.tower: Found | None = None
        self._radio, self._shelf, self._auto_sync = radio, shelf or Shelf(), auto_sync
        self._clock, self._random = clock or SystemClock(), random
        self._link: Link | None = None
        self._session: Session | None = None

    # -- towers

    def start_towers_discovery(self, seconds: float = DISCOVERY_S) -> AsyncIterator[Found]:
        """Towers around, each once, as they are heard."""
        if self._radio is None:
            raise SdkError(NOT_CONNECTED, "this phone has no radio")
        return self._radio.discover(seconds)

    async def connect_to_tower(self, address: str, discovery_timeout: float = DISCOVERY_S) -> Found:
        """`address`: a tower id of 16 hex digits, which is looked for by radio, or tcp://host:port."""
        if address.startswith(wire.SCHEME):
            return await self._connect(await wire.who_is(address), partial(wire.connect, address))
        return await self.connect_to_tower_with_identifier(bytes.fromhex(address), discovery_timeout)

    async def connect_to_tower_with_identifier(self, tower_id: bytes, discovery_timeout: float = DISCOVERY_S) -> Found:
        """The tower with this id, as soon as it is heard."""
        towers = self.start_towers_discovery(discovery_timeout)
        async for one in towers:
            if one.tower_id == tower_id and self._radio is not None:
                if isinstance(towers, AsyncGenerator):
                    await towers.aclose()  # the scan has to end before the connection begins
                return await self._connect(one, partial(self._radio.connect, one))
        raise SdkError(TOWER_NOT_FOUND, f"tower {tower_id.hex()} was not heard within {discovery_timeout:.0f} s")

    async def _connect(self, tower: Found, connect: Connect) -> Found:
        await self.disconnect()
        link = Link(connect, self._clock)
        await link.up()
        self.tower, self._link = tower, link
        kept = self._shelf.session(self.tower_id)
        self._session = None if kept is None else Session(link, kept, self._random)
        return tower

    async def disconnect(self) -> None:
        """Hangs up. The session goes on for a while: another connection, or another process with the shelf, has it."""
        if self._session is not None:
            self._remember(self._session)
        link, self._link, self._session = self._link, None, None
        if link is not None:
            await link.drop()

    @property
    def tower_id(self) -> bytes:
        """Of the tower that is connected. Raises SdkError."""
        if self.tower is None or self.tower.tower_id is None:
            raise SdkError(NOT_CONNECTED, "no tower is connected")
        return self.tower.tower_id

    @property
    def in_session(self) -> bool:
        return self._session is not None and not self._session.state.over

    # -- sessions

    async def send_request_session(
        self, claims: Sequence[str] = DELIVERY, duration: int = DURATION_S, *, sync_enabled: bool = True
    ) -> Synced | None:
        """A new session in place of an old one, and what its first sync came to. `duration`: s, for the server.

        The server's answer is used again for as long; a tower that refuses it gets a fresh one, once (F-11, F-12).
        """
        if self.in_session:
            with suppress(HarborError):
                await self.send_terminate_session()
        link = self._linked()
        state = await self._begun(link, tuple(claims), duration)
        self._session = Session(link, state, self._random)
        return await self.sync_connected_tower() if sync_enabled and self._auto_sync else None

    async def fetch_session_token(
        self, tower_id: bytes, claims: Sequence[str] = DELIVERY, duration: int = DURATION_S
    ) -> None:
        """Asks the server ahead for what opens a session, so that it can be opened where there is no network."""
        await self._fetched(tower_id, tuple(claims), duration)

    async def _begun(self, link: Link, claims: tuple[str, ...], duration: int) -> PhoneSession:
        kept = self._shelf.credentials(self.tower_id, claims, self._clock.now() // 1000)
        try:
            return await session.begin(link, kept or await self._fetched(self.tower_id, claims, duration), self._random)
        except FirmwareError as refused:
            try:
                fresh = await self._fetched(self.tower_id, claims, duration)
            except ApiError:
                # anybody on the link may have refused: without the cloud the phone keeps what may still be good
                raise refused from None
            return await session.begin(link, fresh, self._random)

    async def _fetched(self, tower_id: bytes, claims: tuple[str, ...], duration: int) -> Credentials:
        asked_at = self._clock.now() // 1000
        firmware = self.tower.firmware if self.tower is not None else ""
        credentials = await self.api.session_token(tower_id, duration=duration, claims=claims, firmware=firmware)
        self._shelf.keep_credentials(tower_id, claims, credentials, asked_at + duration)
        return credentials

    async def send_terminate_session(
        self, error_code: int = 0, error_message: str | None = None, *, sync_enabled: bool = True
    ) -> Synced | None:
        """Ends the session, after a sync; what that came to, None without one. A failed sync does not keep it alive.

        A tower that knows no such session any more has ended it, and its answer got lost.
        """
        synced: Synced | None = None
        if sync_enabled and self._auto_sync:
            with suppress(HarborError):
                synced = await self.sync_connected_tower()
        fields: Fields = {2: error_code}
        if error_message is not None:
            fields[3] = error_message
        try:
            await self.ask(Packet.TERMINATE_SESSION, fields)
        except FirmwareError as error:
            if error.code not in GONE:
                raise
        self.forget_session()
        return synced

    async def ask(self, packet: Packet, fields: Mapping[int, Any] | None = None) -> Fields:
        """One command in the session; the fields of its answer."""
        if self._session is None:
            raise SdkError(NO_SESSION, "there is no session with the tower: request one")
        session = self._session
        try:
            return await session.ask(packet, fields)
        finally:
            self._remember(session)

    def forget_session(self) -> None:
        """For a session that the tower does not know any more; that it says so proves nothing (14)."""
        self._session = None
        self._shelf.keep_session(self.tower_id, None)

    def _remember(self, session: Session) -> None:
        """On the shelf. What the tower did stays done where the shelf cannot be written."""
        try:
            self._shelf.keep_session(self.tower_id, session.state)
        except Failed as failed:
            packet_log.told("the session cannot be kept for later", reason=str(failed))

    def _linked(self) -> Link:
        if self._link is None:
            raise SdkError(NOT_CONNECTED, "no tower is connected")
        return self._link

    # -- what a visit is made of

    async def sync_connected_tower(self) -> Synced:
        """Brings the tower its commands and the cloud its events."""
        return await sync(self.ask, self.api, self.tower_id, self._shelf, self._clock)

    async def wait_for_closing(self, seconds: float = CLOSING_S) -> bool | None:
        """Whether the door that was opened last is shut again within that time; None: it cannot be read."""
        until = self._clock.monotonic() + seconds
        try:
            while await self.send_check_locker_door():
                if self._clock.monotonic() >= until:
                    return False
                await self._clock.sleep(LOOK_EVERY_S)
        except FirmwareError as error:
            if error.code == DOOR_UNREADABLE:
                return None
            raise
        return True

    async def download_tower_configuration(self) -> Configured:
        """Sends the tower its configuration; a technician's session is needed."""
        done, refused = 0, []
        for command in await self.api.configuration(self.tower_id):
            packet, fields = _command(command)
            try:
                await self.ask(packet, fields)
                done += 1
            except FirmwareError as error:
                if error.code in GONE:
                    raise
                refused.append(packet.name)
            except Rejected:  # what the tower would refuse is not sent
                refused.append(packet.name)
        return Configured(done, tuple(refused))

    async def close(self) -> None:
        """Hangs up, and leaves the cloud."""
        await self.disconnect()
        await self.api.close()


def _command(data: bytes) -> tuple[Packet, Fields]:
    """A plain command of the cloud. Raises SdkError for what is none."""
    try:
        fields = decode(data)
        packet = Packet(fields.pop(1, -1))
    except (Rejected, ValueError):
        packet, fields = Packet.ACK, {}
    if packet not in COMMANDS:
        raise SdkError(UNREADABLE, "the cloud sent a configuration that is none")
    return packet, fields
