"""The emulated cabinet against the vectors, which the drivers are held to as well."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

from core.emulator.rig import Rig
from openharbor.boards.emulator.model import Options
from openharbor.boards.emulator.wire_kerong24 import Kerong24

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "boards.json").read_text())
FAMILIES = [name for name in VECTORS if name != "_meta"]
COMMANDS = [(family, command) for family in FAMILIES for command in VECTORS[family]["commands"]]
ASKED = [(family, command) for family, command in COMMANDS if "request_hex" in command]
ANSWERED = [(family, command) for family, command in ASKED if "reply_hex" in command]
NEVER = [(family, command) for family, command in ASKED if command["use"] == "never"]
ALLOWED = [(family, command) for family, command in ASKED if command["use"] != "never"]
PUSHED = [(family, command) for family, command in COMMANDS if command.get("from") == "board"]


def named(cases: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [
        f"{position} {family} {command['name']} {command.get('request_hex', '')}"
        for position, (family, command) in enumerate(cases)
    ]


def options_of(command: dict[str, Any]) -> Options:
    given = {name: value for name, value in command.get("options", {}).items() if name != "locks"}
    quiet = {"feedback": "closed_is_1", "acknowledges": True, "unlock_answer_ms": 20, "pushes": False}
    status_bytes = len(command.get("parsed", {}).get("bits", "")) // 8
    return cast(Options, quiet | given | {"limit_ma": 600_000, "status_bytes": status_bytes or None})


def address_of(family: str, command: dict[str, Any]) -> int:
    args, parsed = command["args"], command.get("parsed", {})
    for name in ("board", "unit"):
        if args.get(name) or name in parsed:
            return int(parsed.get(name, args.get(name)))
    return int(args.get("board", args.get("unit", 0))) or (1 if family in ("waveshare", "modbus-tcp", "xor8a80") else 0)


def locks_of(family: str, command: dict[str, Any]) -> int | None:
    """As many locks as the answer tells of, or as the request needs."""
    bits, kind = command.get("parsed", {}).get("bits", ""), command.get("parsed", {}).get("kind", "")
    if kind == "coils":
        return len(bits)
    if family in ("wkly", "xor8a80"):
        return len(bits) if kind == "status" and bits else 56 if family == "xor8a80" else 24
    return int(command["options"]["locks"]) if "locks" in command.get("options", {}) else None


def in_state(family: str, command: dict[str, Any]) -> Rig:
    """A rig whose doors, items, relays and registers are what the answer tells."""
    parsed = command.get("parsed", {})
    rig = Rig(family, (address_of(family, command),), locks_of(family, command), **options_of(command))
    board = next(iter(rig.cabinet.boards.values()))
    about = parsed.get("lock", command["args"].get("lock"))
    bits = parsed.get("bits", "")
    numbers = [about] if len(bits) == 1 else range(1, len(bits) + 1)
    for number, bit in zip(numbers, bits, strict=True):
        if number > len(board.locks):
            continue
        if parsed["kind"] == "coils":
            board.coils[number].hold() if bit == "1" else None
        elif bit == "0":
            rig.lock(number).force()
        elif bit == "?":
            rig.cabinet.faults.add("unreadable", board=board.address, lock=number)
    for number, item in enumerate(parsed.get("items", ""), 1):
        board.items[number] = item == "1"
    faults_and_registers(rig, command)
    rig.client.chunks.clear()
    return rig


def faults_and_registers(rig: Rig, command: dict[str, Any]) -> None:
    parsed, name = command.get("parsed", {}), command["name"]
    board = next(iter(rig.cabinet.boards.values()))
    if parsed.get("kind") == "exception":
        rig.cabinet.faults.add("exception", code=parsed["code"])
    if parsed.get("ok") is False:
        status = bytes.fromhex(command["reply_hex"])[7]
        rig.cabinet.faults.add("status_code", v=status, short="lock" not in parsed)
    if parsed.get("result") in ("failed", "cooldown"):
        rig.cabinet.faults.add("status_code", v={"failed": 0, "cooldown": 2}[parsed["result"]])
    if name == "channel_modes":
        board.modes.update(enumerate(parsed["values"], 1))


@pytest.mark.parametrize(("family", "command"), ANSWERED, ids=named(ANSWERED))
def test_a_board_in_the_same_state_gives_the_same_answer(family: str, command: dict[str, Any]) -> None:
    rig = in_state(family, command)
    if family == "kerong-cu24":
        rig.cable.wire = Kerong24(rig.cabinet.parts.model, tail=bytes.fromhex(command["reply_hex"])[7:11])
    assert rig.ask(command["request_hex"], wait_ms=60_000) == command["reply_hex"]


@pytest.mark.parametrize(("family", "command"), NEVER, ids=named(NEVER))
def test_a_frame_that_no_driver_may_send_is_understood_and_noted(family: str, command: dict[str, Any]) -> None:
    rig = Rig(family, (address_of(family, command),), limit_ma=600_000)
    rig.ask(command["request_hex"])
    assert "never" in rig.violations()


@pytest.mark.parametrize(("family", "command"), ALLOWED, ids=named(ALLOWED))
def test_a_frame_that_a_driver_may_send_is_understood_and_breaks_no_rule(family: str, command: dict[str, Any]) -> None:
    rig = Rig(family, (address_of(family, command),), locks_of(family, command), **options_of(command))
    settled, request = rig.cable.wire.cut(bytes.fromhex(command["request_hex"]))
    assert request is not None
    assert settled == len(request.frame)
    rig.ask(command["request_hex"], wait_ms=60_000)
    assert rig.violations() == []


@pytest.mark.parametrize(("family", "command"), ASKED, ids=named(ASKED))
def test_a_request_is_understood_however_it_is_split(family: str, command: dict[str, Any]) -> None:
    whole = Rig(family, (address_of(family, command),), limit_ma=600_000)
    pieces = Rig(family, (address_of(family, command),), limit_ma=600_000)
    expected = whole.ask(command["request_hex"], 60_000)
    for byte in command["request_hex"].split():
        pieces.send(byte)
    pieces.advance(60_000)
    assert pieces.client.got.hex(" ").upper() == expected


@pytest.mark.parametrize(("family", "command"), PUSHED, ids=named(PUSHED))
def test_a_door_that_moves_is_told_unasked(family: str, command: dict[str, Any]) -> None:
    rig = Rig(family)
    lock = rig.lock(command["parsed"]["lock"])
    lock.force()
    if command["parsed"]["bits"] == "1":
        rig.client.chunks.clear()
        lock.push_shut()
    assert rig.client.got.hex(" ").upper() == command["reply_hex"]


NEGATIVES = [(family, case) for family in FAMILIES for case in VECTORS[family]["negatives"] if case["kind"] == "decode"]


@pytest.mark.parametrize(("family", "case"), NEGATIVES, ids=[f"{family} {case['name']}" for family, case in NEGATIVES])
def test_what_is_no_frame_moves_no_coil(family: str, case: dict[str, Any]) -> None:
    is_a_request = "request" in f"{case['name']} {case.get('note', '')}"
    rig = Rig(family, **options_of(case))
    answer = rig.ask(case["hex"], 60_000)
    if not is_a_request:
        assert answer == ""
        assert rig.cabinet.trace.of("coil_on") == []


@pytest.mark.parametrize("family", FAMILIES)
def test_no_scan_probe_fires_a_lock(family: str) -> None:
    for probe in VECTORS["_meta"]["scan_probes"]:
        rig = Rig(family)
        rig.ask(probe["hex"], 60_000)
        assert rig.cabinet.trace.of("coil_on") == []
        assert rig.violations() == []


@pytest.mark.parametrize("row", VECTORS["_meta"]["silent_interval"], ids=lambda row: f"{row['baud']}")
def test_the_silence_before_a_frame_is_that_of_the_table(row: dict[str, Any]) -> None:
    from openharbor.boards.emulator.families import silence_ms

    assert silence_ms(row["baud"], row["bits_per_char"]) == row["ms"]
