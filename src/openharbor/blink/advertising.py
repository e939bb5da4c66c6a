"""How a tower shows itself by radio, and how a phone reads it (blink-protocol.md 2.2)."""

from typing import Final

import msgspec

from openharbor.blink.provisioning import LONGEST_NAME, cut_name

SERVICE: Final = "6E400001-B5A3-F393-E0A9-E50E24DCCA9E"
RX: Final = "6E400002-B5A3-F393-E0A9-E50E24DCCA9E"
TX: Final = "6E400003-B5A3-F393-E0A9-E50E24DCCA9E"
INFO: Final = "6E400004-B5A3-F393-E0A9-E50E24DCCA9E"
FIRMWARE_UPDATE: Final = "0000FE59-0000-1000-8000-00805F9B34FB"  # a working tower never shows it
TEST_COMPANY: Final = 0xFFFF
LARGEST_MTU: Final = 247
HIGHEST_VERSION_PART: Final = 127  # the SDK prints bytes as signed
TOWER_ID_BYTES: Final = 8

FLAGS: Final = bytes.fromhex("020106")
SERVICE_ENTRY: Final = bytes((17, 0x07)) + bytes.fromhex(SERVICE.replace("-", ""))[::-1]
MANUFACTURER: Final = 0xFF
INFO_BYTES: Final = 29
TOWER_DATA_BYTES: Final = 28  # the advertising data of the tower form, which the scan response follows without a gap
RECORD_BYTES: Final = 56

Version = tuple[int, int, int]


class Identity(msgspec.Struct, frozen=True):
    """What a tower tells everyone. `name`: at most 16 bytes are shown, cut between characters."""

    tower_id: bytes
    name: str
    firmware: Version
    company: int = TEST_COMPANY


class Advertisement(msgspec.Struct, frozen=True):
    """The two packets of a tower."""

    advertising_data: bytes
    scan_response: bytes = b""


class AskForInfo(msgspec.Struct, frozen=True):
    """A tower in the server form: who it is stands in its info characteristic."""


def tower_form(identity: Identity) -> Advertisement:
    """Form 1: everything at fixed offsets. Raises ValueError for what does not fit."""
    company, version, who = _parts(identity)
    return Advertisement(
        FLAGS + SERVICE_ENTRY + _manufacturer(company + version),
        _manufacturer(company + who),
    )


def server_form() -> Advertisement:
    """Form 2: the service alone, for a host stack that cannot fix the order of structures."""
    return Advertisement(FLAGS + SERVICE_ENTRY)


def info_value(identity: Identity) -> bytes:
    """The 29 bytes of the info characteristic. Raises ValueError for what does not fit."""
    return b"".join(_parts(identity))


def read_info(value: bytes) -> Identity | None:
    """What the info characteristic tells; None if it has another length."""
    if len(value) != INFO_BYTES:
        return None
    return _identity(value[:2], value[2:5], value[5:])


def read_scan(advertising_data: bytes, scan_response: bytes) -> Identity | AskForInfo | None:
    """What a phone found; None if it is no tower.

    Manufacturer data anywhere selects form 1, and the service has to be shown, as by the SDK's scan filter.
    """
    record = advertising_data + scan_response
    entries = (*_entries(advertising_data), *_entries(scan_response))
    if SERVICE_ENTRY[1:] not in entries:
        return None
    if all(one[0] != MANUFACTURER for one in entries):
        return AskForInfo()
    if len(record) < RECORD_BYTES:
        return None
    return _identity(record[23:25], record[25:28], record[32:RECORD_BYTES])


def _parts(identity: Identity) -> tuple[bytes, bytes, bytes]:
    if len(identity.tower_id) != TOWER_ID_BYTES:
        raise ValueError(f"the tower id has {len(identity.tower_id)} bytes and must have {TOWER_ID_BYTES}")
    if not all(0 <= part <= HIGHEST_VERSION_PART for part in identity.firmware):
        raise ValueError(f"firmware is {identity.firmware}, and each part must be 0 to {HIGHEST_VERSION_PART}")
    if not 0 <= identity.company <= 0xFFFF:
        raise ValueError(f"company is {identity.company} and must be 0 to {0xFFFF}")
    name = cut_name(identity.name).encode().ljust(LONGEST_NAME, b"\0")
    return identity.company.to_bytes(2, "little"), bytes(identity.firmware), identity.tower_id + name


def _manufacturer(data: bytes) -> bytes:
    return bytes((len(data) + 1, MANUFACTURER)) + data


def _identity(company: bytes, version: bytes, who: bytes) -> Identity:
    # a foreign device may send anything as its name
    name = who[TOWER_ID_BYTES:].replace(b"\0", b"").decode(errors="replace")
    firmware = (version[0], version[1], version[2])
    return Identity(who[:TOWER_ID_BYTES], name, firmware, int.from_bytes(company, "little"))


def _entries(packet: bytes) -> list[bytes]:
    """The structures of a packet, type and data, as far as they are whole."""
    entries, at = [], 0
    while at < len(packet) and packet[at] and at + packet[at] < len(packet):
        entries.append(packet[at + 1 : at + 1 + packet[at]])
        at += 1 + packet[at]
    return entries
