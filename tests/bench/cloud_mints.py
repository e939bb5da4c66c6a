"""Minting drop-off tokens: bursts over lockers that are all available, beside the same burst at another server."""

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from harness.clouds import Cloud, cloud, token

from .cloud_requests import BODY, EACH, authorization, mints, send
from .cloud_site import MOST_TAKEN, Site, reset
from .figures import Figure, least

CONNECTIONS, QUICKER = 64, 3
MIX = f"{MOST_TAKEN * EACH:,} tokens a round: rows A2 and A7 as 1:{EACH - 1}"
Result = dict[str, Any]


@contextmanager
def serving(site: Site) -> Iterator[Cloud]:
    with cloud(site.database, site.database.master_key_file.parent / "log", "--log-level", "warning") as served:
        yield served


def answer_bytes(site: Site, served: Cloud) -> int:
    """The size of an answer."""
    tower, locker = site.taken()[0]
    connection = http.client.HTTPConnection(served.service.host_port, timeout=60)
    headers = {"Content-Type": "application/json", **authorization(token(served.url, site.database.acme))}
    connection.request("POST", f"/api/v1/towers/{tower}/lockers/{locker}/dropoff-locker-tokens", BODY, headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200, body
    reset(site)
    return len(body)


def mint_all(site: Site, served: Cloud, connections: int = CONNECTIONS) -> Result:
    """A round (timed), after which every locker is available again (untimed)."""
    done = send(served.service.host_port, mints(site.taken(), token(served.url, site.database.acme), connections))
    reset(site)
    return done


def mint_beside(site: Site, host_port: str, connections: int = CONNECTIONS) -> Result:
    """The same round at another server that writes to the site's database."""
    done = send(host_port, mints(site.taken(), "none", connections))
    reset(site)
    return done


def mint_constant(site: Site, host_port: str, connections: int = CONNECTIONS) -> Result:
    """The same round, a few times over, so that it takes about as long, at a server that stores nothing."""
    return send(host_port, mints(site.taken() * QUICKER, "none", connections))


def rounds(site: Site, served: Cloud, beside: Callable[[], Result], count: int) -> list[tuple[Result, Result]]:
    """Product and other in turn. The first round of both warms them up and is left out."""
    done = [(mint_all(site, served), beside()) for _ in range(count + 1)]
    return done[1:]


def compared(where: str, other: str, measured: list[tuple[Result, Result]], limit: float) -> list[Figure]:
    """Medians over the rounds; the share is that of each round, since a busy machine slows both of it down."""
    mine, base = (median(one[part]["rate"] for one in measured) for part in (0, 1))
    shares = sorted(one["rate"] / beside["rate"] for one, beside in measured)
    p50, p99 = (median(one[cut] for one, _ in measured) for cut in ("p50_ms", "p99_ms"))
    name = f"drop-off tokens/s, {where}, {CONNECTIONS} connections"
    note = f"p50 {p50:.1f} ms, p99 {p99:.1f} ms; {other} {base:,.0f}/s; {MIX}"
    spread = f"rounds {shares[0]:.2f} to {shares[-1]:.2f}"
    return [Figure(name, mine, "/s", note=note), least(f"{name}: share of {other}", median(shares), limit, "", spread)]
