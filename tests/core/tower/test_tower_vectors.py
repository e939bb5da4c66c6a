"""The vectors of the protocol, against the whole device: exact answers, and the state after (blink-protocol.md 18)."""

from typing import Any

import pytest
from msgspec.structs import replace

from core.blink.rig import draws_of
from core.tower.desk import AT_MS, Desk, fixture_tower, iv_of, locker_from
from harness.blink_vectors import unshown, vectors
from openharbor.blink.cbor import decode, encode
from openharbor.blink.events import CommandsDone
from openharbor.blink.frames import read_message
from openharbor.blink.lockout import Failures
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import Declined, Reply
from openharbor.blink.wrapper import unwrap, wrap
from openharbor.tower import device, state
from openharbor.tower.lockers import Locker, Used
from openharbor.tower.state import KeypadSays, Tower

STEPS = vectors()["commands"]["steps"]
SCENARIOS = vectors()["scenarios"]["list"]
PACKETS = vectors()["sync"]["packets"]
NEGATIVE = vectors()["negative"]["list"]


def named(row: dict[str, Any]) -> str:
    return f"{row.get('id', '')} {row.get('name', row.get('packet'))}".strip()


def plain_used(locker: Locker) -> Locker:
    """Without what the vectors do not say of a used token: its session."""
    used = tuple(Used(one.token_id, b"", one.at, one.confirmed) for one in locker.used)
    return replace(locker, used=used, watched=None)


def batch_iv(row: dict[str, Any]) -> bytes | None:
    reply = unshown(row["reply"])
    return reply[9][1:17] if reply[1] == Packet.SYNC_EVENTS else None


def test_a_session_that_uses_every_locker_and_sync_command_is_answered_byte_for_byte() -> None:
    desk = Desk()
    desk.only_session("A")
    key = desk.phones["A"].key
    for row in STEPS:
        answer = desk.receive(bytes.fromhex(row["in"]), iv_of(row["out"]), batch_iv(row))
        expected = row["out"]
        if row["answer"] == "SYNC_STATUS":
            # the model of the vectors logs nothing; the tower's own events count here
            inner = unshown(row["reply"]) | {32: desk.tower.log.last}
            outer = wrap(key, desk.phones["A"].session_id, encode(inner), iv_of(row["out"]))
            assert decode(unwrap(key, read_message(answer.frame))) == inner
            assert read_message(answer.frame) == outer
            continue
        assert answer.frame.hex() == expected, (row["command"], row.get("note"))
    assert desk.tower.visit is None
    assert desk.pulses == [1, 1, 5, 3]


@pytest.mark.parametrize("row", SCENARIOS, ids=named)
def test_tokens_do_to_lockers_what_the_scenarios_say(row: dict[str, Any]) -> None:
    desk = Desk(fixture_tower(**row["given"]))
    for step in row["steps"]:
        SCENARIO_STEPS[step["do"]](desk, step)


def opened(desk: Desk, step: dict[str, Any], reply: Reply | Declined) -> None:
    if step["expect"] != "ok":
        assert isinstance(reply, Declined)
        assert reply.code == step["expect"], step
        return
    assert isinstance(reply, Reply), (step, reply)
    if step["do"] in ("open", "reopen"):
        assert reply.fields.get(234) == step.get("open_confirmed"), step
    if "reason" in step:
        assert getattr(desk.newest(), "reason", None) == step["reason"], step
    if "door_open" in step:
        assert reply.fields[76] == step["door_open"]


def enter(desk: Desk, step: dict[str, Any]) -> None:
    desk.take(device.code_entered(desk.tower, step["code"], desk.at_ms))
    word, _, number = step["expect"].partition(" ")
    word = {"locked": "asleep"}.get(word, word)
    assert desk.shown[-1] == KeypadSays(word, int(number) if number else None), step


def check_state(desk: Desk, step: dict[str, Any]) -> None:
    locker = desk.tower.lockers[step["locker"]]
    assert {name: getattr(locker, name) for name in ("available", "generation", "retired")} == {
        name: step[name] for name in ("available", "generation", "retired")
    }, step


def set_door(desk: Desk, step: dict[str, Any]) -> None:
    (desk.jams.add if step["behaves"] == "jam" else desk.jams.discard)(step["locker"])


def check_pulses(desk: Desk, step: dict[str, Any]) -> None:
    assert desk.pulses == step["lockers"]


CODE = {81: False, 82: b"", 83: True}
SCENARIO_STEPS: dict[str, Any] = {
    "session": lambda desk, step: desk.session(step["session"], step["permissions"]),
    "open": lambda desk, step: opened(desk, step, desk.use(step["session"], step["token"])),
    "reopen": lambda desk, step: opened(desk, step, desk.say(step["session"], Packet.REOPEN_LOCKER)),
    "revert": lambda desk, step: opened(desk, step, desk.say(step["session"], Packet.REVERT_LOCKER_STATE, {62: b""})),
    "door?": lambda desk, step: opened(desk, step, desk.say(step["session"], Packet.CHECK_LOCKER_DOOR)),
    "end": lambda desk, step: opened(desk, step, desk.say(step["session"], Packet.TERMINATE_SESSION, {2: 0})),
    "code": lambda desk, step: opened(
        desk, step, desk.say(step["session"], Packet.SET_KEYPAD_CODE, {80: step["code"], **CODE})
    ),
    "advance": lambda desk, step: desk.advance(step["seconds"]),
    "close": lambda desk, step: desk.closes(step["locker"]),
    "door": set_door,
    "keypad": enter,
    "state": check_state,
    "pulses": check_pulses,
}


