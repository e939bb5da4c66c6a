"""What the vectors say besides messages: limits, lengths, chunks, walks, and what their makers counted (18)."""

from typing import Any

import pytest

from core.blink.rig import CLOCK, taken
from core.tower.desk import Desk
from harness.blink_vectors import tower_keys, unshown, vectors
from openharbor.blink import frames, lockout, opening, payloads, sequence, session_requests, sessions
from openharbor.blink.advertising import Identity, info_value
from openharbor.blink.cbor import decode, encode
from openharbor.blink.frames import TRAPS, FrameReader, read_message
from openharbor.blink.handshake import shared_key
from openharbor.blink.keys import derive
from openharbor.blink.packets import Packet
from openharbor.blink.payloads import session_from
from openharbor.blink.phone_session import Reply
from openharbor.blink.provisioning import USUAL_SETTINGS
from openharbor.blink.sealing import unseal
from openharbor.tower import device_clock, lockers
from openharbor.tower.links import info_answer

SESSION = vectors()["session"]
LIMITS = {
    "max_message": frames.MOST_CONTENT,
    "max_session_payload": payloads.MOST_SESSION_BYTES,
    "max_open_payload": payloads.MOST_OPEN_BYTES,
    "max_command_packet": payloads.MOST_PACKET_BYTES,
    "max_commands": payloads.MOST_COMMANDS,
    "skew_early_s": opening.EARLY_S,
    "clock_step_per_day_s": opening.STEPS_PER_DAY_S,
    "late_window_s": session_requests.LATE_WINDOW_S,
    "set_clock_span_s": opening.UNSURE_STEP_S,
    "earliest_clock": device_clock.EARLIEST_S,
    "open_payload_life_s": payloads.LONGEST_OPEN_S,
    "session_payload_life_s": payloads.LONGEST_SESSION_PAYLOAD_S,
    "visit_window_s": USUAL_SETTINGS.visit_window_s,
    "used_tokens": lockers.MOST_USED,
    "seen_messages": sequence.MOST_SEEN,
    "link_failures": lockout.LINK_FAILURES,
    "session_idle_s": sessions.IDLE_S,
    "session_max_s": sessions.LONGEST_S,
}


def test_the_limits_of_the_code_are_those_of_the_vectors() -> None:
    assert vectors()["limits"] == LIMITS


def test_the_file_is_the_one_that_its_makers_counted() -> None:
    """A section that was cut short would leave its tests green."""
    parts: dict[str, list[Any]] = {
        "framing": [row for name in ("phone", "tower") for row in vectors()["framing"][name]],
        "sealed": [row for kind in vectors()["sealed"].values() for row in kind],
        "events": vectors()["events"],
        "commands": vectors()["commands"]["steps"],
        "codec": vectors()["codec"]["pairs"],
        "sequence": vectors()["sequence"]["steps"],
        "sync": vectors()["sync"]["packets"],
        "scenarios": vectors()["scenarios"]["list"],
        "negative": vectors()["negative"]["list"],
        "phone": vectors()["phone"]["list"],
        "server": vectors()["server"]["list"],
    }
    assert {name: len(rows) for name, rows in parts.items()} == vectors()["counts"]
    assert vectors()["format"] == "openharbor blink vectors"
    assert vectors()["version"] == 1


def test_the_lengths_that_a_tower_avoids_are_those_of_the_vectors() -> None:
    unsafe: set[int] = set()
    for one in vectors()["framing"]["unsafe_content_lengths"]:
        first, _, last = str(one).partition("..")
        unsafe |= set(range(int(first), int(last or first) + 1))
    assert unsafe == TRAPS


@pytest.mark.parametrize("row", vectors()["framing"]["accepted_by_tower"], ids=lambda row: str(row["note"]))
def test_what_a_tower_has_to_accept_is_answered_byte_for_byte(row: dict[str, Any]) -> None:
    desk = Desk()
    answer = desk.receive(bytes.fromhex(row["in"]))
    assert answer.frame.hex() == row["out"]
    assert read_message(answer.frame)[2] == row["code"]


