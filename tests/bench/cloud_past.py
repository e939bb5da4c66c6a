"""A cloud that has grown: lockers, and what happened to them, written straight into its database by SQL.

The SQL is the same for both databases but for where numbers come from. Of each delivery there are four events of the
tower, an assignment, two tokens and three audit entries.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import psycopg

from openharbor.kit.database.driver import connect
from openharbor.kit.database.urls import SQLITE, sqlite_path

from .cloud_site import AVAILABLE, LOCATIONS_FROM, LOCKERS, MOST_TAKEN, TOWERS, Site, statements, tower_id

OFFSET = 1_000_000  # of the ids of what is past
START = 1_700_000_000_000
TABLES = ("locations", "towers", "tower_keys", "lockers", "tower_events", "assignments", "open_tokens", "audit")
ANY_TOWER = "'0' || (100000000000000 + {number})"
Numbers = Callable[[int], str]  # a row source `numbers(n)` of 1 to so many


def grow(site: Site, locations: int, events: int) -> Site:
    """The site with so many locations and past events. No server may run on it."""
    lockers = locations * TOWERS * LOCKERS
    if site.url.startswith(SQLITE):
        _fill_sqlite(site.url, list(_growth(_counted, lockers, events)))
    else:
        _fill_postgres(site.url, list(_growth(_generated, lockers, events)))
    with statements(site.url) as execute:
        for name in ("assignments", "open_tokens"):
            execute(f"UPDATE number_blocks SET next = {OFFSET + events} WHERE name = '{name}'")
            execute(
                f"INSERT INTO number_blocks (name, next) SELECT '{name}', {OFFSET + events}"
                f" WHERE NOT EXISTS (SELECT 1 FROM number_blocks WHERE name = '{name}')"
            )
    return replace(site, lockers=lockers)


def _growth(numbers: Numbers, lockers: int, events: int) -> Iterator[str]:
    yield from _places(numbers, lockers)
    yield _events(numbers, lockers // LOCKERS, events)
    yield from _deliveries(numbers, lockers, events // 4)
    yield _audit(numbers, lockers, events // 4 * 3)


def _places(numbers: Numbers, lockers: int) -> Iterator[str]:
    more = lockers - MOST_TAKEN
    towers, first = more // LOCKERS, tower_id(1)
    yield (
        "INSERT INTO locations (id, key, name, lat, lon, address1, city, state, zip, country)"
        f" SELECT {LOCATIONS_FROM} + n, 'yard-' || n, 'Yard ' || n, 30 + n * 0.01, -80 + n * 0.01, 'Example Street',"
        f" 'Harbortown', 'North Carolina', '28000', 'United States' FROM {numbers(towers // TOWERS)}"
    )
    yield (
        "INSERT INTO towers (id, location_id, name, access, for_test, system_id, tower_model_id, rotation)"
        f" SELECT {ANY_TOWER.format(number=f'{TOWERS} + n')}, {LOCATIONS_FROM} + (n - 1) / {TOWERS} + 1, 'Tower ' || n,"
        f" t.access, t.for_test, t.system_id, t.tower_model_id, t.rotation FROM {numbers(towers)}, towers t"
        f" WHERE t.id = '{first}'"
    )
    yield (
        "INSERT INTO tower_keys (tower_id, rotation, state, sealed_root, created_at, changed_at)"
        " SELECT t.id, k.rotation, k.state, k.sealed_root, k.created_at, k.changed_at FROM towers t, tower_keys k"
        f" WHERE k.tower_id = '{first}' AND t.location_id > {LOCATIONS_FROM}"
    )
    yield (
        "INSERT INTO lockers (id, tower_id, number, name, type_id, low, port, door_sensor, status, state)"
        " SELECT id, tower_id, number, CAST(number AS TEXT), type_id, 0, number - 1, 'normal', 1,"
        f" {AVAILABLE} FROM (SELECT {MOST_TAKEN} + n AS id,"
        f" {ANY_TOWER.format(number=f'{TOWERS} + (n - 1) / {LOCKERS} + 1')} AS tower_id,"
        f" (n - 1) % {LOCKERS} + 1 AS number, 1 AS type_id FROM {numbers(more)}) AS made"
    )


def _events(numbers: Numbers, towers: int, events: int) -> str:
    each = math.ceil(events / towers)
    return (
        "INSERT INTO tower_events"
        " (tower_id, epoch, event_id, packet_type, fields, tower_time_s, received_at, applied_at)"
        f" SELECT {ANY_TOWER.format(number=f'(n - 1) / {each} + 1')}, 1, (n - 1) % {each} + 1, 230,"
        ' \'{"5":1700000000,"70":\' || n % 60 || \',"73":true,"75":{"hex":"00112233445566778899aabbccddeeff"},"224":\''
        f" || n || '}}', {START // 1000} + n, {START} + n * 1000, {START} + n * 1000 FROM {numbers(events)}"
    )


def _deliveries(numbers: Numbers, lockers: int, count: int) -> Iterator[str]:
    yield (
        "INSERT INTO assignments (id, locker_id, organization_id, since, ended_at)"
        f" SELECT {OFFSET} + n, (n - 1) % {lockers} + 1, 1, {START} + n * 4000, {START} + n * 4000 + 3000"
        f" FROM {numbers(count)}"
    )
    yield (
        "INSERT INTO open_tokens (id, locker_id, organization_id, assignment_id, kind, generation, rotation,"
        f" created_at, expires_s, client_info, settled) SELECT {OFFSET} + n, (n - 1) / 2 % {lockers} + 1, 1,"
        f" {OFFSET} + (n - 1) / 2 + 1, CASE n % 2 WHEN 1 THEN 'dropoff' ELSE 'pickup' END, 1, 1, {START} + n * 2000,"
        f" {START // 1000} + n * 2 + 3600, '\"parcel ' || n || '\"', 'used' FROM {numbers(2 * count)}"
    )


def _audit(numbers: Numbers, lockers: int, count: int) -> str:
    return (
        "INSERT INTO audit (at, actor, organization_id, action, tower_id, locker_id, outcome, details)"
        " SELECT at, 'client:acme-parcels', 1, 'create_dropoff_locker_token',"
        f" {ANY_TOWER.format(number=f'(locker - 1) / {LOCKERS} + 1')}, locker, 'A2', '{{\"token\": ' || at || '}}'"
        f" FROM (SELECT {START} + n * 1333 AS at, (n - 1) / 3 % {lockers} + 1 AS locker FROM {numbers(count)}) AS made"
    )


def _counted(count: int) -> str:
    rows = f"SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}"
    return f"(WITH RECURSIVE numbers(n) AS ({rows}) SELECT n FROM numbers) AS numbers"


def _generated(count: int) -> str:
    return f"generate_series(CAST(1 AS BIGINT), {count}) AS numbers(n)"


def _fill_sqlite(url: str, filling: list[str]) -> None:
    connection = connect(sqlite_path(url))
    for setting in ("foreign_keys = OFF", "synchronous = OFF", "journal_mode = OFF", "cache_size = -262144"):
        connection.execute(f"PRAGMA {setting}").fetchall()
    for sql in filling:
        connection.execute(sql)
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.close()


def _fill_postgres(url: str, filling: list[str]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # what is made here points at what is there
        connection.execute("SET synchronous_commit = off")
        for sql in filling:
            connection.execute(sql.encode())
        for table in TABLES:
            connection.execute(f"VACUUM ANALYZE {table}".encode())
        connection.execute("CHECKPOINT")
