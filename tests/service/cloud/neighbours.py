"""Two organizations on one cloud: what the Library has of every kind, and Acme beside it."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import msgspec

from harness.api import Api, Reply
from harness.clouds import Cloud, CloudDatabase, cloud, new_database
from harness.processes import openharbor
from openharbor.cloud.lockers.locker import Locker, Report, Status
from openharbor.kit.database.face import Transaction
from openharbor.kit.database.opening import open_database

FOYER, STAFF_ROOM, VAULT = "0100000000000014", "0100000000000175", "0100000000000aa5"
YARD, ARCHIVE = 54, 880054
QUIET_CORNER, INCUNABULA = 880175, 880001
PUBLIC_LOCKERS = range(1, 9)
HELD = ("reserved", "rented", "used", "occupied", "declined")  # lockers 1 to 5, and how the Library holds them
CATALOG = Path(__file__).with_name("neighbours.toml")
LOCKER = '[[locations.towers.lockers]]\nnumbers = "{0}"\nid = {0}\ntype = "small"\nfirst_port = {0}\n\n'

ITS_TEXTS = ("Staff room", "reading room", "Quiet corner", "Rare books", "Hidden Lane", "Incunabula", "Central Library")
ITS_NUMBERS, OUR_NUMBERS = 880_300, 990_000
NUMBERED = ("reservations", "assignments", "open_tokens", "links", "webhook_endpoints")
NOBODY = "http://127.0.0.1:9"
SECRETS_OF_THE_LIBRARY = (
    "for the night reader",
    "books of Ada",
    "library-returns",
    "shelf-mark",
    "hooks-of-the-library",
    "only librarians",
)


@dataclass
class Neighbours:
    """`ids`: what the Library has, and what Acme (`our_…`) has; `texts`: what nobody but the Library may read."""

    cloud: Cloud
    acme: Api
    ids: dict[str, Any] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)

    def with_link_token(self) -> Api:
        """As the holder of a link of Acme's."""
        return Api(self.cloud.url, {"Authorization": f"Bearer {self.ids['our_link_token']}"})


@contextmanager
def neighbours(directory: Path, url: str | None) -> Iterator[Neighbours]:
    """Serves it without the workers: what is stored changes by requests alone."""
    database = _database(directory, url)
    still = {"OPENHARBOR_CLOUD_WORKER": "false"}
    with cloud(database, directory / "log", env=still) as served:
        library, texts = _fill(served.api(database.library))
    anyio.run(_meanwhile, database.url, library)
    with cloud(database, directory / "log", env=still) as served:
        link = _post(served.api(database.library), "/locker-open-requests/pickup-locker-request", _pickup(library))
        texts.append(link["linkToken"])
        made = Neighbours(served, served.api(database.acme), {**library, "pickup_link": link["id"]}, texts)
        made.ids |= _fill_ours(made.acme)
        yield made


def _database(directory: Path, url: str | None) -> CloudDatabase:
    catalog = directory / "catalog.toml"
    lockers = "".join(map(LOCKER.format, PUBLIC_LOCKERS))
    catalog.write_text(CATALOG.read_text().replace("# PUBLIC LOCKERS\n", lockers))
    database = new_database(directory, url, catalog=catalog)
    for tower in (FOYER, STAFF_ROOM, VAULT):
        openharbor("cloud", "tower", "provision", *database.flags, tower, "--out", str(directory / f"{tower}.json"))
    anyio.run(_number_from, database.url, ITS_NUMBERS)
    return database


def _post(api: Api, path: str, body: object) -> Mapping[str, Any]:
    reply: Reply = api.post(f"/api/v1{path}", body)
    assert reply.status in (200, 201), reply
    found: Mapping[str, Any] = reply.body
    return found


def _fill(api: Api) -> tuple[dict[str, Any], list[str]]:
    """The Library's things, and what of them is nobody else's to read."""
    hook = {"url": f"{NOBODY}/hooks-of-the-library", "description": "only librarians"}
    endpoint = _post(api, "/webhook-endpoints", hook)
    reserved, used = (_post(api, f"{_locker(n)}/reservations", {"duration": 3600}) for n in (1, 3))
    tokens = [_post(api, f"{_locker(n)}/dropoff-locker-tokens", _token()) for n in (2, 3, 4, 5)]
    tokens.append(_post(api, f"{_locker(INCUNABULA, VAULT)}/dropoff-locker-tokens", _token()))
    assert api.post(f"/api/v1{_locker(5)}/release-locker", {}).body["status"]["name"] == "declined"
    link = _post(api, "/locker-open-requests/dropoff-locker-request", _dropoff())
    (delivery, *_) = api.get(f"/api/v1/webhook-endpoints/{endpoint['id']}/deliveries").body
    ids = {
        "endpoint": endpoint["id"],
        "delivery": delivery["id"],
        "link": link["id"],
        "reservation": reserved["id"],
        "used_reservation": used["id"],
        "linked": api.get(f"/api/v1/locker-open-requests/{link['id']}").body["lockerId"],
        **{name: number for number, name in enumerate(HELD, 1)},
    }
    secrets = [endpoint["secret"], link["linkToken"], delivery["id"], *(t["payload"] for t in tokens)]
    return ids, [*ITS_TEXTS, *SECRETS_OF_THE_LIBRARY, *map(str, secrets)]


