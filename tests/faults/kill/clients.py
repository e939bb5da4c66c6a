"""The clients that keep a gateway busy until it is killed. Each runs in a thread of its own, with its own ledger."""

import random
import threading
from collections.abc import Callable, Iterator
from itertools import count

from faults.kill.ledger import Asked, Ledger
from harness.client import Client

NEXT = count(1)  # for ids that are never used twice, in any chunk

Next = Callable[[Ledger, random.Random], Asked]


def new(prefix: str) -> str:
    return f"{prefix}-{next(NEXT)}"


def courier(kind: str, most: int) -> Next:
    """Creates, opens and releases transactions on lockers of one type; holds at most `most`."""

    def choose(ledger: Ledger, chance: random.Random) -> Asked:
        held = sorted(ledger.active)
        if not held or (len(held) < most and chance.random() < 0.5):
            return create(kind, new("key") if chance.random() < 0.5 else None)
        transaction = chance.choice(held)
        if chance.random() < 0.5:
            return Asked("DELETE", f"/transactions/{transaction}", transaction=transaction)
        return open_held(ledger, transaction)

    return choose


def create(kind: str, key: str | None) -> Asked:
    transaction = new("parcel")
    body = {"transactionId": transaction, "lockerType": kind}
    return Asked("POST", "/transactions", body, key, transaction=transaction)


def open_held(ledger: Ledger, transaction: str) -> Asked:
    locker = ledger.active[transaction]["lockerId"]
    return Asked("POST", f"/transactions/{transaction}/open", key=new("key"), locker=locker, transaction=transaction)


def caretaker(lockers: list[int]) -> Next:
    """Opens lockers by their ids."""

    def choose(_: Ledger, chance: random.Random) -> Asked:
        locker = chance.choice(lockers)
        return Asked("POST", f"/lockers/{locker}/open", key=new("key"), locker=locker)

    return choose


def inspector(lockers: list[int]) -> Next:
    """Changes the service state of lockers; each change is known by its reason."""

    def choose(_: Ledger, chance: random.Random) -> Asked:
        locker, out = chance.choice(lockers), chance.random() < 0.5
        body = {"outOfService": out, "reasonCode": "MAINTENANCE", "reason": new("because")}
        return Asked("PATCH", f"/lockers/{locker}", body, locker=locker)

    return choose


class Worker(threading.Thread):
    """Asks until the connection is lost. `fault`: what else ended it."""

    def __init__(self, host_port: str, ledger: Ledger, choose: Next, seed: int) -> None:
        super().__init__(daemon=True)
        self._client, self._ledger, self._choose = Client(host_port), ledger, choose
        self._chance = random.Random(seed)
        self.fault: BaseException | None = None

    def run(self) -> None:
        try:
            while self._ledger.ask(self._client, self._choose(self._ledger, self._chance)) is not None:
                pass
        except BaseException as fault:
            self.fault = fault
        finally:
            self._client.close()


def all_ended(workers: list[Worker]) -> Iterator[BaseException]:
    """Waits for every worker; what went wrong in them."""
    for worker in workers:
        worker.join(30)
        if worker.is_alive():
            yield AssertionError("a client still waits for an answer from a gateway that is dead")
        if worker.fault is not None:
            yield worker.fault
