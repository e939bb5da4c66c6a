"""`openharbor cloud import`: a catalog file into the database, all or nothing (catalog-file.md)."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

from openharbor.cloud import audit
from openharbor.cloud.catalog import import_store as store
from openharbor.cloud.catalog.catalog import Catalog
from openharbor.cloud.catalog.import_faults import Fault, told
from openharbor.cloud.catalog.import_file import MOST_BYTES, Environment, Reading, read_catalog
from openharbor.cloud.catalog.import_plan import Plan, plan_import
from openharbor.cloud.catalog.import_present import Difference, Present
from openharbor.cloud.scope import INSTALLATION, TenantScope
from openharbor.cloud.towers.commands import queue_next
from openharbor.kit.clock import SystemClock
from openharbor.kit.database.face import Database, Transaction
from openharbor.kit.database.opening import open_database
from openharbor.kit.errors import Failed

ACTOR = "command line"
KINDS = ("organizations", "lockerTypes", "locations", "towers", "lockers")
NUMBERED = ("organizations", "locations", "lockers")

Summary = dict[str, Any]


def import_file_command(
    database_url: str, file: Path, *, environment: Environment = "sandbox", now: int | None = None
) -> Summary:
    """Imports a file into a database whose schema is there; what was created, changed, unchanged, and is missing.

    Raises Failed with every fault, one a line. `now`: ms since 1970, None for this moment.
    """
    return asyncio.run(_import(database_url, file, environment, SystemClock().now() if now is None else now))


async def _import(database_url: str, file: Path, environment: Environment, now: int) -> Summary:
    database = open_database(database_url, threads=1)
    try:
        return await import_file(database, file, environment=environment, now=now)
    finally:
        await database.close()


async def import_file(database: Database, file: Path, *, environment: Environment, now: int) -> Summary:
    """As `import_file_command`, with an open database."""
    reading = await asyncio.to_thread(lambda: read_catalog(_read(file), environment))
    done = await database.write(partial(import_catalog, INSTALLATION, reading=reading, now=now))
    if isinstance(done, dict):
        return done
    raise Failed(told(done, str(file), reading.text))


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise Failed(f"{file} cannot be read: {error.strerror or error}") from error


def import_catalog(scope: TenantScope, tx: Transaction, *, reading: Reading, now: int) -> Summary | tuple[Fault, ...]:
    """One unit of work: what was done, or every fault and nothing done. `now`: ms since 1970."""
    plan = plan_import(reading, _present(scope, tx, reading.catalog), now)
    if isinstance(plan, tuple):
        _note(scope, tx, now, "refused", {"faults": len(plan)})
        return plan
    summary = _summary(plan)
    _note(scope, tx, now, "done", {kind: summary[kind]["created"] + summary[kind]["changed"] for kind in KINDS})
    _write(scope, tx, plan, now)
    return summary


def _note(scope: TenantScope, tx: Transaction, now: int, outcome: str, details: dict[str, int]) -> None:
    audit.note(scope, tx, at=now, actor=ACTOR, action="catalog import", outcome=outcome, details=details)


def _present(scope: TenantScope, tx: Transaction, catalog: Catalog) -> Present:
    next_ids = {name: store.claim_numbers(scope, tx, name) for name in NUMBERED}
    organizations = store.organizations(scope, tx)
    organizations_of: dict[str, set[int]] = {}
    for row in store.tower_organizations(scope, tx):
        organizations_of.setdefault(row["tower_id"], set()).add(row["organization_id"])
    lockers = [row for tower in catalog.towers for row in store.tower_lockers(scope, tx, tower.id)]
    places = {one.id: store.locker_place(scope, tx, one.id) for one in catalog.lockers if one.id is not None}
    return Present(
        organizations={row["key"]: row for row in organizations if row["key"] is not None},
        keyless_organizations=[row for row in organizations if row["key"] is None],
        locker_types={row["id"]: row for row in store.locker_types(scope, tx)},
        locations={row["key"]: row for row in store.locations(scope, tx)},
        towers={row["id"]: row for row in store.towers(scope, tx)},
        organizations_of={tower: frozenset(ids) for tower, ids in organizations_of.items()},
        provisioned=store.provisioned_towers(scope, tx),
        lockers={(row["tower_id"], row["number"]): row for row in lockers},
        locker_places={id_: place for id_, place in places.items() if place is not None},
        next_ids=next_ids,
    )


def _write(scope: TenantScope, tx: Transaction, plan: Plan, now: int) -> None:
    for name, following in plan.next_ids.items():
        store.move_numbers(scope, tx, name, following)
    store.write_organizations(scope, tx, plan.organizations)
    store.write_locker_types(scope, tx, plan.locker_types)
    store.write_locations(scope, tx, plan.locations)
    store.write_towers(scope, tx, plan.towers)
    store.write_tower_organizations(scope, tx, plan.organizations_of)
    for tower_id, commands in sorted(plan.lockers.commands.items()):  # towers are locked before lockers, everywhere
        queue_next(scope, tx, tower_id, commands, now)
    store.write_lockers(scope, tx, plan.lockers.difference)


def _summary(plan: Plan) -> Summary:
    rows = (plan.organizations, plan.locker_types, plan.locations, _with_access(plan), plan.lockers.difference)
    queued = sum(len(commands) for commands in plan.lockers.commands.values())
    return {**{name: _counts(one) for name, one in zip(KINDS, rows, strict=True)}, "queuedCommands": queued}


def _with_access(plan: Plan) -> Difference:
    """A tower has changed, too, when only its list of organizations has."""
    towers = plan.towers
    told_of = {row["id"] for row in (*towers.create, *towers.change)}
    more = tuple({"id": tower} for tower in plan.organizations_of if tower not in told_of)
    return Difference(towers.create, (*towers.change, *more), towers.unchanged - len(more), towers.missing)


def _counts(rows: Difference) -> Summary:
    return {
        "created": len(rows.create),
        "changed": len(rows.change),
        "unchanged": rows.unchanged,
        "missing": list(rows.missing),
    }
