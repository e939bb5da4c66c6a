"""No section of the vectors is left unread: which test reads which, and that these tests are there (18)."""

import ast
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from core.tower import test_tower_vectors
from harness.blink_vectors import vectors

TESTS: Final = Path(__file__).resolve().parents[2]
BLINK, TOWER, THREATS = "core/blink", "core/tower", "service/threats"
NO_WORDS_FOR_TESTS: Final = {"specification", "notation"}  # where the rules stand, and how to read the file

# the sections, and the tests of both ends that read them
READ: Final[dict[str, tuple[str, ...]]] = {
    "format": (f"{TOWER}/test_vectors_left.py",),
    "version": (f"{TOWER}/test_vectors_left.py",),
    "packet_types": (f"{BLINK}/test_tables.py",),
    "fields/public": (f"{BLINK}/test_tables.py",),
    "fields/private": (f"{BLINK}/test_tables.py",),
    "error_codes": (f"{BLINK}/test_tables.py",),
    "limits": (f"{TOWER}/test_vectors_left.py",),
    "fixture": (f"{TOWER}/desk.py", f"{BLINK}/rig.py"),
    "sessions": (f"{BLINK}/rig.py", f"{BLINK}/test_handshake.py", f"{TOWER}/test_vectors_left.py"),
    "key_derivation": (f"{BLINK}/test_sealing.py",),
    "framing/phone": (f"{BLINK}/test_frames.py", f"{TOWER}/test_vectors_left.py"),
    "framing/tower": (f"{BLINK}/test_frames.py", f"{THREATS}/test_t20_sdk_traps.py"),
    "framing/unsafe_content_lengths": (f"{TOWER}/test_vectors_left.py", f"{THREATS}/test_t20_sdk_traps.py"),
    "framing/tcp_info": (f"{TOWER}/test_vectors_left.py",),
    "framing/accepted_by_tower": (f"{BLINK}/test_frames.py", f"{TOWER}/test_vectors_left.py"),
    "advertising/service": (f"{BLINK}/test_advertising.py",),
    "advertising/rx": (f"{BLINK}/test_advertising.py",),
    "advertising/tx": (f"{BLINK}/test_advertising.py",),
    "advertising/info": (f"{BLINK}/test_advertising.py",),
    "advertising/tower": (f"{BLINK}/test_advertising.py",),
    "advertising/blink_server": (f"{BLINK}/test_advertising.py",),
    "session/clock": (f"{BLINK}/test_session_requests.py",),
    "session/late": (f"{BLINK}/test_session_requests.py", f"{TOWER}/test_visits.py"),
    "session/seed": (f"{TOWER}/test_vectors_left.py",),
    "session/permissions": (f"{BLINK}/test_handshake.py",),
    "session/client_id": (f"{BLINK}/test_handshake.py",),
    "session/session_payload": (f"{TOWER}/test_vectors_left.py",),
    "session/phone_time": (f"{BLINK}/test_handshake.py",),
    "session/tower_time": (f"{TOWER}/test_vectors_left.py",),
    "session/request": (f"{BLINK}/test_handshake.py", f"{TOWER}/test_tower_vectors.py"),
    "session/draws": (f"{TOWER}/test_vectors_left.py",),
    "session/grant_keys": (f"{TOWER}/test_vectors_left.py",),
    "session/grant": (f"{BLINK}/test_handshake.py", f"{TOWER}/test_tower_vectors.py"),
    "session/session_keys": (f"{TOWER}/test_vectors_left.py", f"{THREATS}/test_t20_sdk_traps.py"),
    "session/first_command": (f"{BLINK}/test_handshake.py", f"{TOWER}/test_tower_vectors.py"),
    "session/terminate": (f"{BLINK}/test_handshake.py", f"{TOWER}/test_tower_vectors.py"),
    "session/after_terminate": (f"{BLINK}/test_handshake.py", f"{TOWER}/test_tower_vectors.py"),
    "sealed/session_payloads": (f"{BLINK}/test_sealing.py", f"{BLINK}/test_opening.py"),
    "sealed/open_payloads": (f"{BLINK}/test_sealing.py", f"{BLINK}/test_opening.py", f"{TOWER}/desk.py"),
    "sealed/command_packets": (f"{BLINK}/test_sealing.py", f"{BLINK}/test_opening.py", f"{TOWER}/desk.py"),
    "sealed/event_batches": (f"{BLINK}/test_sealing.py", f"{BLINK}/test_batches.py"),
    "events": (f"{BLINK}/test_events.py", f"{TOWER}/desk.py"),
    "commands/session": (f"{TOWER}/test_every_vector_is_read.py",),
    "commands/permissions": (f"{TOWER}/test_every_vector_is_read.py",),
    "commands/keys": (f"{TOWER}/test_every_vector_is_read.py",),
    "commands/start": (f"{TOWER}/test_every_vector_is_read.py",),
    "commands/steps": (f"{BLINK}/test_tower_session.py", f"{TOWER}/test_tower_vectors.py"),
    "codec/keys": (f"{TOWER}/test_every_vector_is_read.py",),
    "codec/pairs": (f"{BLINK}/test_tower_session.py", f"{TOWER}/test_tower_vectors.py"),
    "sequence/start": (f"{TOWER}/test_every_vector_is_read.py",),
    "sequence/steps": (f"{BLINK}/test_sequence.py", f"{TOWER}/test_tower_vectors.py"),
    "sync/start": (f"{TOWER}/test_every_vector_is_read.py",),
    "sync/packets": (f"{TOWER}/test_tower_vectors.py",),
    "sync/pull_walks": (f"{TOWER}/test_vectors_left.py", f"{THREATS}/test_t20_sdk_traps.py"),
    "scenarios/list": (f"{TOWER}/test_tower_vectors.py",),
    "negative/list": (f"{BLINK}/test_tower_session.py", f"{TOWER}/test_tower_vectors.py"),
    "phone/keys": (f"{TOWER}/test_every_vector_is_read.py",),
    "phone/list": (f"{BLINK}/test_phone_session.py",),
    "server/list": (f"{BLINK}/test_batches.py",),
    "counts": (f"{TOWER}/test_vectors_left.py",),
}
# groups of sections; every other member of the file is a section of its own
GROUPS: Final = {
    *("fields", "framing", "advertising", "session", "sealed"),
    *("commands", "codec", "sequence", "sync", "scenarios", "negative", "phone", "server"),
}


