"""The tower by radio: a Bluetooth peripheral for one phone at a time (blink-protocol.md 2.2, 2.4)."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

import structlog
from bumble import att, gatt
from bumble.core import UUID, BaseBumbleError
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.gatt_server import Server
from bumble.hci import Address, HCI_Reset_Command
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport import open_transport
from bumble.transport.common import Transport, TransportSink, TransportSource

from openharbor.blink import advertising
from openharbor.kit.errors import Failed
from openharbor.tower.app import RunningTower
from openharbor.tower.links import Link

T = TypeVar("T")
Hci = tuple[TransportSource, TransportSink]

INTERVAL_MS: Final = (100, 150)  # within the 100 to 250 of 2.2: a phone nearby finds the tower at once
ATT_HEADER: Final = 3  # bytes of a notification that are not content
ANSWER_S: Final = 5.0  # a controller that has not answered by then does not answer
RESET_S: Final = 2.0
SEND_S: Final = 5.0  # with the 15 s for an answer the 20 s that the SDK waits (2.4)
LOOK_S: Final = 1.0  # how soon a new name is on the air
AGAIN_S: Final = 2.0  # between attempts to open a controller that was lost
APPEARANCE: Final = bytes(2)  # unknown

log = structlog.get_logger("openharbor.tower")


@asynccontextmanager
async def on_bluetooth(tower: RunningTower, transport: str | Hci) -> AsyncIterator[str]:
    """The tower on the air, until left; gives its radio address. A controller that is lost is opened again.

    `transport`: the name of a bumble transport (`usb:0`, `serial:/dev/ttyACM0`, `tcp-client:HOST:PORT`), or an open
    source and sink. Raises Failed when there is no such controller, or it does not answer.
    """
    logging.getLogger("bumble").setLevel(logging.WARNING)  # its debug lines hold whole packets
    radio = await _opened(tower, transport)
    kept = asyncio.create_task(_kept(radio, transport))
    try:
        yield str(radio.device.random_address)
    finally:
        kept.cancel()
        await asyncio.gather(kept, return_exceptions=True)


async def _kept(radio: "_Radio", transport: str | Hci) -> None:
    while True:
        try:
            await _first_of(radio.serve(), radio.over())
            log.warning("the Bluetooth controller is gone")
        except Exception:  # whatever a controller does, the tower has to come back on the air
            log.exception("the Bluetooth controller failed")
        finally:
            await radio.close()
        radio = await _again(radio.tower, transport)


async def _again(tower: RunningTower, transport: str | Hci) -> "_Radio":
    while True:
        await tower.clock.sleep(AGAIN_S)
        try:
            return await _opened(tower, transport)
        except Failed as failed:
            log.warning("no Bluetooth yet", reason=str(failed))


async def _opened(tower: RunningTower, transport: str | Hci) -> "_Radio":
    """A controller that advertises. Raises Failed."""
    name = transport if isinstance(transport, str) else "the given transport"
    opened = await _transport(transport) if isinstance(transport, str) else Transport(*transport)
    radio = _Radio(tower, opened, ours=isinstance(transport, str))
    try:
        await _whole(radio.device.power_on())
        await radio.advertise()
    except Exception as error:  # what is no controller may say anything
        await radio.close()
        raise Failed(
            f"the Bluetooth controller on {name} does not answer ({_said(error)}): "
            "check that it is one, and that no other program uses it, then plug it in again"
        ) from error
    return radio


async def _transport(name: str) -> Transport:
    try:
        async with asyncio.timeout(ANSWER_S):
            return await open_transport(name)
    except Exception as error:  # each kind of transport raises its own errors, and those of its libraries
        raise Failed(
            f"there is no Bluetooth controller on {name} ({_said(error)}): name a transport of bumble, "
            "such as usb:0, serial:/dev/ttyACM0 or tcp-client:HOST:PORT"
        ) from error


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__


class _Visit:
    """A phone that is connected."""

    def __init__(self, connection: Connection, link: Link) -> None:
        self.connection, self.link = connection, link
        self.gone = asyncio.Event()
        connection.once(Connection.EVENT_DISCONNECTION, lambda _reason: self.gone.set())


class _Radio:
    """One opened controller: what it shows, and who is connected to it."""

    def __init__(self, tower: RunningTower, transport: Transport, *, ours: bool) -> None:
        self.tower, self._transport, self._ours = tower, transport, ours
        self._visit: _Visit | None = None
        self._arrived = asyncio.Event()
        self._sent_away: asyncio.Task[None] | None = None
        self._shown: advertising.Identity | None = None
        self._tx = _characteristic(advertising.TX, gatt.Characteristic.Properties.NOTIFY)
        self.device = _device(tower.state.identity.tower_id, transport)
        self.device.gatt_server.add_services(self._services())
        self.device.on(Device.EVENT_CONNECTION, self._connected)

    async def serve(self) -> None:
        """Serves one phone after another. Raises what the controller raises."""
        while True:
            visit = await self._next_visit()
            await _whole(self.device.stop_advertising())  # it ended with the connection, unless it was being refreshed
            await self._serve(visit)
            self._visit, self._shown = None, None

    async def advertise(self) -> None:
        """Shows the tower as it is now, unless it is shown so already."""
        shown = self.tower.identity
        if shown == self._shown:
            return
        packets = advertising.tower_form(shown)
        await _whole(
            self.device.start_advertising(
                advertising_data=packets.advertising_data,
                scan_response_data=packets.scan_response,
                advertising_interval_min=INTERVAL_MS[0],
                advertising_interval_max=INTERVAL_MS[1],
            )
        )
        self._shown = shown

    async def close(self) -> None:
        """Leaves the air, whatever state the controller is in."""
        try:
            if not self._transport.source.terminated.done():
                await _whole(self.device.host.send_sync_command(HCI_Reset_Command()), RESET_S)
        except Exception as error:
            log.info("the Bluetooth controller was not reset", reason=_said(error))
        with suppress(Exception):  # a transport that is broken has nothing left to close
            if self._ours:
                await self._transport.close()

    async def over(self) -> None:
        """Returns when the transport is gone."""
        await asyncio.shield(self._transport.source.terminated)

    async def _next_visit(self) -> _Visit:
        """The next phone; meanwhile a new name goes on the air."""
        while self._visit is None:
            self._arrived.clear()
            await self.advertise()
            await _first_of(self._arrived.wait(), self.tower.clock.sleep(LOOK_S))
        return self._visit

    async def _serve(self, visit: _Visit) -> None:
        try:
            await _first_of(visit.link.run(), visit.gone.wait())
        except Exception:  # one phone's fault must not take the tower from the next
            log.exception("a link failed")
        try:
            await _whole(_hung_up(visit.connection))
        except (BaseBumbleError, OSError):
            if not visit.gone.is_set():
                raise

    def _connected(self, connection: Connection) -> None:
        if self._visit is not None:
            log.warning("a second phone was let in by the controller, and is sent away")
            self._sent_away = asyncio.create_task(_gone_anyway(connection))
            return
        self._visit = _Visit(connection, Link(self.tower, lambda frame: self._send(connection, frame)))
        self._arrived.set()

    async def _send(self, connection: Connection, frame: bytes) -> None:
        """The frame in notifications of at most MTU-3 bytes, in order; returns when the controller has sent them.

        Raises TimeoutError when the phone does not take them.
        """
        at = 0
        async with asyncio.timeout(SEND_S):
            while at < len(frame):
                end = at + connection.att_mtu - ATT_HEADER
                await self.device.gatt_server.notify_subscriber(connection, self._tx, frame[at:end])
                at = end
            await _sent(connection)

    def _wrote(self, connection: Connection, data: bytes) -> None:
        if self._visit is not None and self._visit.connection is connection:
            self._visit.link.feed(data)

    def _services(self) -> list[gatt.Service]:
        properties = gatt.Characteristic.Properties
        rx = _characteristic(advertising.RX, properties.WRITE_WITHOUT_RESPONSE)
        rx.permissions = gatt.Characteristic.WRITEABLE
        rx.value = gatt.CharacteristicValue(read=lambda _: b"", write=self._wrote)
        info = _characteristic(advertising.INFO, properties.READ)
        info.value = gatt.CharacteristicValue(read=lambda _: self.tower.info())
        return [self._generic_access(), gatt.Service(advertising.SERVICE, [rx, self._tx, info])]

    def _generic_access(self) -> gatt.Service:
        """The service that every peripheral has; bumble's own keeps the name of the start."""
        name = _characteristic(gatt.GATT_DEVICE_NAME_CHARACTERISTIC, gatt.Characteristic.Properties.READ)
        name.value = gatt.CharacteristicValue(read=lambda _: self.tower.identity.name.encode())
        appearance = _characteristic(gatt.GATT_APPEARANCE_CHARACTERISTIC, gatt.Characteristic.Properties.READ)
        appearance.value = APPEARANCE
        return gatt.Service(gatt.GATT_GENERIC_ACCESS_SERVICE, [name, appearance])


