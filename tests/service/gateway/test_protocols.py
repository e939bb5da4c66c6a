"""Each protocol end to end: HTTP, bytes on the line, solenoid, door sensor, answer; and what each fault comes to."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from harness.api import Api, Reply
from harness.fault_table import CASES, EVERY, Case, Outcome, outcome_of
from harness.lines import Line, lines, on_each
from harness.processes import until
from harness.virtual_site import running
from openharbor.boards.emulator.emulator import Emulator
from openharbor.boards.emulator.families import Transport
from openharbor.boards.emulator.fault_kinds import KINDS

pytestmark = pytest.mark.slow

LOCKS = 8
WIRES: dict[str, tuple[str, Transport]] = {
    name: ("waveshare", "pty") if name == "waveshare-pty" else (name, "tcp") for name in EVERY
}
SETTLED = 8  # answers: the checks of a family and as many equal reads as any family needs
# Shorter than lock-boards.md 4.8, but longer than any answer of the cabinets.
TIMES = {"xor8a80": "&unlock_ms=1500", "winnsen": "&unlock_ms=1000"}


@dataclass(frozen=True)
class Site:
    """One gateway with a board of each family, and the cabinets behind them."""

    api: Api
    lines: dict[str, Line]

    def locker(self, line: str, lock: int) -> int:
        """The locker's id: banks are numbered in the order of the lines."""
        return EVERY.index(line) * LOCKS + lock

    def open(self, line: str, lock: int) -> Reply:
        return self.api.post(f"/lockers/{self.locker(line, lock)}/open")

    def door(self, line: str, lock: int) -> str:
        shown = self.api.get(f"/lockers/{self.locker(line, lock)}").body["doorOpen"]
        return {True: "open", False: "closed", None: "unknown"}[shown]


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with lines(WIRES, LOCKS) as cabinets:
        boards = [(cabinets[name].url + TIMES.get(name, ""), LOCKS) for name in EVERY]
        with running(tmp_path_factory.mktemp("protocols"), boards, detection=2) as api:
            yield Site(api, cabinets)


@pytest.fixture
def site(everything: Site) -> Site:
    """Every cabinet whole, every door shut, and the gateway has seen it."""
    _mend(everything)
    absent = [name for name in EVERY if not _shown(everything, name)["online"]]
    if absent:  # an open makes the gateway try a line at once; left alone it would wait up to 30 s
        on_each(tuple(absent), lambda name: everything.open(name, LOCKS))
        _mend(everything)

    def whole() -> bool:
        return all(one["operational"] and one["doorOpen"] is False for one in _lockers(everything))

    until(whole, within=90)
    _mend(everything)  # what was pulsed before belongs to another test
    return everything


def _mend(site: Site) -> None:
    for line in site.lines.values():
        line.reset()


def _shown(site: Site, name: str) -> dict[str, Any]:
    """The controller of a line as the system shows it."""
    found: dict[str, Any] = site.api.get("/system").body["controllers"][EVERY.index(name)]
    return found


def _lockers(site: Site) -> list[dict[str, Any]]:
    """All but those whose lock failed three times in a row in tests before."""
    return [one for one in site.api.get("/lockers").body if one["reasonCode"] != "LOCK_MALFUNCTION"]


def test_an_open_fires_the_very_lock_and_is_confirmed_by_its_sensor(site: Site) -> None:
    def each(name: str) -> list[tuple[Outcome, list[int]]]:
        found = []
        for lock in (1, LOCKS):
            answer = site.open(name, lock)
            found.append((outcome_of(answer), [pulse.lock for pulse in site.lines[name].pulses()]))
        return found

    opened = Outcome(200, "", True, "True")
    results = on_each(EVERY, each)
    assert results == {name: [(opened, [1]), (opened, [1, LOCKS])] for name in EVERY}


def test_every_door_is_seen_to_shut_again(site: Site) -> None:
    on_each(EVERY, lambda name: site.open(name, 3))
    assert {name: site.door(name, 3) for name in EVERY} == dict.fromkeys(EVERY, "open")
    for line in site.lines.values():
        line.do(lambda emulator: next(iter(emulator.locks.values()))[3].push_shut())
    until(lambda: all(site.door(name, 3) == "closed" for name in EVERY), within=30)


def test_no_rule_of_the_wire_was_broken_in_an_ordinary_run(site: Site) -> None:
    on_each(EVERY, lambda name: site.open(name, 5))
    assert {name: site.lines[name].violations() for name in EVERY} == {name: [] for name in EVERY}


def _inject(case: Case, line: Line, lock: int) -> None:
    options = dict(case.options)
    if case.fault == "wires_crossed":
        options = {"a": lock, "b": lock % LOCKS + 1}
    line.fault(case.fault, None if case.whole_board else lock, **options)


def _answers_since_the_fault(emulator: Emulator) -> int:
    """How often the board has answered since a fault struck for the first time."""
    kinds = [entry.kind for entry in emulator.trace.entries]
    return kinds[kinds.index("fault") :].count("out") if "fault" in kinds else 0


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_a_fault_comes_to_the_outcome_that_the_contract_names(site: Site, case: Case) -> None:
    lock = CASES.index(case) % LOCKS + 1

    def each(name: str) -> tuple[Outcome, int]:
        line = site.lines[name]
        _inject(case, line, lock)
        if case.settled:
            until(lambda: line.do(_answers_since_the_fault) >= SETTLED, within=60)
            until(lambda: site.door(name, lock) == "closed", within=30)
        if name in case.sees:
            until(lambda: site.door(name, lock) == case.sees[name], within=30)
        found = outcome_of(site.open(name, lock))
        return found, len(line.pulses(lock))

    results = on_each(case.on, each)
    wrong = {
        name: (found, pulses)
        for name, (found, pulses) in results.items()
        if found not in case.expects(name) or pulses not in case.expects_pulses(name)
    }
    assert wrong == {}
    assert {name: site.lines[name].violations() for name in case.on} == {name: [] for name in case.on}


def test_every_fault_of_the_cabinet_has_a_row() -> None:
    elsewhere = {"echo", "busy_after_unlock", "cooldown", "power_on", "power_cut_at", "old_firmware", "mode_linked"}
    assert {case.fault for case in CASES} | elsewhere == set(KINDS)
