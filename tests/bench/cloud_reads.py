"""Reading: the lockers of a tower, the availability of a location. One caller after another, so nothing waits."""

from typing import Any

from harness.clouds import Cloud, token

from .cloud_requests import reads, send
from .cloud_site import LOCKERS, TOWERS, Site
from .figures import Figure, most

TIMES, DIFFERENT = 600, 100
LIST_MS, AVAILABILITY_MS = 20.0, 40.0
LIST = f"list of a tower's {LOCKERS} lockers"
AVAILABILITY = f"availability of a location with {TOWERS} towers"


def list_lockers(site: Site, served: Cloud) -> dict[str, Any]:
    """The towers of the lockers that bursts take, in turn."""
    towers = list(dict.fromkeys(tower for tower, _ in site.taken()))
    return _read(site, served, [f"/api/v1/towers/{towers[one % len(towers)]}/lockers" for one in range(TIMES)])


def availability(site: Site, served: Cloud) -> dict[str, Any]:
    """The locations in turn."""
    locations = site.locations()
    step = max(len(locations) // DIFFERENT, 1)
    asked = locations[::step]
    paths = [f"/api/v1/locations/{asked[one % len(asked)]}/availability" for one in range(TIMES)]
    return _read(site, served, paths)


def _read(site: Site, served: Cloud, paths: list[str]) -> dict[str, Any]:
    return send(served.service.host_port, reads(paths, token(served.url, site.database.acme)))


def figures(site: Site, served: Cloud, where: str) -> list[Figure]:
    asked = ((list_lockers, LIST, LIST_MS), (availability, AVAILABILITY, AVAILABILITY_MS))
    found = []
    for read, name, limit in asked:
        read(site, served)  # warms it up
        took = read(site, served)
        found.append(most(f"{name}, {where}, p99", took["p99_ms"], limit, "ms", f"p50 {took['p50_ms']:.2f} ms"))
    return found
