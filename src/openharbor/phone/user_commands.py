"""The commands of a user at a tower, under the names of Harbor's SDK (blink-protocol.md 7.4, 7.5)."""

from collections.abc import Mapping
from typing import Any, Protocol

from openharbor.blink.cbor import Fields
from openharbor.blink.packets import Packet
from openharbor.phone import results
from openharbor.phone.results import Opened, SyncEvents, SyncStatus

ANY_TYPE = -1


class Asks(Protocol):
    """What carries a command to the tower. Raises FirmwareError, SdkError."""

    async def ask(self, packet: Packet, fields: Mapping[int, Any] | None = None) -> Fields: ...


class UserCommands:
    """Raise FirmwareError when the tower refuses, SdkError when it cannot be asked."""

    async def send_request_sync_status(self: Asks) -> SyncStatus:
        fields = await self.ask(Packet.REQUEST_SYNC_STATUS)
        return SyncStatus(fields[31], fields[32], fields[33])

    async def send_sync_pull(self: Asks, start: int) -> SyncEvents:
        fields = await self.ask(Packet.SYNC_PULL, {31: start})
        return SyncEvents(fields[31], fields[32], fields[9], fields[10])

    async def send_sync_push(self: Asks, payload: bytes, payload_auth: bytes) -> None:
        await self.ask(Packet.SYNC_PUSH, {9: payload, 10: payload_auth})

    async def send_add_client_event(self: Asks, client_info: bytes) -> None:
        """`client_info`: at most 500 bytes."""
        await self.ask(Packet.ADD_CLIENT_EVENT, {62: client_info})

    async def send_find_available_lockers(self: Asks) -> dict[int, int]:
        """How many lockers are free, by type."""
        return results.found(await self.ask(Packet.FIND_AVAILABLE_LOCKERS))

    async def send_find_lockers_with_token(self: Asks, match_available: bool, match_token: bytes) -> dict[int, int]:
        """How many lockers hold the token, by type."""
        fields = {91: match_available, 90: match_token}
        return results.found(await self.ask(Packet.FIND_LOCKERS_WITH_TOKEN, fields))

    async def send_open_locker_with_token(self: Asks, payload: bytes, payload_auth: bytes) -> Opened:
        """Opens with a locker token of the delivery API."""
        return results.opened(await self.ask(Packet.OPEN_LOCKER_WITH_TOKEN, {9: payload, 10: payload_auth}))

    async def send_open_available_locker(
        self: Asks,
        match_locker_type: int = ANY_TYPE,
        match_available: bool = True,
        match_token: bytes | None = None,
        locker_token: bytes = b"",
        locker_available: bool = False,
        client_info: bytes = b"",
    ) -> Opened:
        """Opens the first locker that fits; staff only."""
        fields: Fields = {75: locker_token, 73: locker_available, 62: client_info, 91: match_available}
        if match_locker_type >= 0:
            fields[92] = match_locker_type
        if match_token is not None:
            fields[90] = match_token
        return results.opened(await self.ask(Packet.OPEN_AVAILABLE_LOCKER, fields))

    async def send_reopen_locker(self: Asks) -> Opened:
        """Fires the locker that this session opened last once more."""
        return results.opened(await self.ask(Packet.REOPEN_LOCKER))

    async def send_check_locker_door(self: Asks) -> bool:
        """Whether the door of the locker that this session opened last is open."""
        return bool((await self.ask(Packet.CHECK_LOCKER_DOOR))[76])

    async def send_revert_locker_state(self: Asks, client_info: bytes = b"") -> None:
        """Takes the last drop-off of this session back ("doesn't fit")."""
        await self.ask(Packet.REVERT_LOCKER_STATE, {62: client_info})

    async def send_set_keypad_code(
        self: Asks,
        keypad_code: str,
        keypad_code_persists: bool = False,
        keypad_next_token: bytes = b"",
        keypad_next_available: bool = True,
    ) -> str | None:
        """Sets the code of the locker that this session opened last; the one the tower made up for `auto`."""
        fields = {80: keypad_code, 81: keypad_code_persists, 82: keypad_next_token, 83: keypad_next_available}
        made_up = (await self.ask(Packet.SET_KEYPAD_CODE, fields)).get(80)
        return made_up if isinstance(made_up, str) else None

    async def send_tap_locker(self: Asks, interval: int, count: int) -> None:
        """Fires the locker opened last `count` more times, `interval` ms apart (50 to 2,000)."""
        await self.ask(Packet.TAP_LOCKER, {101: interval, 102: count})

    async def send_check_all_locker_doors(self: Asks) -> tuple[int, ...]:
        """The lockers whose doors are open."""
        return results.open_doors(await self.ask(Packet.CHECK_ALL_LOCKER_DOORS))
