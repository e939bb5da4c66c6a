"""The gateway itself: its settings, and the computer it runs on."""

import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import psutil
from msgspec.structs import replace

from openharbor.gateway import messages as m
from openharbor.gateway import store
from openharbor.gateway.fields import is_address
from openharbor.gateway.requests import SettingsChange
from openharbor.gateway.site import Settings
from openharbor.gateway.trail import State, audit
from openharbor.kit.database.face import Transaction as Tx
from openharbor.kit.http.operation import Caller

MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}")
ADDRESS_FAMILIES = (socket.AF_INET, socket.AF_INET6)


class InterfaceAddress(Protocol):
    """What psutil tells of one address."""

    @property
    def family(self) -> int: ...
    @property
    def address(self) -> str: ...


def update_settings(tx: Tx, state: State, change: SettingsChange, caller: Caller, now: int) -> tuple[State, Settings]:
    """A unit of work: the settings after the change; they hold from the next open on."""
    settings = replace(state.site.settings, **change)
    store.save_settings(tx, settings)
    details = {to_camel(name): str(value) for name, value in change.items()}
    head = audit(tx, state.head, "SYSTEM_UPDATED", caller, now, details=details)
    return State(replace(state.site, settings=settings), head), settings


def to_camel(name: str) -> str:
    """A field's name in the contract."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def network_interfaces() -> list[m.NetworkInterface]:
    """This computer's addresses."""
    return list(shown_addresses(psutil.net_if_addrs()))


def shown_addresses(found: Mapping[str, Sequence[InterfaceAddress]]) -> Iterator[m.NetworkInterface]:
    """One entry for each IP address, without its scope; loopback and interfaces without a hardware address left out."""
    for name, addresses in sorted(found.items()):
        mac = next((mac for one in addresses if one.family == psutil.AF_LINK and (mac := _mac(one.address))), None)
        for one in addresses:
            address = one.address.partition("%")[0]
            if mac and one.family in ADDRESS_FAMILIES and is_address(address):
                yield m.NetworkInterface(name[:32], address, mac)


def _mac(text: str) -> str | None:
    """Six pairs in lower case; None for other links and for loopback, which has all zeros."""
    mac = text.lower().replace("-", ":")
    return mac if MAC.fullmatch(mac) and mac != "00:00:00:00:00:00" else None


def host_name() -> str:
    return socket.gethostname()[:253] or "localhost"