@pytest.mark.parametrize("row", PACKETS, ids=named)
def test_command_packets_have_the_results_and_leave_the_state_of_the_vectors(row: dict[str, Any]) -> None:
    before = row["before"]
    desk = Desk(fixture_tower(clock=before["clock"], clock_state=before["clock_state"]))
    desk.only_session("A")
    if row["packet"] == "commands 9-10, overlap":
        desk.push("A", "commands 7-9")
    results: list[list[int]] = []
    assert isinstance(desk.push("A", row["packet"]), Reply)
    for event in desk.since(0):
        if isinstance(event, CommandsDone) and event.event_id > 12:
            results += [[one, event.failed.get(one, 0)] for one in range(event.first, event.first + event.count)]
    assert results == row["results"]
    check_after(desk.tower, row["after"])


def check_after(tower: Tower, after: dict[str, Any]) -> None:
    assert tower.last_command == after["last_command"]
    assert (tower.log.first, tower.log.epoch) == (after["event_first"], after["epoch"])
    assert tower.log.last > after["event_last"]  # the model of the vectors does not log
    assert state.now(tower, AT_MS) == after["clock"]
    assert tower.clock.sure == (after["clock_state"] == 0)
    assert tower.identity.disabled == after["disabled"]
    assert tower.keys.seal_with == after["seal_with"]
    assert {str(number): one.state for number, one in tower.keys.rotations.items()} == after["keys"]
    expected = dict(fixture_tower().lockers) | {
        int(number): locker_from(int(number), row) for number, row in after["lockers"].items()
    }
    assert {number: plain_used(one) for number, one in tower.lockers.items()} == expected


@pytest.mark.parametrize("row", NEGATIVE, ids=named)
def test_every_negative_case_is_refused_and_changes_nothing(row: dict[str, Any]) -> None:
    given = dict(row.get("given") or {})
    if given.get("lockers", {}).get("3", {}).get("used") == "16 other token ids":
        given["lockers"] = {"3": {"used": {str(one): {"confirmed": True, "at": 0} for one in range(1, 17)}}}
    desk = Desk(fixture_tower(**given))
    desk.dead = set(given.get("dead", ()))
    busy = dict.fromkeys(given.get("busy", ()), AT_MS + 1000)
    failures = Failures(until=AT_MS // 1000 + 60, length=60) if given.get("lockout") else Failures()
    desk.tower = replace(desk.tower, pulses=busy, failures=failures)
    if row["session"]:
        desk.only_session(row["session"]["name"], row["session"]["permissions"])
    for earlier in row.get("before", ()):
        desk.receive(bytes.fromhex(earlier))
    desk.counted = False
    before, fired = desk.tower, list(desk.pulses)
    answer = desk.receive(bytes.fromhex(row["in"]), iv_of(row["out"]))
    assert answer.cut == row["closes_link"]
    assert desk.counted == row["auth_failure"]
    assert desk.pulses == fired
    assert [unconfirmed(one) for one in desk.tower.lockers.values()] == [
        unconfirmed(one) for one in before.lockers.values()
    ]
    assert (desk.tower.last_command, desk.tower.keys) == (before.last_command, before.keys)
    assert answer.frame.hex() == row["out"]


def unconfirmed(locker: Locker) -> Locker:
    """Any next command confirms an answer: that is no change of the record."""
    return replace(locker, used=tuple(replace(one, confirmed=False) for one in locker.used))


def test_lost_answers_repeats_and_replays_fire_no_second_pulse() -> None:
    desk = Desk()
    desk.only_session("A")
    for row in vectors()["sequence"]["steps"]:
        answer = desk.receive(bytes.fromhex(row["in"]), iv_of(row["out"]))
        assert answer.frame.hex() == row["out"], row["note"]
        assert len(desk.pulses) == row["pulses_so_far"], row["note"]


def test_the_commands_of_the_codec_get_their_reply_or_a_refusal_that_says_why() -> None:
    desk = Desk()
    desk.only_session("B", 63)
    parts = {"CONTROL_LIGHT", "SOUND_BUZZER", "KEYPAD_READ"}
    parts |= {"RESET_BATTERY_GAUGE", "BEGIN_FIRMWARE_UPDATE", "FACTORY_RESET"}
    told = {"GET_DEVICE_INFO", "GET_LOCKER_INFO", "READ_DEVICE_STATUS", "READ_PORT_STATUS", "READ_COUNTER"}
    for row in vectors()["codec"]["pairs"]:
        request = unshown(row["request"])
        fields = {number: value for number, value in request.items() if number not in (1, 22, 25)}
        reply = desk.say("B", Packet(request[1]), fields)
        if row["command"] in parts:
            assert isinstance(reply, Declined)
            assert reply.code == 101, row["command"]
        elif row["command"] in told | {"RESET_COUNTER", "REBOOT_DEVICE"}:
            assert isinstance(reply, Reply), row["command"]
            wanted = unshown(row["reply"])
            assert set(reply.fields) == set(wanted), row["command"]


def test_a_session_is_granted_used_and_ended_byte_for_byte() -> None:
    row, desk = vectors()["session"], Desk()
    assert desk.receive(bytes.fromhex(row["request"]["in"]), grant=draws_of("A")).frame.hex() == row["grant"]["out"]
    for part in ("first_command", "terminate", "after_terminate"):
        answer = desk.receive(bytes.fromhex(row[part]["in"]), iv_of(row[part]["out"]))
        assert answer.frame.hex() == row[part]["out"], part