def sections() -> set[str]:
    """Every section of the file, notes for readers left out."""
    found = set()
    for name, part in vectors().items():
        if name in GROUPS:
            found |= {f"{name}/{inner}" for inner in part if inner != "note"}
        elif name not in NO_WORDS_FOR_TESTS:
            found.add(name)
    return found


@cache
def words_of(file: str) -> frozenset[str]:
    """Every text in a module, and every name: `sealed(kind)` and `FIXTURE` read sections for their users."""
    found = set()
    for node in ast.walk(ast.parse((TESTS / file).read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        elif isinstance(node, ast.Name):
            found.add(node.id.lower())
    return frozenset(found)


def has_tests(file: str) -> bool:
    tree = ast.parse((TESTS / file).read_text())
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        for node in ast.walk(tree)
    )


def test_every_section_of_the_vectors_is_in_the_table() -> None:
    assert sections() == set(READ)


@pytest.mark.parametrize("section", sorted(READ))
def test_the_tests_of_a_section_read_it(section: str) -> None:
    for file in READ[section]:
        missing = set(section.split("/")) - words_of(file)
        assert not missing, f"{file} does not name {missing}"
    assert section == "fixture" or any(has_tests(file) for file in READ[section]), "the fixture is in every test"


def test_the_tables_of_negative_cases_and_scenarios_go_to_the_whole_device() -> None:
    """Not through a selection: the parametrized lists are the vectors' own."""
    assert test_tower_vectors.NEGATIVE is vectors()["negative"]["list"]
    assert test_tower_vectors.SCENARIOS is vectors()["scenarios"]["list"]
    assert test_tower_vectors.PACKETS is vectors()["sync"]["packets"]
    assert test_tower_vectors.STEPS is vectors()["commands"]["steps"]


@pytest.mark.parametrize(("part", "session"), [("commands", "A"), ("codec", "B"), ("phone", "A")])
def test_the_keys_of_a_part_are_those_of_its_session(part: str, session: str) -> None:
    row, own = vectors()[part], vectors()["sessions"][session]
    assert {name: row["keys"][name] for name in ("encrypt", "authenticate")} == {
        name: own[name] for name in ("encrypt", "authenticate")
    }


def test_the_parts_start_where_the_tests_start_them() -> None:
    commands: dict[str, Any] = vectors()["commands"]
    assert (commands["session"], commands["permissions"], commands["start"]) == ("A", 63, "fixture")
    assert "fixture" in vectors()["sequence"]["start"]
    assert vectors()["sync"]["start"].startswith("fixture")
