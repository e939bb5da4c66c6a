"""The whole Local API, driven at random against a running gateway, agrees with a small model."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from harness.api import Api, Reply
from harness.emulated import Emulated, emulated
from harness.processes import until
from harness.virtual_site import running

pytestmark = pytest.mark.slow

KINDS = ("small", "medium", "large", "screen")
SIZE = {"small": 1, "medium": 2, "screen": 3, "large": 4}
LOCKERS = {number: KINDS[(number - 1) % 4] for number in range(1, 9)}
LOW = 3
PULSES_A_MINUTE = 12  # below the limit of 15, which has its own test

names = st.sampled_from([f"parcel-{number}" for number in range(10)])
numbers = st.integers(1, 9)  # the ninth does not exist
kinds = st.sampled_from([*KINDS, "giant"])
doors = st.none() | st.booleans()


class Model:
    """Who holds what, what is out of service, whose sensor is ignored, which doors stand open."""

    def __init__(self) -> None:
        self.held: dict[str, int] = {}
        self.out = {number for number, kind in LOCKERS.items() if kind == "screen"}
        self.broken: set[int] = set()
        self.open: set[int] = set()
        self.used: dict[int, str] = {}
        self.opens: dict[str, int] = {}

    def available(self, number: int) -> bool:
        return number not in self.out and number not in self.held.values()

    def door(self, number: int) -> bool | None:
        return None if number in self.broken else number in self.open

    def choose(self, kind: str | None, *, low: bool, larger: bool) -> int | None:
        """The contract's "Choice": type, then door (shut, unknown, open), then the longest unused, then the id."""
        fits = [number for number in LOCKERS if self.available(number) and (not low or number == LOW)]
        if kind is not None:
            fits = [n for n in fits if LOCKERS[n] == kind or (larger and SIZE[LOCKERS[n]] > SIZE[kind])]
        return min(fits, key=self._rank, default=None)

    def _rank(self, number: int) -> tuple[int, int, str, int]:
        door = {False: 0, None: 1, True: 2}[self.door(number)]
        return SIZE[LOCKERS[number]], door, self.used.get(number, ""), number


class World:
    """One running site, and the model of it; both outlive the examples."""

    def __init__(self, api: Api, cabinet: Emulated) -> None:
        self.api, self.cabinet, self.model = api, cabinet, Model()
        self.pulses: dict[int, list[float]] = {}

    def may_pulse(self, number: int) -> bool:
        recent = [at for at in self.pulses.get(number, []) if time.monotonic() - at < 60]
        self.pulses[number] = [*recent, time.monotonic()]
        return len(recent) < PULSES_A_MINUTE

    def tidy(self) -> None:
        """Back to where an example starts: nothing held, all in service."""
        for name in list(self.model.held):
            assert self.api.delete(f"/transactions/{name}").status == 204
        self.model.held.clear()
        for number, kind in LOCKERS.items():
            change = {"brokenLock": False} | ({} if kind == "screen" else {"outOfService": False})
            assert self.api.patch(f"/lockers/{number}", change).status == 200
        self.model.out = {number for number, kind in LOCKERS.items() if kind == "screen"}
        self.model.broken.clear()
        self.await_doors()

    def await_doors(self) -> None:
        """Until the boards were polled since somebody moved a door."""
        until(lambda: {one["lockerId"]: one["doorOpen"] for one in self.api.get("/lockers").body} == self._doors())

    def _doors(self) -> dict[int, bool | None]:
        return {number: self.model.door(number) for number in LOCKERS}


