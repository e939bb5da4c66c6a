"""What must hold after each restart: acknowledged ⊆ actual ⊆ acknowledged ∪ in doubt."""

import random
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from faults.kill.ledger import Asked, Ledger, did_nothing
from faults.kill.world import COUNTED, World
from harness.client import Answered, Client
from harness.processes import until
from openharbor.gateway.commands import check_journal
from openharbor.kit.database.readers import reading

OLD_KEYS = 10  # of earlier rounds, asked again in each round
CHANGING = ("lastOpenedAt", "openCount")


def reckon(world: World, ledgers: list[Ledger], chance: random.Random) -> None:
    """Compares the gateway with what its clients know, resolves what was in doubt, and asks every key again."""
    with Client(world.host_port) as client:
        transactions = {one["transactionId"]: one for one in client.get("/transactions").json}
        lockers = {one["lockerId"]: one for one in client.get("/lockers").json}
        nobody_shares(transactions, lockers)
        for ledger in ledgers:
            compare_transactions(ledger, transactions)
            compare_service(ledger, lockers)
        nothing_came_from_nowhere(ledgers, transactions)
    with ThreadPoolExecutor(len(ledgers)) as threads:
        list(threads.map(partial(ask_again, world.host_port), ledgers, [chance.random() for _ in ledgers]))
    fired_once_a_key(world, ledgers)
    assert check_journal(world.data)["whole"]


def nobody_shares(transactions: dict[str, Any], lockers: dict[int, Any]) -> None:
    holders = {one["transactionId"]: one["lockerId"] for one in lockers.values() if one["transactionId"] is not None}
    assert holders == {name: one["lockerId"] for name, one in transactions.items()}
    assert len(set(holders.values())) == len(holders), holders


def compare_transactions(ledger: Ledger, actual: dict[str, Any]) -> None:
    """Each acknowledged transaction is there with the same locker; what was in doubt is booked as it turned out."""
    doubt = ledger.doubt
    for name, known in list(ledger.active.items()):
        if doubt is not None and doubt.method == "DELETE" and doubt.transaction == name and name not in actual:
            del ledger.active[name]
            continue
        assert name in actual, f"{name} was acknowledged and is lost; in doubt was {doubt}"
        lasting = {field: value for field, value in known.items() if field not in CHANGING}
        assert {field: value for field, value in actual[name].items() if field not in CHANGING} == lasting
        compare_opens(ledger, name, actual[name]["openCount"])


def compare_opens(ledger: Ledger, name: str, actual: int) -> None:
    """Every acknowledged open is counted, and one in doubt once at most."""
    doubt = ledger.doubt
    in_doubt = int(doubt is not None and doubt.key is not None and doubt.path == f"/transactions/{name}/open")
    assert ledger.opened[name] <= actual <= ledger.opened[name] + in_doubt, (name, actual, doubt)


def compare_service(ledger: Ledger, lockers: dict[int, Any]) -> None:
    doubt = ledger.doubt
    for locker, last in list(ledger.service.items()):
        allowed = [last]
        if doubt is not None and doubt.method == "PATCH" and doubt.locker == locker:
            allowed.append(doubt.body)
        now = {field: lockers[locker][field] for field in ("outOfService", "reasonCode", "reason")}
        assert now in allowed, f"locker {locker} is {now}, not one of {allowed}"
        ledger.service[locker] = now


def nothing_came_from_nowhere(ledgers: list[Ledger], actual: dict[str, Any]) -> None:
    """Nothing released is back, and what nobody acknowledged was at least asked for."""
    for ledger in ledgers:
        doubt = ledger.doubt
        if doubt is not None and doubt.path == "/transactions" and doubt.transaction in actual:
            ledger.active[doubt.transaction or ""] = actual[doubt.transaction or ""]
            ledger.opened[doubt.transaction or ""] = 0
    known = {name for ledger in ledgers for name in ledger.active}
    assert set(actual) == known


