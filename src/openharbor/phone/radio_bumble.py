"""A phone's radio on any Bluetooth controller, by bumble (blink-protocol.md 2.2, 2.4, F-15, F-16)."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, Final, TypeVar

from bumble.att import ATT_Error
from bumble.core import UUID, BaseBumbleError, PhysicalTransport
from bumble.device import Connection, Device, DeviceConfiguration, Peer
from bumble.gatt_client import CharacteristicProxy
from bumble.hci import (
    Address,
    HCI_LE_Advertising_Report_Event,
    HCI_LE_Create_Connection_Cancel_Command,
    HCI_LE_Extended_Advertising_Report_Event,
    HCI_Reset_Command,
)
from bumble.transport import open_transport
from bumble.transport.common import Transport as HciTransport
from bumble.transport.common import TransportSink, TransportSource

from openharbor.blink import advertising
from openharbor.blink.advertising import Identity
from openharbor.kit.clock import Clock, SystemClock
from openharbor.kit.errors import NOT_REACHABLE, Failed
from openharbor.phone.arrivals import Arrivals, chunks
from openharbor.phone.attempts import ATTEMPTS, CONNECT_S, HANG_UP_S, INFO_ATTEMPTS, SETUP_S, reached
from openharbor.phone.scan import Heard, Scan, found
from openharbor.phone.transport import Found, LinkLost, Transport

Hci = tuple[TransportSource, TransportSink]
Report = HCI_LE_Advertising_Report_Event.Report | HCI_LE_Extended_Advertising_Report_Event.Report
T = TypeVar("T")

ANSWER_S: Final = 5.0  # a controller that has not answered by then does not answer
RESET_S: Final = 2.0

UNREACHED: Final = (TimeoutError, BaseBumbleError, LinkLost, OSError)


class BumbleRadio:
    """A radio that is opened when it is first used; leave it with `close`, or use it as a context.

    `transport`: the name of a bumble transport (`usb:0`, `serial:/dev/ttyACM0`, `tcp-client:HOST:PORT`), or an open
    source and sink. `mtu`: what is asked for, 23 to 247.
    """

    def __init__(self, transport: str | Hci, *, mtu: int = advertising.LARGEST_MTU, clock: Clock | None = None) -> None:
        self._named, self._mtu, self._clock = transport, mtu, clock or SystemClock()
        self._transport: HciTransport | None = None
        self._device: Device | None = None
        self._opening, self._connecting = asyncio.Lock(), asyncio.Lock()

    async def __aenter__(self) -> "BumbleRadio":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def discover(self, seconds: float) -> AsyncIterator[Found]:
        """Towers around, each once, as they are found within that time. Raises Failed without a radio."""
        device = await self._opened()
        told: set[str] = set()
        over = asyncio.create_task(self._clock.sleep(seconds))
        try:
            async for address, what in _heard(device, over):
                if address in told:
                    continue
                told.add(address)
                who = what if isinstance(what, Identity) else await self._info(device, address)
                if who is not None:
                    yield found(who, address)
        finally:
            over.cancel()

    async def connect(self, found: Found) -> Transport:
        """A link to that tower: up to 5 tries, one second apart. Raises Failed."""
        device = await self._opened()
        return await self._reached(device, found.address, ATTEMPTS, partial(_link, mtu=self._mtu))

    async def close(self) -> None:
        """Ends every link, and leaves the controller."""
        device, transport, self._device, self._transport = self._device, self._transport, None, None
        if device is not None and transport is not None and not transport.source.terminated.done():
            with suppress(*UNREACHED):
                await _whole(device.host.send_sync_command(HCI_Reset_Command()), RESET_S)
        if transport is not None and isinstance(self._named, str):
            await transport.close()

    async def _opened(self) -> Device:
        async with self._opening:
            if self._transport is not None and self._transport.source.terminated.done():
                await self.close()
            if self._device is None:
                logging.getLogger("bumble").setLevel(logging.WARNING)  # its debug lines hold whole packets
                self._transport = await _transport(self._named)
                self._device = await _powered(self._transport, self._named)
            return self._device

    async def _info(self, device: Device, address: str) -> Identity | None:
        """What a tower in the server form tells when it is asked; None if it cannot be asked now."""
        try:
            return await self._reached(device, address, INFO_ATTEMPTS, _told_info)
        except Failed:
            return None

    async def _reached(
        self, device: Device, address: str, attempts: int, use: Callable[[Connection], Coroutine[Any, Any, T]]
    ) -> T:
        async with self._connecting:
            return await reached(
                address, lambda: _attempt(device, Address(address), use), UNREACHED, self._clock, attempts
            )


class BumbleLink:
    """A link to a tower. `mtu`: what was agreed."""

    def __init__(self, connection: Connection, rx: CharacteristicProxy[bytes], arrivals: Arrivals) -> None:
        self._connection, self._rx, self._arrivals = connection, rx, arrivals

    @property
    def mtu(self) -> int:
        """Bytes of one packet, with its header of 3."""
        return self._connection.att_mtu

    async def send(self, frame: bytes) -> None:
        """Writes the frame, without waiting for an answer. Raises LinkLost."""
        for chunk in chunks(frame, self.mtu):
            if self._arrivals.lost is not None:
                raise LinkLost(self._arrivals.lost)
            await self._rx.write_value(chunk, with_response=False)

    async def receive(self) -> bytes:
        """The next whole frame. Raises LinkLost."""
        return await self._arrivals.next()

    async def close(self) -> None:
        """Hangs up."""
        if self._arrivals.lost is None:
            self._arrivals.end("the link was closed")
            await _cut(self._connection)


async def _link(connection: Connection, mtu: int) -> BumbleLink:
    peer = Peer(connection)
    with suppress(ATT_Error):  # a tower that knows no other MTU than 23
        await peer.request_mtu(mtu)
    characteristics = await _characteristics(peer)
    arrivals = Arrivals()
    connection.once(Connection.EVENT_DISCONNECTION, lambda _reason: arrivals.end("the tower is out of reach"))
    await characteristics[UUID(advertising.TX)].subscribe(arrivals.feed)
    return BumbleLink(connection, characteristics[UUID(advertising.RX)], arrivals)


async def _told_info(connection: Connection) -> Identity | None:
    characteristics = await _characteristics(Peer(connection))
    value = await characteristics[UUID(advertising.INFO)].read_value()
    await _cut(connection)
    return advertising.read_info(value)


async def _characteristics(peer: Peer) -> dict[UUID, CharacteristicProxy[bytes]]:
    """RX, TX and info. Raises LinkLost for what is no tower."""
    services = await peer.discover_service(UUID(advertising.SERVICE))
    every = await services[0].discover_characteristics() if services else []
    by_uuid = {one.uuid: one for one in every}
    if not {UUID(one) for one in (advertising.RX, advertising.TX, advertising.INFO)} <= by_uuid.keys():
        raise LinkLost("it does not show the service of a tower")
    return by_uuid


async def _attempt(device: Device, address: Address, use: Callable[[Connection], Coroutine[Any, Any, T]]) -> T:
    old = device.find_connection_by_bd_addr(address, PhysicalTransport.LE)
    if old is not None:
        await _cut(old)
    if device.is_scanning:
        await _whole(device.stop_scanning())  # not every controller can do both at once
    connection = await _connected(device, address)
    try:
        async with asyncio.timeout(SETUP_S):
            return await _not_cancelled(use(connection))
    except BaseException:
        await _cut(connection)
        raise


async def _connected(device: Device, address: Address) -> Connection:
    task = asyncio.create_task(device.connect(address, PhysicalTransport.LE, timeout=CONNECT_S))
    try:
        await asyncio.wait((task,))
    except asyncio.CancelledError:
        with suppress(*UNREACHED):
            await _whole(device.send_sync_command(HCI_LE_Create_Connection_Cancel_Command()))
            await _cut(await task)
        raise
    return _outcome(task)


async def _cut(connection: Connection) -> None:
    with suppress(*UNREACHED):
        await _whole(_hung_up(connection), HANG_UP_S)


async def _hung_up(connection: Connection) -> None:
    """Looked at when it runs: bumble waits for ever for the end of a link that has ended before."""
    if connection.device.lookup_connection(connection.handle) is connection:
        await connection.disconnect()


async def _not_cancelled(work: Coroutine[Any, Any, T]) -> T:
    """What comes of it, where what may be given up at any time is done."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait((task,))
    finally:
        task.cancel()
    return _outcome(task)