class _GuardedServer(Server):
    """Bumble lets a phone write wherever there is a value, over the names of the services too; here it may not."""

    def on_gatt_pdu(self, bearer: att.Bearer, att_pdu: att.ATT_PDU) -> None:
        """Passes on what may be done."""
        if not isinstance(att_pdu, WRITES) or self._allowed(att_pdu):
            super().on_gatt_pdu(bearer, att_pdu)
        elif att_pdu.op_code in att.ATT_REQUESTS:
            self.send_response(bearer, _not_permitted(att_pdu))

    def _allowed(self, request: att.ATT_PDU) -> bool:
        if not isinstance(request, att.ATT_Write_Request | att.ATT_Write_Command):
            return False
        attribute = self.get_attribute(request.attribute_handle)
        return attribute is None or bool(attribute.permissions & att.Attribute.WRITEABLE)


WRITES: Final = (
    att.ATT_Write_Request,
    att.ATT_Write_Command,
    att.ATT_Signed_Write_Command,
    att.ATT_Prepare_Write_Request,
)


def _not_permitted(request: att.ATT_PDU) -> att.ATT_PDU:
    handle: int = getattr(request, "attribute_handle", 0)
    return att.ATT_Error_Response(
        request_opcode_in_error=request.op_code,
        attribute_handle_in_error=handle,
        error_code=att.ATT_WRITE_NOT_PERMITTED_ERROR,
    )