def ask_again(host_port: str, ledger: Ledger, seed: float) -> None:
    """A key gives the same again; the one in doubt gives what became of it, or is answered for the first time."""
    with Client(host_port) as client:
        for asked in again(ledger.keyed, random.Random(seed)):
            if asked.answer is None:
                resolve(ledger, asked, settled(client, asked))
            elif asked.stored:
                same_answer(asked, repeat(client, asked))
    ledger.doubt = None


def again(keyed: list[Asked], chance: random.Random) -> Iterable[Asked]:
    """The newest keys, and some old ones."""
    newest, older = keyed[-OLD_KEYS:], keyed[:-OLD_KEYS]
    return [*newest, *chance.sample(older, min(OLD_KEYS, len(older)))]


def repeat(client: Client, asked: Asked) -> Answered:
    return client.request(asked.method, asked.path, asked.body, {"Idempotency-Key": asked.key or ""})


def settled(client: Client, asked: Asked) -> Answered:
    """The answer that stays; just after the start, one that is told from the journal's being open comes before it."""
    answers: list[Answered] = []

    def stays() -> bool:
        answers.append(repeat(client, asked))
        return answers[-1].replayed or answers[-1].error != "INTERNAL_ERROR"

    until(stays)
    return answers[-1]


def same_answer(asked: Asked, answer: Answered) -> None:
    first = asked.answer
    assert first is not None
    assert (answer.status, answer.body, answer.replayed) == (first.status, first.body, True), (asked, answer)


def resolve(ledger: Ledger, asked: Asked, answer: Answered) -> None:
    """What the key in doubt was answered with now is what it must be answered with from now on."""
    asked.answer = answer
    if asked.path == "/transactions":
        if answer.replayed or answer.status != 201:
            held = ledger.active.get(asked.transaction or "")
            assert answer.status == 503 or (held is not None and held["lockerId"] == answer.json["lockerId"])
            return
        assert asked.transaction not in ledger.active, "made twice under one key"
        ledger.active[asked.transaction or ""] = answer.json
    else:
        resolve_open(ledger, asked, answer)


def resolve_open(ledger: Ledger, asked: Asked, answer: Answered) -> None:
    if answer.status == 500:
        assert answer.replayed, (asked, answer)
        assert answer.error == "INTERNAL_ERROR", (asked, answer)
        return
    assert answer.status == 200 or answer.error in ("RATE_LIMITED", "CONTROLLER_UNREACHABLE"), (asked, answer)
    if answer.status == 200 and asked.transaction is not None:
        ledger.opened[asked.transaction] += 1


def fired_once_a_key(world: World, ledgers: list[Ledger]) -> None:
    """At most one pulse for each key, none that the journal does not have, and one at least for each success."""
    pulses = world.cabinet.pulses()
    opens = [asked for ledger in ledgers for asked in ledger.keyed if asked.locker in COUNTED]
    may_fire = Counter(one.locker for one in opens if one.answer is None or not did_nothing(one.answer))
    must_fire = Counter(one.locker for one in opens if one.answer is not None and one.answer.status == 200)
    journaled = journaled_pulses(world)
    for locker in COUNTED:
        fired = pulses[locker]
        assert must_fire[locker] <= fired <= may_fire[locker], (locker, fired, must_fire[locker], may_fire[locker])
        assert fired <= journaled[locker], f"locker {locker} was pulsed {fired} times, journaled {journaled[locker]}"


def journaled_pulses(world: World) -> Counter[int]:
    """Pulses by locker; no key may have two openings."""
    by_locker = "SELECT locker_id, count(*) AS n FROM pulses JOIN openings USING (opening_id) GROUP BY locker_id"
    twice = (
        "SELECT idempotency_key FROM openings WHERE idempotency_key IS NOT NULL"
        " GROUP BY key_space, idempotency_key HAVING count(*) > 1"
    )
    with reading(world.data / "gateway.db") as tx:
        assert tx.all(twice) == []
        return Counter({row["locker_id"]: row["n"] for row in tx.all(by_locker)})