@pytest.mark.parametrize("mtu", ["23", "185", "247"])
@pytest.mark.parametrize("row", vectors()["framing"]["phone"], ids=lambda row: str(row["length"]))
def test_a_message_that_comes_in_the_chunks_of_an_mtu_is_one_frame(row: dict[str, Any], mtu: str) -> None:
    frame, reader, at = bytes.fromhex(row["out"]), FrameReader(), 0
    for size in row["chunks"][mtu]:
        assert reader.next() is None
        reader.feed(frame[at : at + size])
        at += size
    assert at == len(frame)
    assert reader.next() == frame
    assert frame.endswith(bytes.fromhex(row["content"]))
    assert max(row["chunks"][mtu]) <= int(mtu) - 3


def test_the_question_for_the_info_value_is_answered_as_in_the_vectors() -> None:
    row, reader = vectors()["framing"]["tcp_info"], FrameReader(info=True)
    reader.feed(bytes.fromhex(row["in"]))
    assert reader.next() == frames.INFO_QUESTION
    shown = vectors()["advertising"]["tower"]["sdk"]
    elm_street = Identity(bytes.fromhex(shown["tower_id"]), shown["name"], (1, 4, 2))
    assert info_answer(info_value(elm_street)).hex() == row["out"]


def test_the_keys_of_grant_and_session_are_those_of_the_vectors() -> None:
    seed, nonce = bytes.fromhex(SESSION["seed"]), taken("A", "request_nonce")
    drawn = bytes.fromhex(SESSION["draws"]["session_grant_nonce"])
    for name, secret in (("grant_keys", seed), ("session_keys", taken("A", "session_key"))):
        row, key = SESSION[name], shared_key(secret, nonce, drawn)
        assert (secret + nonce + drawn).hex() == row["ikm"]
        assert (key.authentication.hex(), key.encryption.hex()) == (row["authenticate"], row["encrypt"])


def test_the_grant_of_the_vectors_holds_what_they_say() -> None:
    row = SESSION["grant"]
    fields = read_message(bytes.fromhex(row["out"]))
    assert fields == unshown(row["map"])
    assert fields[5] == SESSION["tower_time"] == CLOCK
    key = derive(bytes.fromhex(SESSION["grant_keys"]["ikm"]), 0)
    plain = unseal({0: key}, fields[9], fields[10], payloads.MOST_SESSION_BYTES)
    assert decode(plain) == unshown(row["payload_map"])
    assert encode(unshown(row["payload_map"])) == plain


def test_the_session_payloads_are_those_that_the_sessions_name() -> None:
    rows = {row["name"]: row for row in vectors()["sealed"]["session_payloads"]}
    for name, session in vectors()["sessions"].items():
        row = rows[session["session_payload"]]
        auth, payload = bytes.fromhex(row["payload_auth"]), bytes.fromhex(row["payload"])
        opened = session_from(decode(unseal(tower_keys(), payload, auth, payloads.MOST_SESSION_BYTES)))
        assert opened.permissions == session["permissions"], name
        assert opened.client_id.hex() == session["client_id"]


@pytest.mark.parametrize("row", vectors()["sync"]["pull_walks"], ids=lambda row: str(row["batch_sizes"]))
def test_each_step_of_a_pull_walk_is_answered_by_a_tower(row: dict[str, Any]) -> None:
    """Whatever size the batches have: each start that the SDK asks for is covered, the one after the last is empty."""
    desk = Desk()
    desk.only_session("A")
    for start in row["sdk_asks_for"]:
        reply = desk.say("A", Packet.SYNC_PULL, {31: start})
        assert isinstance(reply, Reply)
        assert reply.fields[31] == start
        assert (reply.fields[32] == 0) == (start == row["last"] + 1)