async def _whole(work: Coroutine[Any, Any, T], seconds: float = ANSWER_S) -> T:
    """A command to the controller, to its end: bumble takes the answer to one that was given up for the next one's."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait((task,), timeout=seconds)
    except asyncio.CancelledError:
        await asyncio.wait((task,), timeout=seconds)
        raise
    finally:
        task.cancel()
    if not task.done():
        raise TimeoutError(f"no answer in {seconds:g} s")
    return _outcome(task)


def _outcome(task: asyncio.Task[T]) -> T:
    """Its result. Bumble cancels what waits when a link or the controller goes: here that is a lost link."""
    if task.cancelled():
        raise LinkLost("the link was lost")
    return task.result()


async def _heard(device: Device, over: "asyncio.Task[None]") -> AsyncIterator[Heard]:
    """What is heard until then. The scan is taken up again when the reader has connected meanwhile."""
    scan, news = Scan(), asyncio.Event()

    def report(one: Report) -> None:
        if scan.hear(str(one.address), bytes(one.data), response=_is_response(one)):
            news.set()

    async with _reports(device, report):
        while not over.done():
            if not device.is_scanning:
                await _whole(device.start_scanning(active=True))
            news.clear()
            for one in scan.news():
                yield one
            waiting = asyncio.create_task(news.wait())
            await asyncio.wait((waiting, over), return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()


@asynccontextmanager
async def _reports(device: Device, report: Callable[[Report], None]) -> AsyncIterator[None]:
    device.host.on("advertising_report", report)
    try:
        yield
    finally:
        device.host.remove_listener("advertising_report", report)
        if device.is_scanning:
            with suppress(*UNREACHED):
                await _whole(device.stop_scanning())


def _is_response(report: Report) -> bool:
    kinds = HCI_LE_Extended_Advertising_Report_Event.EventType
    if isinstance(report, HCI_LE_Extended_Advertising_Report_Event.Report):
        return bool(report.event_type & kinds.SCAN_RESPONSE)
    return report.event_type == HCI_LE_Advertising_Report_Event.EventType.SCAN_RSP


async def _transport(named: str | Hci) -> HciTransport:
    if not isinstance(named, str):
        return HciTransport(*named)
    try:
        async with asyncio.timeout(ANSWER_S):
            return await open_transport(named)
    except Exception as error:  # each kind of transport raises its own errors, and those of its libraries
        raise Failed(
            f"there is no Bluetooth controller on {named} ({_said(error)}): name a transport of bumble, "
            "such as usb:0, serial:/dev/ttyACM0 or tcp-client:HOST:PORT",
            NOT_REACHABLE,
        ) from error


async def _powered(transport: HciTransport, named: str | Hci) -> Device:
    config = DeviceConfiguration(gap_service_enabled=False, gatt_service_enabled=False)
    device = Device.from_config_with_hci(config, transport.source, transport.sink)
    try:
        await _whole(device.power_on())
    except UNREACHED as error:
        if isinstance(named, str):
            await transport.close()
        raise Failed(
            f"the Bluetooth controller on {named if isinstance(named, str) else 'the given transport'} does not answer "
            f"({_said(error)}): check that it is one, and that no other program uses it, then plug it in again",
            NOT_REACHABLE,
        ) from error
    return device


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
