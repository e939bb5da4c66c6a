"""Connection URLs of lock boards (lock-boards.md 5.1): one text for where a board is and how it is set up."""

import ipaddress
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, NamedTuple
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from openharbor.boards.address_parameters import (
    NAME,
    PARAMETERS,
    Draft,
    show,
    silence_ms,
    written,
)
from openharbor.boards.outcomes import Feedback
from openharbor.boards.protocols.families import FAMILIES, WKLY

__all__ = ["Address", "AddressError", "Conflict", "conflicts", "parse", "silence_ms", "warnings"]

MOST_CHARACTERS = 255
WAVESHARE_INPUTS = 8
LOCAL_NAMES = (".local", ".lan", ".internal", ".home.arpa", ".localdomain")

Line = tuple[str, str]
_IN_PATH = "/:@+,=~!$&'()*;"  # what a device path may show unquoted


class AddressError(ValueError):
    """An address that is refused.

    `parameter`: what is wrong, by its name in the query, or one of address, scheme, credentials, host, port, path,
    name, query, fragment. `message`: the limit.
    """

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(f"{parameter} {message}")
        self.parameter = parameter
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A board's place and set-up, every default filled in. `str()` gives the one canonical form (5.1).

    `family` names the frames on the wire; for `virtual` that is what it `speaks`. Times in milliseconds; `pulse_ms`
    None: not fixed here. `locks` None: learnt from the answer. `feedback` None: not set, doors read unknown.
    `sensors` None: every lock is wired. `echo` None: found out at connect (2.4).
    """

    family: str
    transport: Literal["serial", "tcp", "virtual"]
    host: str = ""
    port: int | None = None
    path: str = ""
    name: str = ""
    board: int
    locks: int | None
    feedback: Feedback | None
    sensor: Literal["hook", "door"]
    sensors: frozenset[int] | None
    baudrate: int
    parity: Literal["N", "E", "O"]
    stopbits: int
    echo: bool | None
    supply: str | None
    board_max: int | None
    reply_layout: Literal["count", "etx"]
    status_order: Literal["status_first", "lock_first"]
    status_bytes: int | None
    busy_reset: bool
    native_open_all: bool
    sequence_count: bool
    read_ms: int
    unlock_ms: int
    pulse_ms: int | None
    quiet_ms: int
    gap_ms: int
    silence_ms: int
    poll_ms: int
    fast_poll_ms: int
    min_repeat_ms: int

    @property
    def driver(self) -> str:
        """The scheme without `+serial` or `+tcp`."""
        return "virtual" if self.transport == "virtual" else self.family

    @property
    def line(self) -> Line:
        """The bus: equal for every board on it, however the URLs were written."""
        if self.transport == "serial":
            return "serial", self.path
        if self.transport == "virtual":
            return "virtual", self.name
        host = "127.0.0.1" if self.host == "localhost" else self.host
        return "tcp", f"{host}:{self.port}"

    @property
    def supply_key(self) -> Line:
        """What shares a power supply: the bus, unless `supply` names one across buses (4.2)."""
        return ("supply", self.supply) if self.supply else self.line

    @property
    def has_feedback(self) -> bool:
        return self.feedback in ("closed_is_1", "open_is_1")

    def senses(self, lock: int) -> bool:
        """Whether the door of this lock can be read, by configuration (2.5)."""
        return self.has_feedback and (self.sensors is None or lock in self.sensors)

    def __str__(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in sorted(_shown(self)))
        return f"{_scheme_of(self)}://{_place_of(self)}" + (f"?{query}" if query else "")


class Conflict(NamedTuple):
    """`second` cannot stand beside `first`."""

    first: int
    second: int
    message: str


def parse(url: str) -> Address:
    """The address in `url`. Raises AddressError that names the part and its limit. At most 255 characters (5.1)."""
    if len(url) > MOST_CHARACTERS:
        raise AddressError("address", f"must have at most {MOST_CHARACTERS} characters, not {len(url)}")
    if not re.fullmatch(r"[!-~]+", url):
        raise AddressError("address", "must be printable ASCII without spaces")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise AddressError("host", f"cannot be read: {error}") from None
    given = _query(parts)
    driver, transport = _scheme(url)
    family = _spoken(given) if transport == "virtual" else driver
    draft: Draft = {"family": family, "transport": transport, **_place(parts, transport, family)}
    _read_parameters(draft, given)
    _check_together(draft)
    address = Address(**draft)
    if len(str(address)) > MOST_CHARACTERS:
        raise AddressError("address", f"must have at most {MOST_CHARACTERS} characters in its canonical form")
    return address


def conflicts(addresses: Mapping[int, Address], resolve: Callable[[str], str] = posixpath.normpath) -> list[Conflict]:
    """Every board that cannot stand beside an earlier one: the same bus and address (5.1), or another family or other
    serial settings on the same bus (5.2). `resolve` gives a device path without links; its default asks no disk."""
    found: list[Conflict] = []
    seen: dict[Line, list[int]] = {}
    for at, address in addresses.items():
        line = (address.line[0], resolve(address.path)) if address.transport == "serial" else address.line
        for earlier in seen.setdefault(line, []):
            message = _clash(addresses[earlier], address)
            if message:
                found.append(Conflict(earlier, at, message))
                break
        seen[line].append(at)
    return found


def warnings(address: Address) -> tuple[str, ...]:
    """What will work, but perhaps not as meant (2.5, 3.6, 5.3)."""
    return tuple(_warnings(address))


def _query(parts: SplitResult) -> dict[str, str]:
    try:
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=64)
    except ValueError:
        if parts.query:
            raise AddressError("query", "must be name=value pairs joined by &") from None
        pairs = []
    given: dict[str, str] = {}
    for name, value in pairs:
        if not re.fullmatch("[A-Za-z0-9_.-]+", name):
            raise AddressError("query", "must have names of letters, digits, '_', '.' and '-'")
        name = "locks" if name == "lockers" else name
        if name in given:
            raise AddressError(name, "must be given once")
        given[name] = value
    return given


def _scheme(url: str) -> tuple[str, str]:
    scheme, found, _ = url.partition("://")
    driver, _, transport = scheme.lower().partition("+")
    if not found or (driver not in FAMILIES and driver != "virtual"):
        raise AddressError("scheme", f"must begin with one of {', '.join([*FAMILIES, 'virtual'])}")
    if driver == "virtual" or not FAMILIES[driver].serial:
        if transport:
            raise AddressError("scheme", f"must be {driver} alone")
        return driver, "virtual" if driver == "virtual" else "tcp"
    if transport not in ("serial", "tcp"):
        raise AddressError("scheme", f"must be {driver}+serial or {driver}+tcp")
    return driver, transport


def _spoken(given: dict[str, str]) -> str:
    family = given.pop("speaks", WKLY.name)
    if family not in FAMILIES:
        raise AddressError("speaks", f"must be one of {', '.join(FAMILIES)}")
    return family


def _place(parts: SplitResult, transport: str, family: str) -> Draft:
    if "@" in parts.netloc:
        raise AddressError("credentials", "must not stand in an address")
    if parts.fragment:
        raise AddressError("fragment", "must not stand in an address")
    if transport == "serial":
        return {"path": _path(parts)}
    if parts.path not in ("", "/"):
        raise AddressError("path", "belongs to serial addresses only")
    if transport == "virtual":
        return {"name": _name(parts)}
    return {"host": _host(parts), "port": _port(parts, FAMILIES[family].default_port)}


def _path(parts: SplitResult) -> str:
    if parts.netloc:
        raise AddressError("path", "must be absolute, after three slashes: serial:///dev/ttyUSB0")
    try:
        path = posixpath.normpath("/" + unquote(parts.path, errors="strict").lstrip("/"))
    except UnicodeDecodeError:
        raise AddressError("path", "must be UTF-8") from None
    if path == "/" or not path.isprintable():
        raise AddressError("path", "must name a device, in printable characters")
    return path


def _name(parts: SplitResult) -> str:
    if not NAME.fullmatch(parts.netloc):
        raise AddressError("name", "must be 1 to 64 letters, digits, '.', '_' and '-'")
    return parts.netloc.lower()


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").removesuffix(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        label = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
        if not re.fullmatch(rf"{label}(\.{label})*", host) or re.fullmatch(r"[0-9.]+", host):
            raise AddressError("host", "must be an IP address or a host name") from None
        return host
    if "%" in host:
        raise AddressError("host", "must be an address without a zone")
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    plain = mapped or address
    return f"[{plain}]" if plain.version == 6 else str(plain)


def _port(parts: SplitResult, default: int | None) -> int:
    try:
        port = parts.port
    except ValueError:
        port = 0
    port = default if port is None else port
    if port is None:
        raise AddressError("port", "must be given")
    if port == 0:
        raise AddressError("port", "must be from 1 to 65535")
    return port


def _read_parameters(draft: Draft, given: Mapping[str, str]) -> None:
    known = {written(name, draft) for name, parameter in PARAMETERS.items() if parameter.belongs(draft)}
    for name in sorted(set(given) - known):
        raise AddressError(name, f"is no parameter of this address; known are {', '.join(sorted(known))}")
    for name, parameter in PARAMETERS.items():
        text = given.get(written(name, draft)) if parameter.belongs(draft) else None
        try:
            draft[name] = parameter.default(draft) if text is None else parameter.read(text, draft)
        except ValueError as error:
            raise AddressError(written(name, draft), str(error)) from None


def _check_together(draft: Draft) -> None:
    if draft["status_bytes"] and draft["locks"] > 8 * draft["status_bytes"]:
        raise AddressError("status_bytes", f"must be enough for {draft['locks']} locks, 8 to a byte")
    if draft["status_bytes"] == 1 and draft["echo"] is None:
        # With every door at 0 the answer of such a board is byte for byte the query (2.4).
        raise AddressError("echo", "must be 0 or 1 with status_bytes=1: an echo cannot be told from an answer")


def _scheme_of(address: Address) -> str:
    alone = address.transport == "virtual" or not FAMILIES[address.family].serial
    return address.driver if alone else f"{address.driver}+{address.transport}"


def _place_of(address: Address) -> str:
    if address.transport == "serial":
        return quote(address.path, safe=_IN_PATH)
    return address.name if address.transport == "virtual" else f"{address.host}:{address.port}"


def _shown(address: Address) -> Iterator[tuple[str, str]]:
    draft = {one.name: getattr(address, one.name) for one in fields(address)}
    if address.transport == "virtual" and address.family != WKLY.name:
        yield "speaks", address.family
    for name, parameter in PARAMETERS.items():
        required = name == "board" and address.transport != "virtual"
        if parameter.belongs(draft) and (required or draft[name] != _default(name, draft)):
            yield written(name, draft), show(draft[name])


def _default(name: str, draft: Draft) -> Any:
    try:
        return PARAMETERS[name].default(draft)
    except ValueError:  # it must be given, so it is shown
        return None


def _clash(first: Address, second: Address) -> str:
    if first.family != second.family:
        return f"the line already carries {first.family}; two families on one line are not supported"
    if first.board == second.board:
        return f"board {first.board} on this line is taken"
    if (first.baudrate, first.parity, first.stopbits) != (second.baudrate, second.parity, second.stopbits):
        return f"the line already runs at {first.baudrate} 8{first.parity}{first.stopbits}"
    return ""


def _warnings(address: Address) -> Iterator[str]:
    if address.transport != "virtual" and address.feedback is None:
        yield "feedback is not set: doors read unknown and opens end unconfirmed"
    if address.transport == "tcp" and not _is_private(address.host):
        yield f"{address.host} is not a private address: who reaches the port of a converter opens doors"
    relays = address.family in ("waveshare", "modbus-tcp")
    if relays and address.has_feedback and (address.locks or 0) > WAVESHARE_INPUTS:
        yield f"these boards have {WAVESHARE_INPUTS} inputs at most: the doors above read unknown"


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host.strip("[]")).is_global
    except ValueError:
        return "." not in host or host.endswith(LOCAL_NAMES)