class LocalApi(RuleBasedStateMachine):
    """Each rule is one request and what the model says of it."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.api, self.model = self.world.api, self.world.model
        self.world.tidy()

    @rule(name=names, kind=st.none() | kinds, low=st.booleans(), larger=st.booleans())
    def create(self, name: str, kind: str | None, low: bool, larger: bool) -> None:
        asked: dict[str, Any] = {"transactionId": name, "requireLowLocker": low, "allowLarger": larger}
        answer = self.api.post("/transactions", asked | ({} if kind is None else {"lockerType": kind}))
        if name in self.model.held:
            assert (answer.status, answer.body["lockerId"]) == (409, self.model.held[name])
        elif kind == "giant":
            assert (answer.status, answer.error) == (404, "LOCKER_TYPE_NOT_FOUND")
        elif (chosen := self.model.choose(kind, low=low, larger=larger)) is None:
            assert (answer.status, answer.error) == (503, "NO_AVAILABLE_LOCKERS")
        else:
            assert (answer.status, answer.body["lockerId"]) == (201, chosen)
            assert answer.headers["location"] == f"/transactions/{name}"
            self.model.held[name], self.model.opens[name] = chosen, 0
            self.model.used[chosen] = answer.body["createdAt"]

    @rule(name=names)
    def show(self, name: str) -> None:
        answer = self.api.get(f"/transactions/{name}")
        if name in self.model.held:
            assert (answer.body["lockerId"], answer.body["openCount"]) == (
                self.model.held[name],
                self.model.opens[name],
            )
        else:
            assert (answer.status, answer.error) == (404, "TRANSACTION_NOT_FOUND")

    @rule(name=names)
    def release(self, name: str) -> None:
        answer = self.api.delete(f"/transactions/{name}")
        assert answer.status == (204 if self.model.held.pop(name, None) else 404)

    @rule(name=names)
    def open_for_transaction(self, name: str) -> None:
        number = self.model.held.get(name)
        if number is None:
            assert self.api.post(f"/transactions/{name}/open").error == "TRANSACTION_NOT_FOUND"
        elif self.world.may_pulse(number):
            self._opened(number, self.api.post(f"/transactions/{name}/open"))
            self.model.opens[name] += 1

    @rule(number=numbers)
    def open_for_maintenance(self, number: int) -> None:
        if number not in LOCKERS:
            assert self.api.post(f"/lockers/{number}/open").error == "LOCKER_NOT_FOUND"
        elif self.world.may_pulse(number):
            self._opened(number, self.api.post(f"/lockers/{number}/open"))

    def _opened(self, number: int, answer: Reply) -> None:
        was = self.model.door(number)
        assert answer.status == 200, answer.body
        assert answer.body["lockerId"] == number
        assert answer.body["doorOpen"] == (None if was is None else True)
        assert answer.body["confirmed"] == (was is False)
        self.model.open.add(number)
        # An open that is not confirmed is answered during its pulse: nobody pushes the door before that has ended.
        until(lambda: self.world.cabinet.settled() and self.world.cabinet.door(number) == "open")

    @rule()
    def people_shut_every_door(self) -> None:
        for number in sorted(self.model.open):
            self.world.cabinet.shut(number)
        self.model.open.clear()
        self.world.await_doors()

    @rule(number=numbers, out=st.booleans())
    def set_service_state(self, number: int, out: bool) -> None:
        change = {"outOfService": out} | ({"reasonCode": "CLEANING"} if out else {})
        answer = self.api.patch(f"/lockers/{number}", change)
        if number not in LOCKERS:
            assert answer.error == "LOCKER_NOT_FOUND"
        elif LOCKERS[number] == "screen" and not out:
            assert (answer.status, answer.error) == (409, "CONFLICT")
        else:
            assert answer.status == 200
            (self.model.out.add if out else self.model.out.discard)(number)

    @rule(number=numbers, broken=st.booleans())
    def set_broken_lock(self, number: int, broken: bool) -> None:
        answer = self.api.patch(f"/lockers/{number}", {"brokenLock": broken})
        if number not in LOCKERS:
            assert answer.error == "LOCKER_NOT_FOUND"
            return
        assert answer.status == 200
        (self.model.broken.add if broken else self.model.broken.discard)(number)
        self.world.await_doors()

    @rule(available=doors, out=doors, kind=st.none() | kinds, bank=st.none() | st.integers(1, 2))
    def filter_lockers(self, available: bool | None, out: bool | None, kind: str | None, bank: int | None) -> None:
        asked = {"available": available, "outOfService": out, "lockerType": kind, "bankId": bank}
        query = "&".join(f"{name}={str(value).lower()}" for name, value in asked.items() if value is not None)
        found = [one["lockerId"] for one in self.api.get(f"/lockers?{query}").body]
        assert found == [
            number
            for number in LOCKERS
            if available in (None, self.model.available(number))
            and out in (None, number in self.model.out)
            and kind in (None, LOCKERS[number])
            and bank in (None, 1)
        ]

    @rule(pulse=st.integers(49, 2001))
    def set_the_pulse(self, pulse: int) -> None:
        answer = self.api.patch("/system", {"pulseMs": pulse})
        if 50 <= pulse <= 2000:
            assert (answer.status, answer.body["settings"]["pulseMs"]) == (200, pulse)
            assert self.api.get("/lockers/config").body["pulseMs"] == pulse
        else:
            assert (answer.status, answer.error) == (400, "INVALID_REQUEST")
            assert "pulseMs" in answer.body["details"]

    @invariant()
    def lockers_are_as_the_model_says(self) -> None:
        holders = {number: name for name, number in self.model.held.items()}
        for one in self.api.get("/lockers").body:
            number = one["lockerId"]
            assert one["transactionId"] == holders.get(number)
            assert one["available"] == self.model.available(number)
            assert one["outOfService"] == (number in self.model.out)
            assert one["brokenLock"] == (number in self.model.broken)
            assert one["operational"] is True
            assert one["doorOpen"] == self.model.door(number)

    @invariant()
    def transactions_are_listed_oldest_first(self) -> None:
        assert [one["transactionId"] for one in self.api.get("/transactions").body] == list(self.model.held)

    @invariant()
    def counts_agree(self) -> None:
        counts = self.api.get("/health").body["lockers"]
        assert counts["assigned"] == len(self.model.held)
        assert counts["available"] == sum(map(self.model.available, LOCKERS))
        kinds = {one["slug"]: one["availableCount"] for one in self.api.get("/locker-types").body}
        assert kinds == {
            kind: sum(self.model.available(n) for n, of in LOCKERS.items() if of == kind) for kind in KINDS
        }


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with emulated("modbus-tcp", 8, tmp_path) as cabinet:
        board = (f"{cabinet.address}&pulse_ms=100&min_repeat_ms=0", 8)
        with running(tmp_path / "site", [board], types=KINDS) as api:
            yield World(api, cabinet)


def test_the_local_api_agrees_with_the_model_whatever_is_asked_in_whatever_order(world: World) -> None:
    machine = type("LocalApiOfThisWorld", (LocalApi,), {"world": world})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert world.cabinet.violations() == []
