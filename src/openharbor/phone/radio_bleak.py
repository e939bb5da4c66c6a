"""A phone's radio through the system's own Bluetooth, by bleak (blink-protocol.md 2.2, 2.4, F-16)."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Final

from bleak import BleakClient, BleakScanner
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakBluetoothNotAvailableError, BleakDBusError, BleakError
from msgspec.structs import replace

from openharbor.blink import advertising
from openharbor.blink.provisioning import LONGEST_NAME
from openharbor.kit.clock import Clock, SystemClock
from openharbor.kit.errors import NOT_REACHABLE, Failed
from openharbor.phone.arrivals import ATT_HEADER, Arrivals, chunks
from openharbor.phone.attempts import CONNECT_S, HANG_UP_S, INFO_ATTEMPTS, SETUP_S, reached
from openharbor.phone.scan import MOST_AROUND, found
from openharbor.phone.transport import Found, LinkLost, Transport

WHO_BYTES: Final = advertising.TOWER_ID_BYTES + LONGEST_NAME
BEFORE_WHO: Final = advertising.INFO_BYTES - WHO_BYTES  # company and firmware
UNREACHED: Final = (TimeoutError, BleakError, LinkLost, OSError, EOFError)
NO_SERVICE: Final = frozenset({"org.freedesktop.DBus.Error.ServiceUnknown", "org.bluez.Error.NotReady"})


class BleakRadio:
    """The system's Bluetooth: BlueZ, Windows or macOS."""

    def __init__(self, *, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        logging.getLogger("bleak").setLevel(logging.WARNING)  # its debug lines hold whole messages

    async def discover(self, seconds: float) -> AsyncIterator[Found]:
        """Towers around, each once, found within that time. Raises Failed without a radio.

        A tower whose packets do not say who it is, as the system hands them on, is asked after the scan.
        `firmware` is empty where the system hands on only one of a tower's two structures.
        """
        heard: asyncio.Queue[tuple[str, Found | None]] = asyncio.Queue(MOST_AROUND)

        def detected(device: BLEDevice, data: AdvertisementData) -> None:
            if not heard.full():
                heard.put_nowait((device.address, who_is(data.manufacturer_data, device.address)))

        told: dict[str, bool] = {}
        scanner = await _scanner(detected)
        over = asyncio.create_task(self._clock.sleep(seconds))
        try:
            while (one := await _next(heard, over)) is not None:
                address, who = one
                if who is not None and not told.get(address):
                    yield who
                told[address] = told.get(address, False) or who is not None
        finally:
            over.cancel()
            with suppress(*UNREACHED):
                await scanner.stop()
        for address in [address for address, known in told.items() if not known]:
            if (asked := await self._asked(address)) is not None:
                yield asked

    async def connect(self, found: Found) -> Transport:
        """A link to that tower: up to 5 tries, one second apart. Raises Failed."""
        return await reached(found.address, lambda: _attempt(found.address), UNREACHED, self._clock)

    async def _asked(self, address: str) -> Found | None:
        with suppress(Failed):
            return await reached(address, lambda: _info(address), UNREACHED, self._clock, INFO_ATTEMPTS)
        return None


def who_is(manufacturer_data: Mapping[int, bytes], address: str) -> Found | None:
    """Whom a tower's manufacturer data names; None where it does not.

    A tower sends two structures under one company, of which a system keeps one: the version, or id and name.
    """
    for value in manufacturer_data.values():
        if len(value) == WHO_BYTES:
            who = advertising.read_info(bytes(BEFORE_WHO) + value)
            return None if who is None else replace(found(who, address), firmware="")
    return None


class BleakLink:
    """A link to a tower."""

    def __init__(self, client: BleakClient, rx: BleakGATTCharacteristic, arrivals: Arrivals) -> None:
        self._client, self._rx, self._arrivals = client, rx, arrivals

    @property
    def mtu(self) -> int:
        """Bytes of one packet, with its header of 3; the system agreed on it."""
        return min(self._rx.max_write_without_response_size + ATT_HEADER, advertising.LARGEST_MTU)

    async def send(self, frame: bytes) -> None:
        """Writes the frame, without waiting for an answer. Raises LinkLost."""
        for chunk in chunks(frame, self.mtu):
            if self._arrivals.lost is not None:
                raise LinkLost(self._arrivals.lost)
            try:
                await self._client.write_gatt_char(self._rx, chunk, response=False)
            except UNREACHED as error:
                raise LinkLost(f"the tower is out of reach ({error})") from error

    async def receive(self) -> bytes:
        """The next whole frame. Raises LinkLost."""
        return await self._arrivals.next()

    async def close(self) -> None:
        """Hangs up."""
        if self._arrivals.lost is None:
            self._arrivals.end("the link was closed")
            await _cut(self._client)


async def _attempt(address: str) -> BleakLink:
    arrivals = Arrivals()
    client = await _connected(address, arrivals)
    try:
        async with asyncio.timeout(SETUP_S):
            await client.start_notify(
                _characteristic(client, advertising.TX), lambda _sender, data: arrivals.feed(bytes(data))
            )
        return BleakLink(client, _characteristic(client, advertising.RX), arrivals)
    except BaseException:
        await _cut(client)
        raise


def _characteristic(client: BleakClient, uuid: str) -> BleakGATTCharacteristic:
    found = client.services.get_characteristic(uuid)
    if found is None:
        raise LinkLost("it does not show the service of a tower")
    return found


async def _info(address: str) -> Found | None:
    client = await _connected(address, Arrivals())
    try:
        async with asyncio.timeout(SETUP_S):
            who = advertising.read_info(bytes(await client.read_gatt_char(advertising.INFO)))
    finally:
        await _cut(client)
    return None if who is None else found(who, address)


async def _connected(address: str, arrivals: Arrivals) -> BleakClient:
    client = BleakClient(address, lambda _client: arrivals.end("the tower is out of reach"), timeout=CONNECT_S)
    try:
        await client.connect()
    except (BleakError, OSError) as error:
        if _no_radio(error):
            raise _missing(error) from error
        raise
    return client


async def _cut(client: BleakClient) -> None:
    with suppress(*UNREACHED):
        async with asyncio.timeout(HANG_UP_S):
            await client.disconnect()


async def _scanner(detected: Callable[[BLEDevice, AdvertisementData], None]) -> BleakScanner:
    scanner = BleakScanner(detected, service_uuids=[advertising.SERVICE])
    try:
        await scanner.start()
    except (BleakError, OSError) as error:
        raise _missing(error) from error
    return scanner


def _no_radio(error: Exception) -> bool:
    if isinstance(error, BleakDBusError):
        return error.dbus_error in NO_SERVICE
    return isinstance(error, BleakBluetoothNotAvailableError | FileNotFoundError | ConnectionRefusedError)


def _missing(error: Exception) -> Failed:
    return Failed(
        f"this machine's Bluetooth cannot be used ({error}): switch it on, and on Linux see that D-Bus and "
        "BlueZ (bluetoothd) run; or name a controller that no other program uses, such as usb:0",
        NOT_REACHABLE,
    )


async def _next(
    heard: "asyncio.Queue[tuple[str, Found | None]]", over: "asyncio.Task[None]"
) -> tuple[str, Found | None] | None:
    """The next device; None when the time is over."""
    if not heard.empty():
        return heard.get_nowait()
    getting = asyncio.create_task(heard.get())
    try:
        await asyncio.wait((getting, over), return_when=asyncio.FIRST_COMPLETED)
        return getting.result() if getting.done() else None
    finally:
        getting.cancel()
