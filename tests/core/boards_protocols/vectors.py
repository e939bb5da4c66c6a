"""The published vectors, and the parts that play them."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from openharbor.boards import receiver as rx
from openharbor.boards.address import parse
from openharbor.boards.protocols import kerong, modbus, waveshare, winnsen, wkly, xor8a80
from openharbor.boards.protocols.arguments import NO_OPTIONS, Arguments, Options
from openharbor.boards.protocols.board_codec import BoardCodec
from openharbor.boards.protocols.choose import make_codec
from openharbor.boards.protocols.codec import Request
from openharbor.boards.protocols.families import CU16, CU24, CU48, FAMILIES

VECTORS = Path(__file__).parents[2] / "vectors"
BOARDS: dict[str, Any] = json.loads((VECTORS / "boards.json").read_text())
META = BOARDS["_meta"]

ENCODERS: Mapping[str, Callable[[str, Arguments, Options], bytes]] = {
    "kerong-cu16": partial(kerong.encode, CU16),
    "kerong-cu24": partial(kerong.encode, CU24),
    "kerong-cu48": partial(kerong.encode, CU48),
    "xor8a80": xor8a80.encode,
    "wkly": wkly.encode,
    "waveshare": waveshare.encode,
    "modbus-tcp": modbus.encode,
    "winnsen": winnsen.encode,
}
PLACES = {"board", "unit", "lock", "address"}


def items(part: str) -> Iterator[Any]:
    """(family, item) of every command, stream or negative, as parameters with a readable id."""
    for family in FAMILIES:
        for at, item in enumerate(BOARDS[family][part]):
            yield pytest.param(family, item, id=f"{family}-{at}-{item['name'].replace(' ', '_')}")


def codec(family: str, args: Mapping[str, Any] = NO_OPTIONS, options: Mapping[str, Any] = NO_OPTIONS) -> BoardCodec:
    """The codec of an address with this board and these options, and as many locks as the family has."""
    rules = FAMILIES[family]
    board = args.get(rules.address_name) or rules.boards[0]
    given = {rules.address_name: board, "locks": rules.locks[-1], "feedback": "closed_is_1", **options}
    if given.get("status_bytes") == 1:
        given.update(locks=8, echo=0)
    query = "&".join(f"{name}={int(value) if isinstance(value, bool) else value}" for name, value in given.items())
    scheme = "modbus-tcp" if family == "modbus-tcp" else f"{family}+tcp"
    made = make_codec(parse(f"{scheme}://127.0.0.1:5000?{query}"))
    assert isinstance(made, BoardCodec)
    return made


def request(family: str, name: str, args: Mapping[str, Any], options: Mapping[str, Any]) -> Request:
    """The pending request of a vector."""
    match = {key: value for key, value in args.items() if key not in PLACES and isinstance(value, int)}
    board = args.get(FAMILIES[family].address_name, 0)
    return Request(name, board, ENCODERS[family](name, args, options), args.get("lock"), match)


def shown(data: bytes) -> str:
    return data.hex(" ").upper()


def described(event: rx.Event) -> dict[str, str]:
    """An event as the vectors write it."""
    match event:
        case rx.Replied(frame):
            return {"event": "reply", "hex": shown(frame)}
        case rx.Pushed(_, frame):
            return {"event": "push", "hex": shown(frame)}
        case rx.Strange(frame, why):
            return {"event": "foreign", "hex": shown(frame), "why": why}
        case rx.Extra(frame):
            return {"event": "extra", "hex": shown(frame)}
        case rx.EchoRemoved(frame):
            return {"event": "echo", "hex": shown(frame)}
        case rx.Close(why, data):
            return {"event": "close", "hex": shown(data), "why": why}
    return {"event": "echo damaged", "hex": shown(event.begins)}


def play(family: str, item: Mapping[str, Any], chunks: Iterable[tuple[bytes, int]]) -> tuple[list[dict[str, str]], int]:
    """The events of (bytes, silence before them in ms), and how many bytes belonged to none."""
    options = item.get("options", {})
    pending = item["pending"]
    board = codec(family, pending["args"], options)
    receiver = rx.Receiver(board)
    receiver.begin(board, request(family, pending["name"], pending["args"], options), echo=item.get("echo", False))
    events: list[rx.Event] = []
    for chunk, gap in chunks:
        if gap >= META["quiet_ms"]:
            events += receiver.silence()
        events += receiver.feed(chunk)
    events += receiver.silence()
    return [described(event) for event in events], receiver.discarded
