"""Every command of the vectors becomes its bytes; every answer is read as they say."""

from typing import Any

import pytest

from openharbor.boards.debounce import door_state
from openharbor.boards.protocols.codec import EncodeError, Foreign, Push, Reply
from openharbor.boards.protocols.frames import Frame

from .vectors import BOARDS, ENCODERS, META, codec, items, request

COMMANDS = list(items("commands"))
NEVER = [item for item in COMMANDS if item.values[1]["use"] == "never"]
SENDABLE = [item for item in COMMANDS if item.values[1]["use"] != "never" and "from" not in item.values[1]]
ANSWERED = [item for item in COMMANDS if "reply_hex" in item.values[1]]
ANSWERS_TO_US = [item for item in ANSWERED if item in SENDABLE]
PUSHES = [item for item in ANSWERED if item.values[1].get("from") == "board"]
CHECKED = [item for item in ANSWERED if item.values[0] not in ("winnsen", "modbus-tcp")]
LETTERS = {"closed": "C", "open": "O", "unknown": "U"}
DIGITS = {True: "1", False: "0", None: "?"}


def bits_of(frame: Frame) -> str:
    return "".join(DIGITS[bit] for bit in frame.bits)


def as_in_vectors(frame: Frame, family: str) -> dict[str, Any]:
    """A frame in the form of `parsed`: the fields that are set."""
    told: dict[str, Any] = {
        "kind": frame.kind,
        "unit" if family in ("waveshare", "modbus-tcp") else "board": frame.board,
    }
    for name in ("lock", "ok", "units", "function", "code", "tid"):
        if getattr(frame, name) is not None:
            told[name] = getattr(frame, name)
    if frame.result:
        told["result"] = frame.result
    if frame.values:
        told["values"] = list(frame.values)
    if frame.items:
        told["items"] = "".join(DIGITS[item] for item in frame.items)
    if frame.bits:
        told["bits"] = bits_of(frame)
        told["doors"] = {
            "closed_is_1": "".join(LETTERS[door_state(bit, "closed_is_1")] for bit in frame.bits),
            "open_is_1": "".join(LETTERS[door_state(bit, "open_is_1")] for bit in frame.bits),
        }
    return told


@pytest.mark.parametrize(("family", "item"), SENDABLE)
def test_a_command_becomes_its_published_bytes(family: str, item: dict[str, Any]) -> None:
    data = ENCODERS[family](item["name"], item["args"], item.get("options", {}))
    assert data == bytes.fromhex(item["request_hex"])


@pytest.mark.parametrize(("family", "item"), NEVER)
def test_a_frame_marked_never_cannot_be_built(family: str, item: dict[str, Any]) -> None:
    with pytest.raises(EncodeError) as refused:
        ENCODERS[family](item["name"], item["args"], item.get("options", {}))
    assert refused.value.reason == "forbidden"


@pytest.mark.parametrize(("family", "item"), ANSWERED)
def test_an_answer_is_read_with_both_polarities(family: str, item: dict[str, Any]) -> None:
    frame = codec(family, item["args"], item.get("options", {})).parse(bytes.fromhex(item["reply_hex"]))
    assert isinstance(frame, Frame)
    assert as_in_vectors(frame, family) == item["parsed"]


@pytest.mark.parametrize(("family", "item"), ANSWERS_TO_US)
def test_an_answer_answers_its_request(family: str, item: dict[str, Any]) -> None:
    options = item.get("options", {})
    board = codec(family, item["args"], options)
    pending = request(family, item["name"], item["args"], options)
    broadcast = item["name"] == "read_address"  # the installer's question to whichever board is there
    expected = Foreign("board") if broadcast else Reply()
    assert board.sort(bytes.fromhex(item["reply_hex"]), pending) == expected


@pytest.mark.parametrize(("family", "item"), PUSHES)
def test_a_push_is_a_push_whatever_is_pending(family: str, item: dict[str, Any]) -> None:
    board, parsed = codec(family), item["parsed"]
    push = Push(parsed["board"], parsed["lock"], parsed["bits"] == "1")
    assert board.sort(bytes.fromhex(item["reply_hex"]), None) == push
    assert board.sort(bytes.fromhex(item["reply_hex"]), board.liveness()) == push


@pytest.mark.parametrize(("family", "item"), CHECKED)
def test_every_single_byte_damage_of_a_checked_answer_is_refused(family: str, item: dict[str, Any]) -> None:
    board = codec(family, item["args"], item.get("options", {}))
    frame = bytes.fromhex(item["reply_hex"])
    hurt = (
        frame[:at] + bytes([frame[at] ^ flip]) + frame[at + 1 :] for at in range(len(frame)) for flip in range(1, 256)
    )
    assert [damaged.hex(" ") for damaged in hurt if isinstance(board.parse(damaged), Frame)] == []


def test_polarity_is_as_the_table_says() -> None:
    bits = {"1": True, "0": False, "?": None}
    told = [door_state(bits[row["raw"]], row["feedback"]) for row in META["polarity"]]
    assert told == [row["state"] for row in META["polarity"]]


def test_every_use_of_every_family_is_covered() -> None:
    assert len(COMMANDS) == sum(len(BOARDS[family]["commands"]) for family in ENCODERS)
    assert len(NEVER) + len(SENDABLE) + len(PUSHES) == len(COMMANDS)
