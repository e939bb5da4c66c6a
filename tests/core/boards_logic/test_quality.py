"""The quality file says of every driver what is proven, and what can be checked of it is true (style.md)."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

import openharbor.boards
from boards.rig import FAMILIES as EMULATED
from openharbor.boards.address import parse
from openharbor.boards.protocols.choose import make_codec
from openharbor.boards.protocols.families import FAMILIES

QUALITY: dict[str, dict[str, str]] = tomllib.loads(
    (Path(openharbor.boards.__file__).parent / "quality.toml").read_text()
)["rules"]
VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "boards.json").read_text())
RULES = tuple(QUALITY["kerong-cu16"])
URLS = {
    "xor8a80": "xor8a80+tcp://10.0.0.5:4001?board=1&locks=8&native_open_all=1",
    "wkly": "wkly+tcp://10.0.0.5:4001?board=1&locks=8&native_open_all=1",
    "modbus-tcp": "modbus-tcp://10.0.0.5?unit=1",
    "waveshare": "waveshare+tcp://10.0.0.5:4001?unit=1",
}
DRIVERS = pytest.mark.parametrize("driver", FAMILIES)


def done(driver: str, rule: str) -> bool:
    return QUALITY[driver][rule] == "done"


def test_every_driver_stands_in_the_file_and_no_other() -> None:
    assert set(QUALITY) == set(FAMILIES)


@DRIVERS
def test_every_rule_is_done_to_do_or_exempt_with_a_reason(driver: str) -> None:
    assert tuple(QUALITY[driver]) == RULES
    for rule, verdict in QUALITY[driver].items():
        reason = verdict.removeprefix("exempt: ")
        assert verdict in ("done", "todo") or (reason != verdict and len(reason) > 10), rule


@DRIVERS
def test_vectors_and_emulated_lines_are_there(driver: str) -> None:
    assert done(driver, "vectors") == bool(VECTORS[driver]["commands"])
    assert done(driver, "emulated_tcp") == (driver in EMULATED["tcp"])
    assert done(driver, "emulated_serial") == (driver in EMULATED["pty"])


@DRIVERS
def test_frames_are_called_published_or_captured_only_if_the_vectors_say_so(driver: str) -> None:
    sources = {command.get(key) for command in VECTORS[driver]["commands"] for key in ("source", "reply_source")}
    assert done(driver, "published_frames") == ("published" in sources)
    assert done(driver, "hardware_capture") == ("captured" in sources)


@DRIVERS
def test_a_safe_state_and_a_native_open_all_are_claimed_only_if_the_codec_has_them(driver: str) -> None:
    codec = make_codec(parse(URLS.get(driver, f"{driver}+tcp://10.0.0.5:4001?board=1")))
    assert done(driver, "safe_state") == bool(codec.safe_state())
    assert done(driver, "native_open_all") == (codec.open_all(tuple(range(1, 9))) is not None)
