"""Two cloud processes on one PostgreSQL: no locker ever has two holders, and each expiry happens once."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from random import Random

import psycopg
import pytest

from harness.api import Api, Reply
from harness.catalogs import catalog_file
from harness.clouds import TOWER, Client, Cloud, bearer, cloud, new_client, new_database, token
from harness.postgres import Server
from harness.processes import openharbor, until

pytestmark = pytest.mark.slow

LOCKERS, CLIENTS, PROVIDERS = 50, 200, 4

NO_SECOND_HOLDER = """
CREATE FUNCTION no_second_holder() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.holder_id IS NOT NULL AND NEW.holder_id IS NOT NULL AND OLD.holder_id <> NEW.holder_id THEN
    RAISE EXCEPTION 'locker % goes from holder % to holder %', NEW.id, OLD.holder_id, NEW.holder_id;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER no_second_holder BEFORE UPDATE ON lockers FOR EACH ROW EXECUTE FUNCTION no_second_holder();
"""


class Pair:
    """Two processes, a client of each provider, and the database behind them."""

    def __init__(self, processes: list[Cloud], providers: list[Client], url: str) -> None:
        self.processes, self.providers, self.url = processes, providers, url

    def apis(self) -> list[Api]:
        """Each provider at each process."""
        return [bearer(one.url, token(one.url, client)) for one in self.processes for client in self.providers]

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture
def pair(tmp_path: Path, postgres: Server) -> Iterator[Pair]:
    url = postgres.database("races")
    database = new_database(tmp_path, url, catalog=catalog_file(tmp_path / "catalog.toml", {TOWER: LOCKERS}))
    openharbor("cloud", "tower", "provision", *database.flags, TOWER, "--out", str(tmp_path / "tower.json"))
    providers = [new_client(database.flags, f"Provider {number}") for number in range(PROVIDERS)]
    with psycopg.connect(url) as connection:
        connection.execute(NO_SECOND_HOLDER)
    with ExitStack() as stack:
        processes = [stack.enter_context(cloud(database, tmp_path / f"log{number}")) for number in (1, 2)]
        yield Pair(processes, providers, url)


def locker_ids(api: Api) -> list[int]:
    return [one["id"] for one in api.get(f"/api/v1/towers/{TOWER}/lockers").body]


def take_one(api: Api, seed: int, lockers: list[int]) -> tuple[int | None, Counter[str]]:
    """Asks for a locker by a link, or reserves one after another until one is given; which, and every other answer."""
    if seed % 2:
        return _take_by_link(api)
    others = Counter[str]()
    for locker in Random(seed).sample(lockers, len(lockers)):
        reply = api.post(f"/api/v1/towers/{TOWER}/lockers/{locker}/reservations", {"duration": 3600})
        if reply.status == 200:
            return locker, others
        others[answer(reply)] += 1
    return None, others


def _take_by_link(api: Api) -> tuple[int | None, Counter[str]]:
    reply = api.post("/api/v1/locker-open-requests/dropoff-locker-request", {"locationId": 54, "lockerTypeId": 1})
    return (reply.body["lockerId"], Counter()) if reply.status == 200 else (None, Counter([answer(reply)]))


def answer(reply: Reply) -> str:
    return f"{reply.status} {reply.body['detail']}"


def test_of_200_clients_for_50_lockers_50_get_one_and_every_other_answer_is_the_documented_409(pair: Pair) -> None:
    apis = pair.apis()
    lockers = locker_ids(apis[0])
    with ThreadPoolExecutor(40) as pool:
        done = list(pool.map(lambda seed: take_one(apis[seed % len(apis)], seed, lockers), range(CLIENTS)))
    given = [locker for locker, _ in done if locker is not None]
    assert sorted(given) == sorted(lockers)
    assert set().union(*(others for _, others in done)) == {"409 Locker is not available", "409 No locker available"}
    assert pair.rows("SELECT COUNT(*), COUNT(DISTINCT locker_id) FROM assignments WHERE ended_at IS NULL") == [
        (LOCKERS, LOCKERS)
    ]
    assert pair.rows(
        "SELECT COUNT(*) FROM lockers l JOIN assignments a ON a.locker_id = l.id AND a.ended_at IS NULL"
        " WHERE a.organization_id <> l.holder_id OR l.holder_id IS NULL"
    ) == [(0,)]
    assert (
        pair.rows(
            "SELECT locker_id FROM open_tokens WHERE settled IS NULL GROUP BY locker_id"
            " HAVING COUNT(DISTINCT organization_id) > 1"
        )
        == []
    )


def test_each_reservation_expires_once_though_two_processes_look_for_it(pair: Pair) -> None:
    apis = pair.apis()
    endpoint = {"url": "http://127.0.0.1:9/nobody", "events": ["LOCKER_RELEASED"]}
    for api in apis[:PROVIDERS]:
        assert api.post("/api/v1/webhook-endpoints", endpoint).status == 201
    for number, locker in enumerate(locker_ids(apis[0])):
        path = f"/api/v1/towers/{TOWER}/lockers/{locker}/reservations"
        assert apis[number % PROVIDERS].post(path, {"duration": 1}).status == 200
    until(lambda: pair.rows("SELECT COUNT(*) FROM lockers WHERE due_at IS NOT NULL") == [(0,)], within=30)
    assert pair.rows("SELECT end_reason, COUNT(*) FROM reservations GROUP BY end_reason") == [("expired", LOCKERS)]
    told = pair.rows("SELECT COUNT(*), COUNT(DISTINCT locker_id), MIN(source), MAX(source) FROM webhook_deliveries")
    assert told == [(LOCKERS, LOCKERS, "RESERVATION_EXPIRED", "RESERVATION_EXPIRED")]
