"""`tower init`: the provisioning file and the boards are checked whole before anything is written."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from harness.processes import openharbor
from harness.towers import provision
from openharbor.blink import provisioning
from openharbor.kit.errors import Failed
from openharbor.tower.commands import initialise

CU16 = "kerong-cu16+tcp://127.0.0.1:5000?board=0&feedback=closed_is_1"
SECOND = "kerong-cu16+tcp://127.0.0.1:5000?board=1&feedback=closed_is_1"


def file_of(directory: Path, lockers: int = 4, **changes: Any) -> Path:
    """A provisioning file; `changes` by field, those of lockers by their place: `lockers_2={"port": 16}`."""
    document = json.loads(provisioning.write(provision(lockers, made_at=1_772_000_000)))
    for name, value in changes.items():
        word, _, place = name.partition("_")
        if word == "lockers":
            document["lockers"][int(place)].update(value)
        else:
            document[name] = value
    path = directory / "provision.json"
    path.write_text(json.dumps(document))
    return path


def test_a_tower_is_made_with_private_files_and_asks_for_its_file_to_be_deleted(tmp_path: Path) -> None:
    file, data = file_of(tmp_path), tmp_path / "tower"
    done = openharbor("tower", "init", "--data", str(data), "--provision", str(file), "--boards", CU16)
    assert "0100000000000014" in done.stdout
    assert f"delete {file}" in done.stdout
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert {stat.S_IMODE(one.stat().st_mode) for one in data.iterdir()} == {0o600}


def test_the_key_is_in_no_output(tmp_path: Path) -> None:
    file, data = file_of(tmp_path), tmp_path / "tower"
    root = json.loads(file.read_text())["key"]["root"]
    done = openharbor("tower", "init", "--data", str(data), "--provision", str(file), "--boards", CU16, "--json")
    assert root not in done.stdout + done.stderr
    assert json.loads(done.stdout)["lockers"] == 4


def test_a_refusal_is_one_line_with_exit_code_1(tmp_path: Path) -> None:
    file = file_of(tmp_path, lockers_2={"port": 16})
    arguments = ("--data", str(tmp_path / "tower"), "--provision", str(file), "--boards", CU16)
    done = openharbor("tower", "init", *arguments, check=False)
    assert done.returncode == 1
    assert "lockers[2].port is 16" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_directory_in_use_is_refused(tmp_path: Path) -> None:
    file, data = file_of(tmp_path), tmp_path / "tower"
    initialise(data, file, [CU16])
    before = (data / "tower.db").read_bytes()
    with pytest.raises(Failed, match="in use"):
        initialise(data, file, [CU16])
    assert (data / "tower.db").read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "boards", "named"),
    [
        ({"lockers_2": {"port": 16}}, [CU16], r"lockers\[2\].port"),
        ({"lockers_1": {"port": 0}}, [CU16], r"lockers\[1\].port"),
        ({"lockers_3": {"number": 1024}}, [CU16], r"lockers\[3\].number"),
        ({"lockers_0": {"colour": "red"}}, [CU16], "colour"),
        ({"format": "openharbor-tower-provision/2"}, [CU16], "format"),
        ({"tower_id": "0100"}, [CU16], "tower_id"),
        ({}, [], "--boards"),
        ({}, ["nonsense"], r"boards\[0\]"),
        ({}, [CU16, CU16], r"boards\[1\]"),
        ({}, ["xor8a80+tcp://127.0.0.1:5000?board=1&locks=8", SECOND], r"boards\[1\]"),
        ({}, ["wkly+tcp://127.0.0.1:5000?board=0"], r"boards\[0\].*locks"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(
    changes: dict[str, Any], boards: list[str], named: str, tmp_path: Path
) -> None:
    with pytest.raises(Failed, match=named):
        initialise(tmp_path / "tower", file_of(tmp_path, **changes), boards)
    assert not (tmp_path / "tower").exists()


def test_ports_are_counted_through_the_boards(tmp_path: Path) -> None:
    file = file_of(tmp_path, lockers_2={"port": 31}, lockers_3={"port": -1})
    made = initialise(tmp_path / "tower", file, [CU16, SECOND])
    assert (made["boards"], made["lockers"]) == (2, 4)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"missing\.json"):
        initialise(tmp_path / "tower", tmp_path / "missing.json", [CU16])


def test_serving_without_init_says_what_to_do(tmp_path: Path) -> None:
    done = openharbor("tower", "serve", "--data", str(tmp_path / "nothing"), check=False)
    assert done.returncode == 1
    assert "openharbor tower init" in done.stderr


def test_a_radio_and_an_address_at_once_are_wrong_usage(tmp_path: Path) -> None:
    arguments = ("--data", str(tmp_path), "--bluetooth", "usb:0", "--listen", "127.0.0.1:0")
    assert openharbor("tower", "serve", *arguments, check=False).returncode == 2


@pytest.mark.parametrize("listen", ["here", "127.0.0.1", "127.0.0.1:70000", "127.0.0.1:x"])
def test_an_address_that_is_none_is_wrong_usage(listen: str, tmp_path: Path) -> None:
    done = openharbor("tower", "serve", "--data", str(tmp_path), "--listen", listen, check=False)
    assert done.returncode == 2
    assert "listen" in done.stderr
