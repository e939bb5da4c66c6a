"""A piece of air without a radio: virtual Bluetooth controllers that hear each other.

`controller(air(), "tower")` is one, and `hci(...)` of it what a tower or a phone opens in place of a transport.
"""

import asyncio
import itertools

from bumble.controller import AdvertisingSet, Controller, LegacyAdvertiser
from bumble.hci import (
    Address,
    HCI_ErrorCode,
    HCI_LE_Advertising_Report_Event,
    HCI_LE_Connection_Complete_Event,
    HCI_LE_Create_Connection_Cancel_Command,
    HCI_LE_Extended_Advertising_Report_Event,
    HCI_Packet,
    HCI_StatusReturnParameters,
    LeFeatureMask,
    Phy,
    Role,
)
from bumble.link import LocalLink
from bumble.ll import AdvExtInd, AdvInd
from bumble.transport.common import AsyncPipeSink, TransportSink, TransportSource

SUPERVISION_TIMEOUT = HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
LEGACY = HCI_LE_Advertising_Report_Event.EventType
EXTENDED = HCI_LE_Extended_Advertising_Report_Event.EventType
_numbers = itertools.count(1)


class VirtualController(Controller):
    """Bumble's controller, with what it leaves out: scan responses, links that break, attempts that are given up."""

    link: LocalLink

    def on_advertising_pdu(self, pdu: AdvInd | AdvExtInd) -> None:
        """Reports both packets as they are on the air, then lets a waiting connection come about."""
        scanning, self.le_scan_enable = self.le_scan_enable, False
        super().on_advertising_pdu(pdu)
        self.le_scan_enable = scanning
        if scanning:
            self._report(pdu.advertiser_address, bytes(pdu.data), response=False)
            self._report(pdu.advertiser_address, _scan_response(self.link, pdu.advertiser_address), response=True)

    def on_hci_le_create_connection_cancel_command(
        self, _command: HCI_LE_Create_Connection_Cancel_Command
    ) -> HCI_StatusReturnParameters:
        """Gives the attempt up, and says so as a real controller does."""
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is None:
            return HCI_StatusReturnParameters(HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        asyncio.get_running_loop().call_soon(self.send_hci_packet, _given_up(pending.peer_address))
        return HCI_StatusReturnParameters(HCI_ErrorCode.SUCCESS)

    def out_of_range(self) -> None:
        """Breaks all links of this controller: both ends notice by the supervision time-out."""
        for connection in tuple(self.le_connections.values()):
            other = self.link.find_le_controller(connection.peer_address)
            self.on_le_disconnected(connection, SUPERVISION_TIMEOUT)
            if other is not None and (theirs := other.le_connections.get(connection.self_address)):
                other.on_le_disconnected(theirs, SUPERVISION_TIMEOUT)

    def silenced(self) -> None:
        """Without a host: no links, no advertising, no scan."""
        self.out_of_range()
        self.le_legacy_advertiser.stop()
        for one in self.advertising_sets.values():
            one.stop()
        self.advertising_sets.clear()
        self.le_scan_enable = False
        self.pending_le_connection = None

    def _report(self, address: Address, data: bytes, *, response: bool) -> None:
        event = _legacy_report if LeFeatureMask.LE_EXTENDED_ADVERTISING not in self.le_features else _extended_report
        self.send_hci_packet(event(address, data, response))


def air() -> LocalLink:
    """Where controllers hear each other."""
    return LocalLink()  # type: ignore[no-untyped-call]  # bumble left this one without annotations


def controller(air: LocalLink, name: str, *, extended: bool = True) -> VirtualController:
    """A controller more in this air. `extended`: whether it knows the commands of Bluetooth 5 for advertising."""
    one = VirtualController(name, link=air, public_address=f"{next(_numbers):012X}")
    air.add_controller(one)
    if not extended:
        one.le_features = one.le_features & ~LeFeatureMask.LE_EXTENDED_ADVERTISING
    return one


def hci(one: VirtualController) -> tuple[TransportSource, TransportSink]:
    """What a host opens instead of a named transport."""
    return one, AsyncPipeSink(one)


def advertisers(one: Controller) -> list[LegacyAdvertiser | AdvertisingSet]:
    """What it is sending now."""
    every: list[LegacyAdvertiser | AdvertisingSet] = [one.le_legacy_advertiser, *one.advertising_sets.values()]
    return [each for each in every if each.enabled]


def _scan_response(air: LocalLink, address: Address) -> bytes:
    senders = [sender for one in air.controllers for sender in advertisers(one) if sender.address == address]
    return bytes(senders[0].scan_response_data) if senders else b""


def _legacy_report(address: Address, data: bytes, response: bool) -> HCI_Packet:
    report = HCI_LE_Advertising_Report_Event.Report(
        event_type=LEGACY.SCAN_RSP if response else LEGACY.ADV_IND,
        address_type=address.address_type,
        address=address,
        data=data,
        rssi=-50,
    )
    return HCI_LE_Advertising_Report_Event([report])


def _extended_report(address: Address, data: bytes, response: bool) -> HCI_Packet:
    kind = EXTENDED.LEGACY_ADVERTISING_PDU_USED | EXTENDED.CONNECTABLE_ADVERTISING | EXTENDED.SCANNABLE_ADVERTISING
    report = HCI_LE_Extended_Advertising_Report_Event.Report(
        event_type=kind | EXTENDED.SCAN_RESPONSE if response else kind,
        address_type=address.address_type,
        address=address,
        primary_phy=Phy.LE_1M,
        secondary_phy=0,
        advertising_sid=0xFF,
        tx_power=0,
        rssi=-50,
        periodic_advertising_interval=0,
        direct_address_type=0,
        direct_address=Address.ANY,
        data=data,
    )
    return HCI_LE_Extended_Advertising_Report_Event([report])


def _given_up(peer: Address) -> HCI_Packet:
    return HCI_LE_Connection_Complete_Event(
        status=HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
        connection_handle=0,
        role=Role.CENTRAL,
        peer_address_type=peer.address_type,
        peer_address=peer,
        connection_interval=0,
        peripheral_latency=0,
        supervision_timeout=0,
        central_clock_accuracy=0,
    )
