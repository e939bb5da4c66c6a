"""The control API over HTTP on a real socket (cli.md `cabinet serve`, lock-boards.md 6.4)."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Unpack

import httpx2
import pytest

from openharbor.boards.emulator.control_server import serve_control
from openharbor.boards.emulator.emulator import Emulator
from openharbor.boards.emulator.model import Options
from openharbor.boards.emulator.scenario import load_scenario, play
from openharbor.kit.clock import SteppedClock

OPEN_1 = bytes.fromhex("57 4B 4C 59 09 00 82 01 83")
STATUS = bytes.fromhex("57 4B 4C 59 08 00 84 85")


class Control:
    """A cabinet of four lockers whose clock stands still, and its API."""

    def __init__(self, emu: Emulator, clock: SteppedClock, client: httpx2.AsyncClient) -> None:
        self.emu, self.clock, self._client = emu, clock, client
        self.pipe = emu.open_pipe()
        self.got: list[bytes] = []
        self.pipe.set_receiver(self.got.append)

    async def call(self, method: str, path: str, body: object = None, status: int = 200) -> Any:
        answer = await self._client.request(method, path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def raw(self, path: str, content: bytes, **headers: str) -> httpx2.Response:
        return await self._client.post(path, content=content, headers=headers)

    async def doors(self) -> bytes:
        """What a driver reads, after all that was sent before."""
        self.got.clear()
        self.pipe.write(STATUS)
        await self.clock.advance(0.1)
        answers = [data for data in self.got if data[6] == 0x84]
        return answers[-1][9:-1] if answers else b""

    async def open(self, seconds: float = 1) -> None:
        self.pipe.write(OPEN_1)
        await self.clock.advance(seconds)


@contextlib.asynccontextmanager
async def controlled(**options: Unpack[Options]) -> AsyncIterator[Control]:
    clock = SteppedClock()
    async with (
        Emulator(locks=4, transport="pipe", clock=clock, **options) as emu,
        serve_control(emu) as url,
        httpx2.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        yield Control(emu, clock, client)


async def test_doors_are_seen_pushed_shut_and_pulled_open() -> None:
    async with controlled() as control:
        await control.open()
        lockers = await control.call("GET", "/lockers")
        assert lockers[0] == {"locker": 1, "door": "open", "latched": False, "fault": "none", "pulses": 1}
        assert [one["door"] for one in lockers] == ["open", "closed", "closed", "closed"]
        shut = await control.call("POST", "/lockers/1/door", {"open": False})
        assert (shut["door"], shut["latched"]) == ("closed", True)


async def test_a_latched_door_is_opened_only_by_force() -> None:
    async with controlled() as control:
        refused = await control.call("POST", "/lockers/2/door", {"open": True}, 409)
        assert refused == {
            "error": "CONFLICT",
            "message": 'locker 2 does not open, it is latched: unlock it first, or give "force": true',
        }
        forced = await control.call("POST", "/lockers/2/door", {"open": True, "force": True})
        assert forced["door"] == "open"


async def test_a_released_door_is_pulled_open() -> None:
    async with controlled(spring=False) as control:
        await control.open()
        assert (await control.call("POST", "/lockers/1/door", {"open": True}))["door"] == "open"


async def test_a_locker_has_one_fault_at_a_time() -> None:
    async with controlled() as control:
        await control.call("POST", "/lockers/1/fault", {"fault": "jam"})
        await control.open(2)
        assert (await control.call("GET", "/lockers"))[0]["door"] == "closed"
        await control.call("POST", "/lockers/1/fault", {"fault": "cut_wire"})
        assert await control.doors() == bytes([0, 1, 1, 1])
        await control.call("POST", "/lockers/1/fault", {"fault": "stuck_sensor"})
        await control.open(2)
        assert await control.doors() == bytes([1, 1, 1, 1])
        none = await control.call("POST", "/lockers/1/fault", {"fault": "none"})
        assert (none["fault"], none["door"]) == ("none", "open")
        assert await control.doors() == bytes([0, 1, 1, 1])
        assert await control.call("GET", "/v1/faults") == []


@pytest.mark.parametrize("fault", ["silent", "garbage", "half_frame", "late", "echo"])
async def test_the_line_has_one_fault_at_a_time(fault: str) -> None:
    async with controlled() as control:
        good = await control.doors()
        assert await control.call("POST", "/line/fault", {"fault": fault}) == {"fault": fault}
        control.pipe.write(STATUS)
        control.got.clear()
        await control.clock.advance(2)
        answer = b"".join(control.got)
        assert answer == STATUS + answer[8:] if fault == "echo" else answer[9:-1] != good
        await control.call("POST", "/line/fault", {"fault": "none"})
        await control.clock.advance(10)
        assert await control.doors() == good


async def test_power_and_pulses() -> None:
    async with controlled() as control:
        await control.open()
        assert await control.call("GET", "/pulses") == [{"board": 0, "lock": 1, "atMs": 0.0, "ma": 2000, "ms": 500.0}]
        assert await control.call("POST", "/power", {"on": False}) == {"on": False}
        assert await control.doors() == b""
        await control.call("POST", "/power", {"on": True})
        await control.clock.advance(1)
        assert await control.doors() == bytes([0, 1, 1, 1])


async def test_state_tells_everything_coil_by_coil() -> None:
    async with controlled() as control:
        await control.open(0.3)
        state = await control.call("GET", "/v1/state")
        assert state["family"] == "wkly"
        assert state["supplies"] == [{"supply": "main", "on": True, "loadMa": 2000, "limitMa": 2500}]
        lock = state["boards"][0]["locks"][0]
        assert (lock["coil"], lock["coilOnMs"], lock["released"], lock["door"], lock["bit"]) == (
            True,
            300.0,
            True,
            "open",
            False,
        )
        assert state["boards"][0]["url"] == control.emu.url()
        assert (state["faults"], state["violations"]) == ([], [])


async def test_a_person_acts_at_a_lock() -> None:
    async with controlled() as control:
        done = await control.call("POST", "/v1/boards/0/locks/3/person", {"action": "force"})
        assert done == {"board": 0, "lock": 3, "door": "open", "released": True}
        assert (await control.call("POST", "/v1/boards/0/locks/9/person", {"action": "pull"}, 404))["message"] == (
            "lock must be 1 to 4, not 9"
        )
        await control.call("POST", "/v1/boards/5/locks/1/person", {"action": "pull"}, 404)
        await control.call("POST", "/v1/boards/0/locks/1/person", {"action": "kick"}, 400)


async def test_faults_are_injected_listed_and_removed() -> None:
    async with controlled() as control:
        added = await control.call(
            "POST", "/v1/faults", {"type": "split", "target": {"board": 0}, "count": 2, "n": 3, "gapMs": 5}
        )
        fault = await control.call("GET", f"/v1/faults/{added['id']}")
        assert fault == {
            "id": added["id"],
            "type": "split",
            "target": {"board": 0, "lock": None, "on": "any"},
            "options": {"n": 3, "gap_ms": 5.0},
            "left": 2,
            "started": True,
            "struck": 0,
        }
        assert await control.call("GET", "/v1/faults") == [fault]
        await control.call("DELETE", f"/v1/faults/{added['id']}", status=204)
        await control.call("DELETE", f"/v1/faults/{added['id']}", status=404)
        await control.call("GET", f"/v1/faults/{added['id']}", status=404)
        await control.call("POST", "/v1/faults", {"type": "wire_cut"})
        await control.call("DELETE", "/v1/faults", status=204)
        assert await control.call("GET", "/v1/faults") == []


async def test_a_supply_is_switched_by_its_name() -> None:
    async with controlled() as control:
        assert await control.call("POST", "/v1/power", {"supply": "main", "state": "off"}) == {
            "supply": "main",
            "on": False,
        }
        assert (await control.call("POST", "/v1/power", {"supply": "spare", "state": "on"}, 400))["message"] == (
            "supply 'spare' is none of main"
        )
        await control.call("POST", "/v1/power", {"state": "on"})
        await control.call("POST", "/v1/power", {"state": "brown_out"})
        assert [entry.detail for entry in control.emu.trace.of("power")] == ["main off", "main on", "main brown-out"]


async def test_a_stepped_clock_is_advanced_and_the_machines_clock_is_not() -> None:
    async with controlled() as control:
        before = control.clock.now()
        assert await control.call("POST", "/v1/clock", {"advanceMs": 1500}) == {"now": before + 1500}
        await control.call("POST", "/v1/clock", {"advanceMs": -1}, 400)
    async with Emulator(transport="pipe") as emu, serve_control(emu) as url, httpx2.AsyncClient(base_url=url) as client:
        assert (await client.post("/v1/clock", json={"advanceMs": 1})).status_code == 409


async def test_a_scenario_plays_in_time() -> None:
    steps = [
        {"atMs": 100, "do": "person", "lock": 2, "action": "force"},
        {"atMs": 200, "do": "fault", "type": "wire_cut", "target": {"lock": 3}},
        {"atMs": 300, "do": "removeFault", "id": 1},
        {"atMs": 1000, "do": "power", "state": "off"},
        {"atMs": 2000, "do": "reset"},
    ]
    async with controlled() as control:
        assert await control.call("POST", "/v1/scenario", steps) == {"steps": 5}
        await control.clock.advance(0.21)
        assert await control.doors() == bytes([1, 0, 0, 1])
        assert await control.doors() == bytes([1, 0, 1, 1])
        await control.clock.advance(0.7)
        assert await control.doors() == b""
        await control.clock.advance(2)
        assert await control.doors() == bytes([1, 1, 1, 1])


async def test_a_scenario_with_a_wrong_step_plays_nothing() -> None:
    wrong: list[tuple[dict[str, object], str]] = [
        ({"do": "person"}, "step 2: atMs must be a number of 0 to 604800000, not None"),
        ({"atMs": 0, "do": "dance"}, "step 2: do must be one of person, fault, removeFault, power, reset, not 'dance'"),
        ({"atMs": 0, "do": "fault", "type": "gremlins"}, "step 2: fault type 'gremlins' is none of "),
        ({"atMs": 0, "do": "person", "lock": 7, "action": "pull"}, "step 2: lock must be 1 to 4, not 7"),
        ({"atMs": 0, "do": "person", "lock": 1, "action": "kick"}, "step 2: Invalid enum value 'kick'"),
    ]
    async with controlled() as control:
        for step, message in wrong:
            first = {"atMs": 0, "do": "person", "lock": 1, "action": "force"}
            refused = await control.call("POST", "/v1/scenario", [first, step], 400)
            assert refused["message"].startswith(message)
            await control.clock.advance(1)
            assert control.emu.locks[0][1].door == "closed"
        many = [{"atMs": 0, "do": "reset"}] * 1001
        assert (await control.call("POST", "/v1/scenario", many, 400))["message"] == "at most 1000 steps, not 1001"


async def test_the_same_list_in_a_yaml_file(tmp_path: Path) -> None:
    file = tmp_path / "night.yaml"
    file.write_text("- {atMs: 0, do: person, board: 0, lock: 1, action: force}\n- {atMs: 50, do: reset}\n")
    async with controlled() as control:
        assert play(control.emu, load_scenario(file)) == 2
        await control.clock.advance(0.02)
        assert control.emu.locks[0][1].door == "open"
    file.write_text("do: [")
    with pytest.raises(ValueError, match=r"night\.yaml"):
        load_scenario(file)


async def test_the_trace_is_read_from_a_number_on() -> None:
    async with controlled() as control:
        await control.open()
        entries = await control.call("GET", "/v1/trace")
        assert entries[0] == {"n": 1, "atMs": 0.0, "kind": "in", "hex": "57 4B 4C 59 09 00 82 01 83"}
        assert {"coil_on", "coil_off", "current", "latch", "door", "in", "out"} == {entry["kind"] for entry in entries}
        later = await control.call("GET", "/v1/trace?since=3")
        assert later == entries[3:]
        await control.call("GET", "/v1/trace?since=-1", status=400)


async def test_a_reset_shuts_the_doors_and_forgets_the_faults() -> None:
    async with controlled() as control:
        await control.call("POST", "/lockers/1/fault", {"fault": "cut_wire"})
        await control.call("POST", "/lockers/2/door", {"open": True, "force": True})
        await control.call("POST", "/v1/reset", status=204)
        assert [(one["door"], one["fault"], one["pulses"]) for one in await control.call("GET", "/lockers")] == [
            ("closed", "none", 0)
        ] * 4


@pytest.mark.parametrize(
    ("path", "body", "status", "error", "message"),
    [
        ("/lockers/9/door", {"open": True}, 404, "NOT_FOUND", "locker must be 1 to 4, not 9"),
        ("/lockers/1/door", {"open": "yes"}, 400, "BAD_REQUEST", "Expected `bool`, got `str` - at `$.open`"),
        ("/lockers/1/door", {}, 400, "BAD_REQUEST", "Object missing required field `open`"),
        ("/lockers/1/door", {"open": True, "x": 1}, 400, "BAD_REQUEST", "Object contains unknown field `x`"),
        ("/lockers/1/fault", {"fault": "fire"}, 400, "BAD_REQUEST", "Invalid enum value 'fire' - at `$.fault`"),
        ("/lockers/9/fault", {"fault": "jam"}, 404, "NOT_FOUND", "locker must be 1 to 4, not 9"),
        ("/line/fault", {"fault": "fire"}, 400, "BAD_REQUEST", "Invalid enum value 'fire' - at `$.fault`"),
        ("/power", {"on": 1}, 400, "BAD_REQUEST", "Expected `bool`, got `int` - at `$.on`"),
        ("/v1/faults", {"type": "split"}, 400, "BAD_REQUEST", "split needs the option 'n'"),
        ("/v1/faults", {"type": "split", "n": "x"}, 400, "BAD_REQUEST", "split.n must be a whole number of 1 to 300"),
        ("/v1/faults", {"type": "bounce", "n": [1]}, 400, "BAD_REQUEST", "bounce.n must be a whole number of 1 to 100"),
        ("/v1/power", {"state": "dim"}, 400, "BAD_REQUEST", "state must be one of on, off, brown_out, not 'dim'"),
        ("/nowhere", {}, 404, "NOT_FOUND", "Not Found"),
        ("/lockers", {}, 405, "METHOD_NOT_ALLOWED", "Method Not Allowed"),
    ],
)
async def test_bad_input_is_refused_with_the_field_and_the_limit(
    path: str, body: object, status: int, error: str, message: str
) -> None:
    async with controlled() as control:
        refused = await control.call("POST", path, body, status)
        assert refused["error"] == error
        assert refused["message"].startswith(message)


async def test_a_body_that_is_no_json_or_too_large_is_refused() -> None:
    async with controlled() as control:
        assert (await control.raw("/power", b"{")).status_code == 400
        assert (await control.raw("/power", b" " * 70_000)).status_code == 413


async def test_a_web_page_elsewhere_cannot_reach_it_under_its_own_name() -> None:
    async with controlled() as control:
        refused = await control.raw("/power", b'{"on":false}', host="lockers.example:80")
        assert (refused.status_code, refused.json()["error"]) == (403, "FORBIDDEN")
        assert control.emu.cabinet.supplies["main"].on
