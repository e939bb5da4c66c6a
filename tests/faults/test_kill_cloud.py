"""kill -9 of the serving cloud at random moments under load: nothing acknowledged is lost, nothing is there twice, and
every event arrives, in the order of its locker.

`KILLS` is how often (20), `KILL_SEED` repeats a run's choices (not the machine's timing).
"""

import json
import os
import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from faults.kill_cloud.providers import Book, Provider
from faults.kill_cloud.reckoning import Stored, every_event_arrived, reckon
from harness.catalogs import catalog_file
from harness.client import Client
from harness.clouds import TOWER, Cloud, CloudDatabase, lockers, new_database, start_cloud, token
from harness.processes import openharbor, start_and_kill, until
from openharbor.kit.database.urls import sqlite_path
from service.cloud.receiver import Receiver, receiving

KILLS = int(os.environ.get("KILLS", "20"))
OWN, WANTED = 12, 4  # lockers of each provider, and of all
PROVIDERS = ("acme", "acme", "library", "library")
MOST_ANSWERS = 120  # before a kill
LEASE_S = 45  # of a claim: what a killed sender had claimed is due again after it


@dataclass
class World:
    """One cloud, its providers' books, and for each organization a receiver with the secret that it checks."""

    database: CloudDatabase
    log: Path
    books: list[Book] = field(default_factory=list)
    receivers: dict[int, tuple[Receiver, str]] = field(default_factory=dict)
    cloud: Cloud | None = None

    @property
    def path(self) -> Path:
        return sqlite_path(self.database.url)

    def serve(self) -> Cloud:
        self.cloud = start_cloud(self.database, self.log)
        return self.cloud

    def kill(self) -> None:
        if self.cloud is not None:
            self.cloud.service.kill()
            self.cloud = None


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    catalog = catalog_file(tmp_path / "catalog.toml", {TOWER: OWN * len(PROVIDERS) + WANTED})
    database = new_database(tmp_path / "cloud", catalog=catalog)
    openharbor("cloud", "tower", "provision", *database.flags, TOWER, "--out", str(tmp_path / "tower.json"))
    made = World(database, tmp_path / "log")
    with ExitStack() as stack:
        stack.callback(made.kill)
        receivers = [stack.enter_context(receiving()) for _ in range(2)]
        furnish(made, made.serve(), receivers)
        yield made


def furnish(world: World, cloud: Cloud, receivers: list[Receiver]) -> None:
    """An endpoint for each organization, and lockers for each provider."""
    organizations = {}
    for name, receiver in zip(("acme", "library"), receivers, strict=True):
        api = cloud.api(getattr(world.database, name))
        organizations[name] = api.post("/api/v1/login/test-token").body["organizationId"]
        endpoint = api.post("/api/v1/webhook-endpoints", {"url": receiver.url}).body
        world.receivers[organizations[name]] = (receiver, endpoint["secret"])
    numbers = [int(str(one["id"])) for one in lockers(cloud.api())]
    wanted, own = tuple(numbers[:WANTED]), numbers[WANTED:]
    for place, name in enumerate(PROVIDERS):
        book = Book(f"{name}-{place}", organizations[name], tuple(own[place * OWN : (place + 1) * OWN]), wanted)
        world.books.append(book)


@pytest.mark.slow
def test_after_every_kill_what_was_acknowledged_is_there_once_and_every_event_arrives_in_order(world: World) -> None:
    seed = int(os.environ.get("KILL_SEED", time.time_ns() % 2**32))
    print(f"KILL_SEED={seed} repeats this")
    chance = random.Random(seed)
    for _ in range(KILLS):
        load_and_kill(world, chance)
        if chance.random() < 0.2:  # a second time, while it starts
            start_and_kill(
                *("cloud", "serve", *world.database.flags, "--port", "0"), log=world.log, after=chance.uniform(0, 1)
            )
        world.serve()
        reckon(world.path, world.books)
    assert sum(book.acknowledged for book in world.books) >= 5 * KILLS
    send_the_rest(world)


def load_and_kill(world: World, chance: random.Random) -> None:
    """Runs every provider until the cloud is gone from under it."""
    cloud = world.cloud
    assert cloud is not None
    answers, enough = Count(chance.randint(1, MOST_ANSWERS)), chance.uniform(0, 0.01)
    providers = []
    for place, book in enumerate(world.books):
        access = token(cloud.url, getattr(world.database, PROVIDERS[place]))
        client = Client(cloud.service.host_port, headers={"Authorization": f"Bearer {access}"})
        providers.append(Provider(client, book, chance.randrange(2**32), answers.one))
    for one in providers:
        one.start()
    assert answers.reached.wait(60), "the cloud does not answer"
    time.sleep(enough)  # somewhere between two answers
    world.kill()
    for one in providers:
        one.join(30)
        assert not one.is_alive(), "a provider still waits for an answer from a cloud that is dead"
        if one.fault is not None:
            raise one.fault


class Count:
    """Tells when there were so many."""

    def __init__(self, number: int) -> None:
        self._left, self._lock = number, threading.Lock()
        self.reached = threading.Event()

    def one(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left <= 0:
                self.reached.set()


def send_the_rest(world: World) -> None:
    """Everything that is due is sent; the claims of killed senders have run out before, as if their time had passed."""
    world.kill()
    with closing(sqlite3.connect(world.path)) as connection, connection:
        connection.execute(
            "UPDATE webhook_deliveries SET claimed_until = claimed_until - :lease,"
            " next_attempt_at = next_attempt_at - :lease WHERE claimed_until IS NOT NULL",
            {"lease": LEASE_S * 1000},
        )
    world.serve()
    until(lambda: not pending(world.path), within=60)
    stored = reckon(world.path, world.books)
    for organization_id, (receiver, secret) in world.receivers.items():
        genuine(receiver, secret, stored)
        every_event_arrived(stored, [one.id for one in receiver.received], organization_id)
    assert {row["status"] for row in stored.deliveries} == {"delivered"}


def pending(path: Path) -> bool:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        (left,) = connection.execute("SELECT COUNT(*) FROM webhook_deliveries WHERE status = 'pending'").fetchone()
    return bool(left)


def genuine(receiver: Receiver, secret: str, stored: Stored) -> None:
    """Each is signed for this endpoint, and says what is stored, whatever attempt it was."""
    bodies = {row["id"]: json.loads(row["body"]) for row in stored.deliveries}
    for one in receiver.received:
        assert Webhook(secret).verify(one.body, one.headers) == bodies[one.id]
