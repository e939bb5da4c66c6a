"""A full disk: new work is refused, doors of existing transactions still open, and nothing acknowledged is lost."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from faults.disks import fill, small_disk
from harness.cabinets import Cabinet, cabinet, with_parameters
from harness.client import Answered, Client
from harness.gateways import Gateway, gateway, new_site, start_gateway
from harness.processes import until

DISK_MB = 32
RESERVE = {"OPENHARBOR_GATEWAY_RESERVE_BYTES": str(4 << 20)}

pytestmark = pytest.mark.slow


@dataclass
class Site:
    """A gateway whose data lie on a small disk, beside a cabinet that lies elsewhere."""

    disk: Path
    log: Path
    cabinet: Cabinet

    @property
    def data(self) -> Path:
        return self.disk / "data"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    log = tmp_path / "log"
    with small_disk(tmp_path / "disk", DISK_MB) as disk, cabinet(log) as made:
        new_site(tmp_path, [(with_parameters(made.address, "pulse_ms=100"), 8)], data=disk / "data")
        yield Site(disk, log, made)


def create(client: Client, name: str) -> Answered:
    return client.post("/transactions", {"transactionId": name}, key=f"create-{name}")


def shown(client: Client) -> dict[str, Any]:
    return {one["transactionId"]: one for one in client.get("/transactions").json}


def begin(client: Client) -> dict[str, Any]:
    """Transactions from before the disk got full."""
    return {name: create(client, name).json for name in ("early-1", "early-2", "early-3")}


def work_until_refused(client: Client, held: dict[str, Any]) -> Answered:
    """Creates and releases until the disk is full; `held` is kept up to what was acknowledged. The refusal."""
    for number in range(20_000):
        created = client.post("/transactions", {"transactionId": f"parcel-{number}"})
        if created.status != 201:
            return created
        held[created.json["transactionId"]] = created.json
        if len(held) > 5:
            name = next(one for one in held if one.startswith("parcel"))
            released = client.delete(f"/transactions/{name}")
            if released.status != 204:
                return released
            del held[name]
    raise AssertionError("the disk never got full")


def assert_refused(answer: Answered) -> None:
    assert (answer.status, answer.error) == (503, "STORAGE_UNAVAILABLE"), answer
    assert int(answer.headers["retry-after"]) >= 1


def assert_failing(gate: Gateway) -> None:
    """As /health tells it."""
    with gate.client() as client:
        health = client.get("/health")
        assert (health.status, health.json["database"]) == (503, "failing")


def test_on_a_full_disk_changes_are_refused_and_what_was_acknowledged_stays(site: Site) -> None:
    with gateway(site.data, site.log, env=RESERVE) as gate, gate.client() as client:
        gate.wait_healthy()
        held = begin(client)
        filler = fill(site.disk)
        assert_refused(work_until_refused(client, held))
        assert_failing(gate)
        assert_refused(create(client, "refused"))
        assert_refused(client.delete(f"/transactions/{next(iter(held))}"))
        assert_refused(client.patch("/lockers/1", {"brokenLock": True}))
        assert shown(client) == held
        assert client.get("/lockers").status == 200
        filler.unlink()
        until(lambda: client.get("/health").status == 200)
        assert create(client, "accepted").status == 201
        assert set(shown(client)) == {*held, "accepted"}
        gate.check()


def test_doors_of_existing_transactions_open_from_the_reserve_and_others_do_not(site: Site) -> None:
    with gateway(site.data, site.log, env=RESERVE) as gate, gate.client() as client:
        gate.wait_healthy()
        held = begin(client)
        fill(site.disk)
        work_until_refused(client, held)
        name, transaction = next(iter(held.items()))
        opened = client.post(f"/transactions/{name}/open", key="open")
        assert (opened.status, opened.json["confirmed"]) == (200, True), opened
        others = [number for number in range(1, 9) if number != transaction["lockerId"]]
        for number in others:
            assert_refused(client.post(f"/lockers/{number}/open", key=f"open-{number}"))
        assert_refused(client.post("/lockers/open-all"))
        assert site.cabinet.pulses() == {transaction["lockerId"]: 1}
        assert_failing(gate)
        assert client.get(f"/transactions/{name}").json["openCount"] == 1
        again = client.post(f"/transactions/{name}/open", key="open")
        assert (again.status, again.body, again.replayed) == (200, opened.body, True)
        assert site.cabinet.pulses() == {transaction["lockerId"]: 1}


def test_a_gateway_killed_on_a_full_disk_starts_on_it_and_knows_what_it_opened(site: Site) -> None:
    gate = start_gateway(site.data, site.log, env=RESERVE)
    try:
        gate.wait_healthy()
        with gate.client() as client:
            held = begin(client)
            fill(site.disk)
            work_until_refused(client, held)
            name = next(iter(held))
            opened = client.post(f"/transactions/{name}/open", key="open")
            assert opened.status == 200, opened
            before = shown(client)
    finally:
        gate.service.kill()
    with gateway(site.data, site.log, env=RESERVE) as restarted, restarted.client() as client:
        assert_failing(restarted)
        assert shown(client) == before
        assert before[name]["openCount"] == 1
        again = client.post(f"/transactions/{name}/open", key="open")
        assert (again.status, again.body, again.replayed) == (200, opened.body, True)
        assert client.post(f"/transactions/{name}/open", key="another").status == 200
        assert_refused(create(client, "refused"))
        (site.disk / "filler").unlink()
        until(lambda: client.get("/health").json["database"] == "ok")
        assert create(client, "accepted").status == 201
        assert client.delete(f"/transactions/{name}").status == 204
        restarted.check()


def test_an_open_that_was_refused_fires_with_the_same_key_when_space_is_back(site: Site) -> None:
    with gateway(site.data, site.log, env=RESERVE) as gate, gate.client() as client:
        gate.wait_healthy()
        filler = fill(site.disk)
        work_until_refused(client, {})
        assert_refused(client.post("/lockers/8/open", key="open"))
        filler.unlink()
        until(lambda: client.get("/health").status == 200)
        opened = client.post("/lockers/8/open", key="open")
        assert (opened.status, opened.replayed) == (200, False), opened
        assert site.cabinet.pulses() == {8: 1}
