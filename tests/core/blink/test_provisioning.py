"""The provisioning file is read strictly, each fault named by its path (provisioning-file.md)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from openharbor.blink import provisioning
from openharbor.blink.provisioning import FORMAT, USUAL_SETTINGS, Key, Locker, Provision, RefusedFile, cut_name

ROOT = "6b1f0c4e2a9d83775510e4c8b7a6f39201d2c3b4a5968778695a4b3c2d1e0f11"
EXAMPLE = {
    "format": FORMAT,
    "tower_id": "0100000000000014",
    "name": "Library foyer",
    "made_at": 1795428000,
    "key": {"key_id": 1, "rotation": 1, "root": ROOT, "expires": 0},
    "last_command": 0,
    "next_event": 1,
    "event_epoch": 1,
    "settings": {"solenoid_delay_ms": 400, "visit_window_s": 120, "left_open_s": 300, "clock_mode": "lenient"},
    "lockers": [
        {"number": 1, "port": 0, "type": 1, "door_sensor": "normal", "disabled": False, "retired_generation": 0},
        {"number": 15, "port": 14, "type": 3, "door_sensor": "inverted", "disabled": True, "retired_generation": 0},
        {"number": 16, "port": -1, "type": 3, "door_sensor": "none", "disabled": False, "retired_generation": 7},
        {"number": 17, "port": -1, "type": 3, "door_sensor": "none", "disabled": False, "retired_generation": 0},
    ],
}


def changed(path: str, value: object) -> bytes:
    """The example with another value at `key.root` or `lockers.2.port`; None: without it."""
    document: Any = json.loads(json.dumps(EXAMPLE))
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    target = document
    for step in steps:
        target = target[step]
    if value is None:
        del target[last]
    else:
        target[last] = value
    return json.dumps(document).encode()


def refusal(data: bytes) -> str:
    with pytest.raises(RefusedFile) as refused:
        provisioning.read(data)
    assert ROOT not in str(refused.value)
    return str(refused.value)


def test_the_example_is_read() -> None:
    provision = provisioning.read(json.dumps(EXAMPLE).encode())
    assert (provision.tower_id, provision.key.rotation, provision.settings) == ("0100000000000014", 1, USUAL_SETTINGS)
    assert provision.lockers[2] == Locker(16, -1, 3, "none", disabled=False, retired_generation=7)


def test_what_was_written_is_read_again() -> None:
    provision = provisioning.read(json.dumps(EXAMPLE).encode())
    assert provisioning.read(provisioning.write(provision)) == provision
    assert json.loads(provisioning.write(provision)) == EXAMPLE


def test_the_key_is_in_no_representation() -> None:
    provision = provisioning.read(json.dumps(EXAMPLE).encode())
    assert ROOT not in repr(provision)
    assert ROOT not in repr(provision.key)


PATHS = [
    *(name for name in EXAMPLE),
    *(f"key.{name}" for name in ("key_id", "rotation", "root", "expires")),
    *(f"settings.{name}" for name in ("solenoid_delay_ms", "visit_window_s", "left_open_s", "clock_mode")),
    *(f"lockers.2.{name}" for name in ("number", "port", "type", "door_sensor", "disabled", "retired_generation")),
]


@pytest.mark.parametrize("path", PATHS)
def test_every_field_is_required(path: str) -> None:
    assert refusal(changed(path, None)) == f"{path.replace('.2.', '[2].')} is required"


@pytest.mark.parametrize("path", PATHS)
def test_a_wrong_kind_is_told_with_its_path(path: str) -> None:
    wrong: object = 5 if path in ("format", "tower_id", "name") or path.endswith(("root", "mode", "sensor")) else "x"
    assert refusal(changed(path, wrong)).startswith(path.replace(".2.", "[2]."))


@pytest.mark.parametrize("path", ["more", "key.more", "settings.more", "lockers.2.more"])
def test_an_unknown_field_is_told_with_its_path(path: str) -> None:
    assert refusal(changed(path, 1)) == f"{path.replace('.2.', '[2].')} is not accepted here"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("format", "openharbor-tower-provision/2"),
        ("tower_id", "0" * 16),
        ("tower_id", "010000000000001A"),
        ("tower_id", "01"),
        ("name", ""),
        ("name", "ü" * 9),
        ("made_at", -1),
        ("made_at", 1.5),
        ("key.key_id", 2),
        ("key.rotation", 0),
        ("key.rotation", 256),
        ("key.root", ROOT[2:]),
        ("key.root", ROOT.upper()),
        ("key.expires", -1),
        ("last_command", -1),
        ("next_event", 0),
        ("event_epoch", 0),
        ("settings.solenoid_delay_ms", 49),
        ("settings.solenoid_delay_ms", 5001),
        ("settings.visit_window_s", 901),
        ("settings.left_open_s", 29),
        ("settings.clock_mode", "loose"),
        ("lockers", []),
        ("lockers.2.number", 0),
        ("lockers.2.number", 1024),
        ("lockers.2.number", 1),
        ("lockers.2.port", -2),
        ("lockers.2.port", 4096),
        ("lockers.2.port", 14),
        ("lockers.2.port", True),
        ("lockers.2.type", 0),
        ("lockers.2.door_sensor", "broken"),
        ("lockers.2.disabled", 1),
        ("lockers.2.retired_generation", -1),
    ],
)
def test_a_value_out_of_its_range_is_told_with_its_path(path: str, value: object) -> None:
    assert refusal(changed(path, value)).startswith(path.replace(".2.", "[2]."))


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        ('"made_at": 1795428000', '"made_at": 1, "made_at": 1', "made_at"),
        ('"rotation": 1', '"rotation": 1, "rotation": 1', "key.rotation"),
        ('"port": 14', '"port": 14, "port": 15', "lockers[1].port"),
    ],
)
def test_a_repeated_field_is_told_with_its_path(before: str, after: str, path: str) -> None:
    assert refusal(json.dumps(EXAMPLE).replace(before, after).encode()) == f"{path} is there twice"


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[1", b"NaN", b"[" * 200_000, b"1" * 5000])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    assert refusal(data)


@pytest.mark.parametrize("data", [b"[]", b"null", b'"x"', b"1"])
def test_another_document_is_refused(data: bytes) -> None:
    assert refusal(data) == "the file must be an object"


def test_too_large_a_file_is_not_read() -> None:
    assert "1048576 at most" in refusal(b" " * (1 << 20) + b"{}")


@given(st.text(max_size=30))
def test_a_name_is_cut_to_sixteen_bytes_between_characters(name: str) -> None:
    cut = cut_name(name)
    assert name.startswith(cut)
    assert len(cut.encode()) <= 16
    assert cut == name or len(name[: len(cut) + 1].encode()) > 16


def test_nothing_unreadable_is_written() -> None:
    provision = provisioning.read(json.dumps(EXAMPLE).encode())
    with pytest.raises(RefusedFile, match="lockers"):
        provisioning.write(replace(provision, lockers=()))
    assert isinstance(provision, Provision)
    assert isinstance(provision.key, Key)