class _NoPairing(PairingDelegate):
    async def accept(self) -> bool:
        """Never: pairing is none of Blink's (2.2)."""
        return False


def _device(tower_id: bytes, transport: Transport) -> Device:
    config = DeviceConfiguration(address=_address(tower_id), gap_service_enabled=False, gatt_service_enabled=False)
    device = Device.from_config_with_hci(config, transport.source, transport.sink)
    device.gatt_server = _GuardedServer(device)
    device.gatt_server.max_mtu = advertising.LARGEST_MTU
    device.pairing_config_factory = lambda _connection: PairingConfig(bonding=False, delegate=_NoPairing())
    return device


def _address(tower_id: bytes) -> Address:
    """A random static address that is the same after each start, so that a phone finds the tower it knows."""
    six = bytearray(hashlib.sha256(b"openharbor radio address" + tower_id).digest()[:6])
    six[5] |= 0xC0  # the two highest bits say that it is static
    return Address(bytes(six), Address.RANDOM_DEVICE_ADDRESS)


def _characteristic(uuid: str | UUID, properties: gatt.Characteristic.Properties) -> gatt.Characteristic[bytes]:
    return gatt.Characteristic(uuid, properties, gatt.Characteristic.READABLE, b"")


async def _sent(connection: Connection) -> None:
    """Returns when the controller has sent everything; never, if the link is lost before."""
    queue = connection.data_packet_queue
    if queue is None:
        return
    flowed = asyncio.Event()
    queue.on("flow", flowed.set)
    try:
        while queue.pending:
            flowed.clear()
            await flowed.wait()
    finally:
        queue.remove_listener("flow", flowed.set)


async def _first_of(*works: Coroutine[Any, Any, Any]) -> None:
    """Runs until one of them ends, and raises what it raises; one that bumble cancelled has just ended."""
    tasks = [asyncio.create_task(one) for one in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done() and not task.cancelled():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _gone_anyway(connection: Connection) -> None:
    with suppress(BaseBumbleError, OSError):
        await _whole(_hung_up(connection))


async def _hung_up(connection: Connection) -> None:
    """Looked at when it runs: bumble waits for ever for the end of a link that has ended before."""
    if connection.device.lookup_connection(connection.handle) is connection:
        await connection.disconnect()


async def _whole(work: Coroutine[Any, Any, T], seconds: float = ANSWER_S) -> T:
    """A command to the controller, to its end: bumble takes the answer to one that was given up for the next one's.

    Raises TimeoutError, and ConnectionResetError when the controller goes away meanwhile.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait((task,), timeout=seconds)
    except asyncio.CancelledError:
        await asyncio.wait((task,), timeout=seconds)
        _looked_at(task)
        raise
    finally:
        task.cancel()
    if not task.done():
        raise TimeoutError(f"no answer in {seconds:g} s")
    if task.cancelled():
        raise ConnectionResetError("the controller is gone")
    return task.result()


def _looked_at(task: asyncio.Task[Any]) -> None:
    """So that nobody reports an exception that means nothing any more."""
    if task.done() and not task.cancelled():
        task.exception()
