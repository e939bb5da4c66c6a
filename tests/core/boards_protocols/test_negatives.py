"""What is no frame, and what must never become one, with the reason."""

import subprocess
import sys
from typing import Any

import pytest

from openharbor.boards.protocols.codec import EncodeError, Found, NoFrame

from .vectors import ENCODERS, VECTORS, codec, items

NEGATIVES = list(items("negatives"))
DECODE = [item for item in NEGATIVES if item.values[1]["kind"] == "decode"]
ENCODE = [item for item in NEGATIVES if item.values[1]["kind"] == "encode"]


@pytest.mark.parametrize(("family", "item"), DECODE)
def test_bytes_that_are_no_frame_are_refused_for_the_first_reason(family: str, item: dict[str, Any]) -> None:
    data = bytes.fromhex(item["hex"])
    board = codec(family, {}, item.get("options", {}))
    assert board.parse(data) == NoFrame(item["reason"])
    look = board.look(data, None, silent=True)
    assert not (isinstance(look, Found) and look.length == len(data))


@pytest.mark.parametrize(("family", "item"), ENCODE)
def test_arguments_that_must_not_be_sent_are_refused(family: str, item: dict[str, Any]) -> None:
    with pytest.raises(EncodeError) as refused:
        ENCODERS[family](item["command"], item["args"], item.get("options", {}))
    assert refused.value.reason == item["reason"]


@pytest.mark.parametrize("family", ENCODERS)
def test_a_command_that_is_none_is_forbidden(family: str) -> None:
    with pytest.raises(EncodeError, match=rf"{family} never sends fire_everything"):
        ENCODERS[family]("fire_everything", {"board": 1, "unit": 1}, {})


@pytest.mark.parametrize("value", [True, 1.0, "1", None])
def test_only_whole_numbers_are_numbers(value: Any) -> None:
    with pytest.raises(EncodeError, match="lock must be from 1 to 64"):
        ENCODERS["wkly"]("open", {"board": 1, "lock": value}, {})


def test_the_vectors_agree_with_their_own_checker() -> None:
    command = [sys.executable, str(VECTORS / "check_boards.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, ", 0 not noticed" in done.stdout) == (0, True), done.stdout
