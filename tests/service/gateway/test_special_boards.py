"""Boards and adapters that are peculiar from the start: an echo, a cooldown, firmware or modes to be refused."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.api import Api, Reply
from harness.fault_table import BLIND, GONE, JAMMED, OPENED, Outcome, outcome_of
from harness.lines import Line, lines, on_each
from harness.processes import until
from harness.virtual_site import found, running, served
from openharbor.boards.emulator.families import Transport

pytestmark = pytest.mark.slow

LOCKS = 4

# The families whose answer to an unlock may be the very bytes of the request (lock-boards.md 2.4), and one other.
ECHOING: dict[str, tuple[str, Transport]] = {
    "xor8a80-pty": ("xor8a80", "pty"),
    "xor8a80": ("xor8a80", "tcp"),
    "waveshare-pty": ("waveshare", "pty"),
    "waveshare": ("waveshare", "tcp"),
    "wkly-pty": ("wkly", "pty"),
}

CU16: dict[str, tuple[str, Transport]] = {"kerong-cu16": ("kerong-cu16", "tcp")}


@contextmanager
def site(
    directory: Path,
    wires: dict[str, tuple[str, Transport]],
    prepare: Callable[[Line], None],
    parameters: str = "",
    *,
    detection: int = 2,
) -> Iterator[tuple[Api, dict[str, Line]]]:
    """A gateway whose boards were as `prepare` makes them before it first spoke to them."""
    with lines(wires, LOCKS) as cabinets:
        for line in cabinets.values():
            prepare(line)
        boards = [(line.url + parameters, LOCKS) for line in cabinets.values()]
        with running(directory, boards, detection=detection) as api:
            yield api, cabinets


def test_an_adapter_that_echoes_hides_no_door_and_makes_no_dead_board_look_alive(tmp_path: Path) -> None:
    with site(tmp_path, ECHOING, lambda line: line.fault("echo")) as (api, cabinets):

        def each(name: str) -> tuple[Outcome, list[int], Outcome, list[int]]:
            line, first = cabinets[name], list(ECHOING).index(name) * LOCKS
            alive, fired = outcome_of(api.post(f"/lockers/{first + 2}/open")), [pulse.lock for pulse in line.pulses()]
            line.fault("power_off")
            dead = outcome_of(api.post(f"/lockers/{first + 3}/open"))
            return alive, fired, dead, [pulse.lock for pulse in line.pulses()]

        assert on_each(tuple(ECHOING), each) == dict.fromkeys(ECHOING, (OPENED, [2], GONE, [2]))
        assert [line.violations() for line in cabinets.values()] == [[]] * len(ECHOING)


def test_an_adapter_that_stops_echoing_is_learnt_anew(tmp_path: Path) -> None:
    with site(tmp_path, ECHOING, lambda line: line.fault("echo")) as (api, cabinets):
        for line in cabinets.values():
            line.reset()

        def each(name: str) -> None:
            first = list(ECHOING).index(name) * LOCKS
            until(lambda: outcome_of(api.post(f"/lockers/{first + 1}/open")).status == 200, within=60)

        on_each(tuple(ECHOING), each)


def test_a_board_that_falls_silent_after_its_answer_is_not_said_to_have_kept_its_door_shut(tmp_path: Path) -> None:
    with site(tmp_path, CU16, lambda line: line.fault("busy_after_unlock", 1), detection=4) as (api, cabinets):
        answer = api.post("/lockers/1/open")
        assert outcome_of(answer) == BLIND
        assert answer.body["details"]["reason"] == "unreadable"
        assert len(cabinets["kerong-cu16"].pulses(1)) == 1


def test_a_busy_board_that_is_reset_after_each_unlock_shows_its_door(tmp_path: Path) -> None:
    with site(tmp_path, CU16, lambda line: line.fault("busy_after_unlock", 1), "&busy_reset=1") as (api, cabinets):
        assert outcome_of(api.post("/lockers/1/open")) == OPENED
        assert cabinets["kerong-cu16"].violations() == []


@pytest.mark.parametrize("family", ["winnsen", "wkly"])
def test_a_board_that_cools_down_refuses_and_is_not_asked_again(tmp_path: Path, family: str) -> None:
    def prepare(line: Line) -> None:
        line.fault("cooldown", 2, ms=60_000)
        line.fault("stuck_door", 2)

    with site(tmp_path, {family: (family, "tcp")}, prepare) as (api, cabinets):
        assert outcome_of(api.post("/lockers/2/open")) == JAMMED
        refused = api.post("/lockers/2/open")
        assert outcome_of(refused) == JAMMED
        assert refused.body["details"]["reason"] in ("cooldown", "failed")
        assert refused.body["details"]["attempts"] == "1"
        assert len(cabinets[family].pulses(2)) == 1


REFUSED_BOARDS: dict[str, dict[str, int]] = {"old_firmware": {}, "mode_linked": {"ch": 1}}

REFUSED_BECAUSE = {"old_firmware": "not Modbus-compatible", "mode_linked": "linked to its input"}


def unlocks(line: Line) -> list[str]:
    """The unlock frames that the line saw: function 5 with a register from 0200 on."""
    frames = [entry.hex for entry in line.do(lambda emulator: list(emulator.trace)) if entry.kind == "in"]
    return [frame for frame in frames if frame.split()[1:3] == ["05", "02"]]


@contextmanager
def refused_board(directory: Path, fault: str) -> Iterator[tuple[Api, Line]]:
    with lines({"waveshare": ("waveshare", "tcp")}, LOCKS) as cabinets:
        line = cabinets["waveshare"]
        line.fault(fault, **REFUSED_BOARDS[fault])
        with served(found(directory, [(line.url, LOCKS)], detection=1)) as service:
            yield Api(service.url), line


@pytest.mark.parametrize("fault", REFUSED_BOARDS)
def test_a_board_that_its_family_check_refuses_is_not_on_line_and_not_fired(tmp_path: Path, fault: str) -> None:
    with refused_board(tmp_path, fault) as (api, line):
        until(lambda: REFUSED_BECAUSE[fault] in (line_state(api)["failureReason"] or ""), within=30)
        assert outcome_of(api.post("/lockers/1/open")) == GONE
        assert line_state(api)["online"] is False
        assert api.get("/lockers/1").body["reasonCode"] == "CONTROLLER_OFFLINE"
        assert unlocks(line) == []


@pytest.mark.parametrize("fault", REFUSED_BOARDS)
def test_an_open_that_comes_before_the_family_check_does_not_get_ahead_of_it(tmp_path: Path, fault: str) -> None:
    with refused_board(tmp_path, fault) as (api, line):
        assert outcome_of(api.post("/lockers/1/open")) == GONE
        assert unlocks(line) == []


def line_state(api: Api) -> dict[str, Any]:
    """The one controller as the system shows it."""
    state: dict[str, Any] = api.get("/system").body["controllers"][0]
    return state


def test_power_that_is_cut_in_a_pulse_loses_nothing_and_fires_again_only_what_was_seen_shut(tmp_path: Path) -> None:
    wires: dict[str, tuple[str, Transport]] = {
        name: (name, "tcp") for name in ("waveshare", "wkly", "kerong-cu48", "kerong-cu16")
    }
    allowed: tuple[Outcome, ...] = (OPENED, GONE, JAMMED)

    def prepare(line: Line) -> None:
        line.fault("power_cut_at", pulse_ms=20, off_ms=300, count=1)

    with site(tmp_path, wires, prepare) as (api, cabinets):

        def each(name: str) -> tuple[Reply, bool]:
            answer = api.post(f"/lockers/{list(wires).index(name) * LOCKS + 1}/open")
            return answer, cabinets[name].do(lambda emulator: next(iter(emulator.locks.values()))[1].door) == "open"

        for name, (answer, opened) in on_each(tuple(wires), each).items():
            assert outcome_of(answer) in allowed, (name, answer.body)
            assert (answer.status == 200) == opened, (name, answer.body)
            assert len(cabinets[name].pulses(1)) <= 3
            assert cabinets[name].violations() == []
