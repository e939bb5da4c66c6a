"""Where webhooks may go (webhooks.md 7): which URLs, and which addresses they may lead to.

The list of ranges is written out, since Python's own (`is_global`) differs from release to release. Source: IANA,
IPv4 and IPv6 Special-Purpose Address Registries.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

import msgspec

from openharbor.kit.errors import Failed

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LONGEST_URL = 2048
PORTS = {"http": 80, "https": 443}
LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
RESERVED_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
GLOBAL_6 = IPv6Network("2000::/3")  # whatever is not in it is reserved
RESERVED_6 = tuple(IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
NAT64 = IPv6Network("64:ff9b::/96")


class Rules(msgspec.Struct, frozen=True):
    """`networks`: ranges that the installation allows besides. `loopback`: whether this machine is one of them."""

    networks: tuple[Network, ...] = ()
    loopback: bool = True


class Target(msgspec.Struct, frozen=True):
    """A URL as a request needs it. `resource`: path and query. `authority`: host and port as they were written."""

    secure: bool
    host: str
    port: int
    resource: str
    authority: str


class UrlFault(msgspec.Struct, frozen=True):
    """What is wrong with a URL: the contract's text and kind."""

    msg: str
    type: str


SCHEME = UrlFault("URL scheme should be https", "url_scheme")
NOT_ALLOWED = UrlFault("URL resolves to an address that is not allowed", "value_error")
TOO_LONG = UrlFault(f"URL should have at most {LONGEST_URL} characters", "string_too_long")
MALFORMED = UrlFault("Input should be a valid URL: ASCII, with a host, without spaces", "url_parsing")
USER = UrlFault("URL should not hold a user name or password", "value_error")


def rules_of(networks: Iterable[str], *, loopback: bool) -> Rules:
    """From settings. Raises Failed naming the range that is none."""
    try:
        return Rules(tuple(ip_network(text) for text in networks), loopback)
    except ValueError as error:
        raise Failed(f"webhook_networks: {error}; ranges look like 10.1.0.0/16") from None


def target_of(url: str) -> Target | UrlFault:
    """The parts of a URL that webhooks may go to, as far as the text alone can tell."""
    if len(url) > LONGEST_URL:
        return TOO_LONG
    if not url.isascii() or not url.isprintable() or set(url) & set(' "<>\\^`{|}'):
        return MALFORMED
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return MALFORMED
    if parts.scheme not in PORTS:
        return SCHEME
    if not host or port == 0 or (port is None and parts.netloc.endswith(":")):
        return MALFORMED
    if "@" in parts.netloc:
        return USER
    resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme == "https", host, port or PORTS[parts.scheme], resource, parts.netloc.lower())


def permitted(address: Address, rules: Rules) -> bool:
    """Whether a connection may go to this address."""
    address = _unwrapped(address)
    if _within(address, rules.networks):
        return True
    if isinstance(address, IPv4Address):
        return (rules.loopback and _within(address, LOOPBACK)) or not _within(address, RESERVED_4)
    if address in NAT64:
        return permitted(IPv4Address(int(address) & 0xFFFFFFFF), msgspec.structs.replace(rules, loopback=False))
    return (rules.loopback and _within(address, LOOPBACK)) or (address in GLOBAL_6 and not _within(address, RESERVED_6))


def fault_of(target: Target, addresses: Iterable[str], rules: Rules) -> UrlFault | None:
    """What is wrong with the addresses that the target's host has; none at all are not refused."""
    found = [ip_address(text) for text in addresses]
    if not target.secure and not (found and all(_within(_unwrapped(one), LOOPBACK) for one in found)):
        return SCHEME
    return None if all(permitted(one, rules) for one in found) else NOT_ALLOWED


def _unwrapped(address: Address) -> Address:
    """An IPv4-mapped address (::ffff:a.b.c.d) leads to the IPv4 address in it."""
    return address if isinstance(address, IPv4Address) else address.ipv4_mapped or address


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)