def _fill_ours(api: Api) -> dict[str, Any]:
    endpoint = _post(api, "/webhook-endpoints", {"url": f"{NOBODY}/ours"})
    lockers = api.get(f"/api/v1/towers/{FOYER}/lockers").body
    free = [one["id"] for one in lockers if one["status"]["name"] == "available"]
    reservation = _post(api, f"{_locker(free[0])}/reservations", {"duration": 3600})
    link = _post(api, "/locker-open-requests/dropoff-locker-request", {"locationId": YARD, "lockerTypeId": 1})
    (delivery, *_) = api.get(f"/api/v1/webhook-endpoints/{endpoint['id']}/deliveries").body
    return {
        "our_endpoint": endpoint["id"],
        "our_delivery": delivery["id"],
        "our_reservation": reservation["id"],
        "our_locker": free[0],
        "our_linked": free[1],
        "our_link": link["id"],
        "our_link_token": str(link["linkToken"]).rsplit("/", 1)[1],
    }


def _locker(locker_id: int, tower_id: str = FOYER) -> str:
    return f"/towers/{tower_id}/lockers/{locker_id}"


def _token() -> dict[str, Any]:
    return {"client_info": "for the night reader", "duration": 3600}


def _dropoff() -> dict[str, Any]:
    return {"locationId": YARD, "lockerTypeId": 1, **_link_texts()}


def _pickup(library: Mapping[str, Any]) -> dict[str, Any]:
    return {"lockerId": library["occupied"], **_link_texts()}


def _link_texts() -> dict[str, Any]:
    return {
        "returnUrl": "https://library.example/library-returns",
        "clientInfo": "books of Ada",
        "payload": {"shelf-mark": 7},
    }


async def _number_from(url: str, number: int) -> None:
    """What is made from now on has numbers from this one on."""
    await _in(url, partial(_set_numbers, number=number))


async def _meanwhile(url: str, library: Mapping[str, Any]) -> None:
    """A parcel was put into a rented locker, and a delivery is dead; the numbers go on far away."""
    await _in(url, partial(_parcel, locker_id=library["occupied"]))
    await _in(
        url,
        lambda tx: tx.execute(
            "UPDATE webhook_deliveries SET status = 'dead', next_attempt_at = NULL, finished_at = created_at"
            " WHERE id = :id",
            id=library["delivery"],
        ),
    )
    await _number_from(url, OUR_NUMBERS)


async def _in(url: str, unit: Callable[[Transaction], object]) -> None:
    database = open_database(url, threads=1)
    try:
        await database.write(unit)
    finally:
        await database.close()


def _set_numbers(tx: Transaction, number: int) -> None:
    for name in NUMBERED:
        tx.execute(
            "INSERT INTO number_blocks (name, next) VALUES (:name, :next)"
            " ON CONFLICT (name) DO UPDATE SET next = excluded.next",
            name=name,
            next=number,
        )


def _parcel(tx: Transaction, locker_id: int) -> None:
    row = tx.one("SELECT state FROM lockers WHERE id = :id", id=locker_id)
    assert row is not None
    locker = msgspec.json.decode(row["state"], type=Locker)
    assert locker.assignment is not None
    report = Report(taken=True, generation=locker.generation, locker_token=locker.assignment.locker_token)
    state = msgspec.structs.replace(locker, status=Status.OCCUPIED, report=report)
    tx.execute(
        "UPDATE lockers SET status = :status, state = :state WHERE id = :id",
        status=int(Status.OCCUPIED),
        state=msgspec.json.encode(state).decode(),
        id=locker_id,
    )


def numbers_in(body: object) -> Iterator[int]:
    """Every whole number in a JSON document."""
    if isinstance(body, dict | list):
        for one in body.values() if isinstance(body, dict) else body:
            yield from numbers_in(one)
    elif isinstance(body, int) and not isinstance(body, bool):
        yield body


def read_aloud(reply: Reply) -> str:
    """Everything that an answer tells, its headers too."""
    return json.dumps([reply.body, dict(reply.headers)], ensure_ascii=False)
