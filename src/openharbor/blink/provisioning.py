"""The provisioning file: what the cloud writes for a new tower, and `tower init` reads (provisioning-file.md)."""

import json
import re
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from openharbor.kit.field_rules import explain, shape_of

FORMAT: Final = "openharbor-tower-provision/1"
LONGEST_NAME: Final = 16
LARGEST_FILE: Final = 1 << 20
TOWER_ID: Final = re.compile(r"[0-9a-f]{16}")
ROOT: Final = re.compile(r"[0-9a-f]{64}")
INT53: Final = 2**53 - 1

DoorSensor = Literal["normal", "inverted", "none"]
SENSORS: Final[tuple[DoorSensor, ...]] = ("normal", "inverted", "none")  # 0, 1, 2 on the wire (#246)
Time = Annotated[int, Meta(ge=0, le=INT53, description="must be seconds since 1970, 0 or more")]
FromOne = Annotated[int, Meta(ge=1, le=2**31 - 1, description="must be 1 or more")]
FromZero = Annotated[int, Meta(ge=0, le=2**32 - 1, description="must be 0 or more")]


class RefusedFile(Exception):
    """The file is not what provisioning-file.md says. Names the field by its path (`lockers[2].port`)."""


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first key. `root`: 32 bytes as 64 hex digits. `expires`: seconds since 1970, 0 for never."""

    key_id: Literal[1]
    rotation: Annotated[int, Meta(ge=1, le=255, description="must be 1 to 255")]
    root: str
    expires: Time

    def __repr__(self) -> str:
        return f"Key(rotation={self.rotation})"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the tower behaves (blink-protocol.md 7.3, 7.4, 10.3)."""

    solenoid_delay_ms: Annotated[int, Meta(ge=50, le=5000, description="must be 50 to 5000")]
    visit_window_s: Annotated[int, Meta(ge=0, le=900, description="must be 0 to 900")]
    left_open_s: Annotated[int, Meta(ge=30, le=86_400, description="must be 30 to 86400")]
    clock_mode: Literal["lenient", "strict"]


USUAL_SETTINGS: Final = Settings(solenoid_delay_ms=400, visit_window_s=120, left_open_s=300, clock_mode="lenient")


class Locker(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One locker. `port` -1: none. `retired_generation`: the newest that opens nothing any more."""

    number: Annotated[int, Meta(ge=1, le=1023, description="must be 1 to 1023")]
    port: Annotated[int, Meta(ge=-1, le=4095, description="must be -1 to 4095")]
    type: Annotated[int, Meta(ge=1, le=255, description="must be 1 to 255")]
    door_sensor: DoorSensor
    disabled: bool
    retired_generation: FromZero


class Provision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. `made_at`: seconds since 1970. `last_command`: the next one has this number plus one."""

    format: Literal["openharbor-tower-provision/1"]
    tower_id: str
    name: str
    made_at: Time
    key: Key
    last_command: Annotated[int, Meta(ge=0, le=2**31 - 1, description="must be 0 or more")]
    next_event: FromOne
    event_epoch: FromOne
    settings: Settings
    lockers: tuple[Locker, ...]


SHAPE: Final = shape_of(Provision)


def write(provision: Provision) -> bytes:
    """The file's bytes. Raises RefusedFile for what `read` would refuse."""
    data = msgspec.json.format(msgspec.json.encode(provision), indent=2) + b"\n"
    read(data)
    return data


def read(data: bytes) -> Provision:
    """The file as a struct. Raises RefusedFile, with the path of the field at fault and without its key."""
    if len(data) > LARGEST_FILE:
        raise RefusedFile(f"the file has {len(data)} bytes, and {LARGEST_FILE} at most are read")
    document = _document(data)
    try:
        provision = msgspec.convert(document, Provision, strict=True)
    except msgspec.ValidationError as error:
        problem = explain(str(error), SHAPE)
        raise RefusedFile(f"{problem.field or 'the file'} {problem.rule}") from None
    _check(provision)
    return provision


def door_sensor(word: str) -> DoorSensor:
    """The word as it is stored. Raises ValueError for another."""
    for known in SENSORS:
        if word == known:
            return known
    raise ValueError(f"door_sensor is {word!r} and must be one of {', '.join(SENSORS)}")


def cut_name(name: str) -> str:
    """The first 16 bytes of a name, cut between characters."""
    return name.encode()[:LONGEST_NAME].decode(errors="ignore")


def _document(data: bytes) -> Any:
    try:
        document = json.loads(data.decode(), object_pairs_hook=_once)
        _refuse_repeated(document, "")
    except RecursionError:
        raise RefusedFile("the file is nested too deep") from None
    except ValueError as error:
        raise RefusedFile(f"the file is no JSON text: {error}") from None
    return document


class _Repeated:
    """Stands where a name was given twice in one object."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        fields[name] = _Repeated if name in fields else value
    return fields


def _refuse_repeated(value: Any, path: str) -> None:
    if value is _Repeated:
        raise RefusedFile(f"{path} is there twice")
    if isinstance(value, dict):
        for name, one in value.items():
            _refuse_repeated(one, f"{path}.{name}" if path else name)
    if isinstance(value, list):
        for place, one in enumerate(value):
            _refuse_repeated(one, f"{path}[{place}]")


def _check(provision: Provision) -> None:
    if not TOWER_ID.fullmatch(provision.tower_id) or not int(provision.tower_id, 16):
        raise RefusedFile("tower_id must be 16 lower-case hex digits, not all zero")
    if not 1 <= len(provision.name.encode()) <= LONGEST_NAME:
        raise RefusedFile(f"name must be 1 to {LONGEST_NAME} bytes of UTF-8")
    if not ROOT.fullmatch(provision.key.root):
        raise RefusedFile("key.root must be 64 lower-case hex digits")
    if not provision.lockers:
        raise RefusedFile("lockers must have at least one")
    _check_once(provision.lockers)


def _check_once(lockers: tuple[Locker, ...]) -> None:
    numbers: dict[int, int] = {}
    ports: dict[int, int] = {}
    for place, locker in enumerate(lockers):
        if locker.number in numbers:
            raise RefusedFile(
                f"lockers[{place}].number: {locker.number} is the number of lockers[{numbers[locker.number]}] too"
            )
        if locker.port != -1 and locker.port in ports:
            raise RefusedFile(f"lockers[{place}].port: {locker.port} is the port of lockers[{ports[locker.port]}] too")
        numbers[locker.number] = ports[locker.port] = place
