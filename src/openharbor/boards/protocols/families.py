"""The lock-board families this house drives (lock-boards.md 1, 3, 4.8): the table that everything else reads."""

from collections.abc import Mapping
from types import MappingProxyType

from openharbor.boards.protocols.codec import Family

CU16 = Family(
    name="kerong-cu16",
    confidence="ship",
    baud=19200,
    boards=range(10),
    locks=range(1, 17),
    default_locks=16,
    read_ms=300,
    unlock_ms=1500,
    ack="optional",
    equal_reads=2,
    pulse_ms=None,
    default_port=5000,
    items=True,
)
CU24 = Family(
    name="kerong-cu24",
    confidence="beta",
    baud=19200,
    boards=range(10),
    locks=range(1, 25),
    default_locks=24,
    read_ms=300,
    unlock_ms=1500,
    ack="optional",
    equal_reads=2,
    pulse_ms=None,
    default_port=None,
)
CU48 = Family(
    name="kerong-cu48",
    confidence="beta",
    baud=19200,
    boards=range(256),
    locks=range(1, 49),
    default_locks=48,
    read_ms=300,
    unlock_ms=1500,
    ack="required",
    equal_reads=2,
    pulse_ms=None,
    default_port=None,
)
XOR8A80 = Family(
    name="xor8a80",
    confidence="ship",
    baud=9600,
    boards=range(1, 32),
    locks=range(1, 57),
    default_locks=None,
    read_ms=750,
    unlock_ms=2000,
    ack="required",
    equal_reads=2,
    pulse_ms=None,
    default_port=None,
)
WKLY = Family(
    name="wkly",
    confidence="ship",
    baud=9600,
    boards=range(32),
    locks=range(1, 65),
    default_locks=None,
    read_ms=300,
    unlock_ms=1500,
    ack="required",
    equal_reads=2,
    pulse_ms=None,
    default_port=None,
    pushes=True,
)
WAVESHARE = Family(
    name="waveshare",
    confidence="ship",
    baud=9600,
    boards=range(1, 248),
    locks=range(1, 33),
    default_locks=8,
    read_ms=300,
    unlock_ms=300,
    ack="required",
    equal_reads=2,
    pulse_ms=500,
    default_port=None,
    address_name="unit",
)
MODBUS_TCP = Family(
    name="modbus-tcp",
    confidence="ship",
    baud=9600,
    boards=range(1, 248),
    locks=range(1, 33),
    default_locks=8,
    read_ms=300,
    unlock_ms=300,
    ack="required",
    equal_reads=2,
    pulse_ms=500,
    default_port=502,
    address_name="unit",
    serial=False,
)
WINNSEN = Family(
    name="winnsen",
    confidence="beta",
    baud=9600,
    boards=range(5),
    locks=range(1, 17),
    default_locks=16,
    read_ms=500,
    unlock_ms=3000,
    ack="required",
    equal_reads=3,
    pulse_ms=None,
    default_port=None,
)

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {family.name: family for family in (CU16, CU24, CU48, XOR8A80, WKLY, WAVESHARE, MODBUS_TCP, WINNSEN)}
)
