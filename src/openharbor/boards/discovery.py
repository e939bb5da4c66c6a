"""Boards that announce themselves on the network: what they say, and the address it makes (lock-boards.md 5.2). Pure.

Whoever is on the network may announce anything; what a driver would refuse is not a board.
"""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

import msgspec

from openharbor.boards.address import Address, parse
from openharbor.boards.protocols.codec import Family
from openharbor.boards.protocols.families import FAMILIES, WKLY

SERVICE = "_openharbor-lock._tcp.local."
MOST_ANNOUNCEMENTS = 256  # that one scan looks at
LONGEST_TEXT = 255  # of a value, as mDNS has it
LONGEST_NAME = 100


class Announcement(msgspec.Struct, frozen=True):
    """One service as it was found: its instance name, its IP addresses as text, its TXT record."""

    instance: str
    hosts: tuple[str, ...]
    port: int
    txt: Mapping[str, str]


class FoundBoard(msgspec.Struct, frozen=True):
    """A board that may be added. `address` lacks `feedback`: no board knows how its contacts are wired."""

    driver: str
    address: Address
    name: str
    lockers: int


class NotABoard(msgspec.Struct, frozen=True):
    """An announcement that is none, and why."""

    instance: str
    why: str


def read(announcement: Announcement) -> FoundBoard | NotABoard:
    """The board that is announced."""
    try:
        return _read(announcement)
    except ValueError as error:  # AddressError is one
        return NotABoard(announcement.instance, str(error))


def found_boards(announcements: Sequence[Announcement]) -> tuple[tuple[FoundBoard, ...], tuple[NotABoard, ...]]:
    """Each board once, by address, and what was none."""
    results = [read(one) for one in announcements[:MOST_ANNOUNCEMENTS]]
    boards = {(one.address.line, one.address.board): one for one in results if isinstance(one, FoundBoard)}
    refused = tuple(one for one in results if isinstance(one, NotABoard))
    return tuple(sorted(boards.values(), key=lambda one: str(one.address))), refused


def is_same_board(first: Address, second: Address) -> bool:
    """Whether both lead to one board, however it is wired and driven."""
    return (first.line, first.board) == (second.line, second.board)


def is_known(found: FoundBoard, addresses: Iterable[Address]) -> bool:
    """Whether one of these is the board."""
    return any(is_same_board(found.address, one) for one in addresses)


def announcement_of(address: Address, host: str, name: str, locks: int) -> Announcement:
    """What a board at this TCP address tells of itself, reached at `host`. Raises ValueError for another line."""
    if address.transport != "tcp" or address.port is None:
        raise ValueError("only a board on a TCP port can be announced")
    txt = {"driver": address.driver, "lockers": str(locks), "board": str(address.board), "name": name[:LONGEST_NAME]}
    return Announcement(f"{address.driver} {address.board} at {address.port}", (host,), address.port, txt)


def _read(announcement: Announcement) -> FoundBoard:
    driver = _text(announcement, "driver")
    family = FAMILIES.get(driver)
    if family is None:
        raise ValueError(f"this release has no driver {driver!r}")
    lockers, board = _number(announcement, "lockers"), _number(announcement, "board")
    scheme = f"{driver}+tcp" if family.serial else driver
    place = f"{_host(announcement.hosts)}:{announcement.port}"
    url = f"{scheme}://{place}?{family.address_name}={board}"
    whole = parse(f"{url}&locks={lockers}")
    return FoundBoard(driver, whole if _tells_size(family, lockers) else parse(url), _name(announcement), lockers)


def _tells_size(family: Family, lockers: int) -> bool:
    """Whether an address must say how many locks there are. A board may have more than there are lockers; a WKLY board
    tells by its answers."""
    if family.default_locks is None:
        return family is not WKLY
    return lockers > family.default_locks


def _text(announcement: Announcement, key: str) -> str:
    value = announcement.txt.get(key)
    if not value or len(value) > LONGEST_TEXT:
        raise ValueError(f"its TXT record has no {key}")
    return value


def _number(announcement: Announcement, key: str) -> int:
    text = _text(announcement, key)
    if not (text.isascii() and text.isdigit() and len(text) <= 3):
        raise ValueError(f"its {key} must be a number of at most 3 digits")
    return int(text)


def _host(hosts: Sequence[str]) -> str:
    """IPv4 before IPv6; no link-local address, which means nothing without its interface."""
    usable: list[IPv4Address | IPv6Address] = []
    for text in hosts:
        try:
            address = ip_address(text)
        except ValueError:
            continue
        if not (address.is_multicast or address.is_unspecified or (address.version == 6 and address.is_link_local)):
            usable.append(address)
    if not usable:
        raise ValueError("it has no address that can be reached")
    first = min(usable, key=lambda address: address.version)
    return str(first) if first.version == 4 else f"[{first}]"


def _name(announcement: Announcement) -> str:
    """For people; anything may stand in it but what cannot be shown."""
    told = announcement.txt.get("name") or announcement.instance.partition("." + SERVICE)[0]
    name = "".join(letter if letter.isprintable() else " " for letter in told).strip()[:LONGEST_NAME]
    return name or "Unnamed board"
