"""Which web pages may call: no page of another origin, and none that got here by a name that is not ours.

An open needs neither a body nor, on loopback, a key; a page somewhere else could ask for one through its visitor's
browser. A foreign `Host` means DNS rebinding, which makes any page one of the same origin (contract, choice 15).

A service whose every caller shows a secret of its own in each request, a bearer token or a client's secret, needs
neither check: a browser adds nothing by itself that would let a page in, neither a cookie nor its place in the
network, and a page that knows the secret may call from anywhere. Answers are shown to pages of allowed origins alone.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec

from openharbor.kit.errors import Refusal

DEFAULT_PORTS = {"http": 80, "https": 443}
LONGEST_SHOWN = 200


class Origins(msgspec.Struct, frozen=True):
    """Who may call. `hosts`: names of this machine, in lower case. `allowed`: other origins, as browsers send them.

    `open_paths` answer whatever the host and the origin. `any_host`: every path does; for services that let nobody in
    for where the request comes from.
    """

    hosts: frozenset[str] = frozenset({"localhost"})
    allowed: frozenset[str] = frozenset()
    open_paths: frozenset[str] = frozenset()
    any_host: bool = False


def own_origins(
    machine: str, hosts: Iterable[str] = (), allowed: Iterable[str] = (), open_paths: Iterable[str] = ()
) -> Origins:
    """This machine by its name, also as mDNS says it, and what the configuration adds."""
    name = machine.lower().rstrip(".")
    names = {"localhost", name, f"{name.partition('.')[0]}.local", *(host.lower().rstrip(".") for host in hosts)}
    return Origins(frozenset(names - {""}), frozenset(one.lower() for one in allowed), frozenset(open_paths))


def bearer_origins(allowed: Iterable[str] = ()) -> Origins:
    """For a service where each caller shows a secret; pages of `allowed` origins may call it and read the answers."""
    return Origins(frozenset(), frozenset(one.lower() for one in allowed), any_host=True)


def foreign(origins: Origins, scheme: str, host: str | None, origin: str | None) -> Refusal | None:
    """403 for a page of another origin or a name that is not ours. A request without `Host` comes from no browser."""
    if origins.any_host:
        return None
    if host is not None and not is_own_host(origins.hosts, host):
        return Refusal("FORBIDDEN", 403, "Requests for this host are not allowed", {"host": host[:LONGEST_SHOWN]})
    if origin is None or origin.lower() in origins.allowed or _same(scheme, host, origin):
        return None
    details = {"origin": origin[:LONGEST_SHOWN]}
    return Refusal("FORBIDDEN", 403, "Requests from this origin are not allowed", details)


def cross_origin_headers(origins: Origins, origin: str) -> list[tuple[bytes, bytes]]:
    """What lets a page of an allowed origin read the answer; nothing for others."""
    if origin.lower() not in origins.allowed:
        return []
    exposed = b"Location, Retry-After, Idempotency-Replayed, X-Request-Id"
    shown = (b"access-control-allow-origin", origin.encode("latin-1"))
    return [shown, (b"access-control-expose-headers", exposed), (b"vary", b"Origin")]


def preflight(
    origins: Origins, method: str, headers: Mapping[str, str], offered: Iterable[str]
) -> list[tuple[bytes, bytes]] | None:
    """The headers that answer a browser's question before a request of an allowed origin; None: it is none."""
    origin = headers.get("origin", "")
    if method != "OPTIONS" or origin.lower() not in origins.allowed or "access-control-request-method" not in headers:
        return None
    return [
        (b"access-control-allow-methods", ", ".join(sorted(offered)).encode("ascii")),
        (b"access-control-allow-headers", b"Authorization, Content-Type, Idempotency-Key, X-API-Key, X-Request-Id"),
        (b"access-control-max-age", b"600"),
    ]


@lru_cache(maxsize=256)
def is_own_host(hosts: frozenset[str], host: str) -> bool:
    """Whether a `Host` header is an IP address or one of `hosts`, with or without a port."""
    name, port = _name_and_port(host)
    if port and not (port.isascii() and port.isdigit()):
        return False
    name = name.lower()
    return name.removesuffix(".") in hosts or _is_address(name)


def _name_and_port(host: str) -> tuple[str, str]:
    if host.startswith("["):
        name, _, port = host[1:].partition("]")
        return (name, port.removeprefix(":")) if not port or port.startswith(":") else ("", "")
    name, _, port = host.partition(":")
    return name, port


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _same(scheme: str, host: str | None, origin: str) -> bool:
    """Whether an origin is the very address that the request went to."""
    if host is None:
        return False
    try:
        theirs, ours = urlsplit(origin), urlsplit(f"{scheme}://{host}")
        return theirs.scheme == scheme and _place(scheme, theirs.hostname, theirs.port) == _place(
            scheme, ours.hostname, ours.port
        )
    except ValueError:
        return False


def _place(scheme: str, host: str | None, port: int | None) -> tuple[str | None, int | None]:
    return host, port or DEFAULT_PORTS.get(scheme)
