"""What must hold between the keys of a catalog file's tables (catalog-file.md, "Fields")."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import UnsetType

from openharbor.cloud.catalog.import_faults import Fault, place
from openharbor.cloud.catalog.import_tables import AccessHoursTable, Values, given, read_table
from openharbor.cloud.catalog.toml_lines import Path
from openharbor.kit.timezones import is_timezone

FOREIGN = {"sandbox": ("10", "production"), "production": ("01", "a sandbox")}
NO_TOWER = "0" * 16


def twice(named: Iterable[tuple[Path, Any]]) -> Iterator[Fault]:
    """Values that must be unique in the file and are not."""
    first: dict[Any, Path] = {}
    for path, value in named:
        if value in first:
            yield Fault(path, f"{value} is taken by {place(first[value][:-1])}")
        first.setdefault(value, path)


def location_faults(values: Values, path: Path) -> Iterator[Fault]:
    lat, lon = (key in values and given(values[key]) is not None for key in ("lat", "lon"))
    if lat != lon and {"lat", "lon"} <= values.keys():
        there, missing = ("lat", "lon") if lat else ("lon", "lat")
        yield Fault((*path, there), f"must come with {missing}, or be left out too")
    timezone = given(values.get("timezone"))
    if timezone is not None and not is_timezone(timezone):
        yield Fault((*path, "timezone"), "must be an IANA time zone name, such as America/New_York")


def access_hours(raw: dict[str, Any] | UnsetType, path: Path, faults: list[Fault]) -> str | None:
    """JSON of the contract's AccessHours; None where the file has none."""
    if isinstance(raw, UnsetType):
        return None
    days = read_table(AccessHoursTable, raw, path, faults)
    for day, intervals in days.items():
        faults += [
            Fault((*path, day), f"[{start}, {end}] must start before it ends")
            for start, end in intervals
            if start >= end
        ]
    shown = {day: [{"start": start, "end": end} for start, end in intervals] for day, intervals in days.items()}
    return msgspec.json.encode(shown).decode()


def tower_faults(values: Values, path: Path, environment: str) -> Iterator[Fault]:
    yield from _id_faults(values.get("id"), path, environment)
    access, organizations = values.get("access"), values.get("organizations")
    if access == "private" and organizations == []:
        yield Fault((*path, "organizations"), "must name at least one organization, since access is private")
    if access == "public" and organizations:
        yield Fault((*path, "organizations"), "is for towers whose access is private; this one is public")


def _id_faults(tower_id: str | None, path: Path, environment: str) -> Iterator[Fault]:
    if tower_id is None:
        return
    prefix, other = FOREIGN[environment]
    if tower_id == NO_TOWER:
        yield Fault((*path, "id"), "must not be all zero")
    if tower_id.startswith(prefix):
        message = f"{tower_id} is a tower of {other} ({prefix}…); this installation is set to {environment}"
        yield Fault((*path, "id"), message)
