"""The vectors of the Blink protocol (tests/vectors/blink.json), with their maps as the code has them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from openharbor.blink.keys import TowerKey, derive

FILE = Path(__file__).resolve().parents[1] / "vectors" / "blink.json"


@cache
def vectors() -> dict[str, Any]:
    """The whole document."""
    document: dict[str, Any] = json.loads(FILE.read_text())
    return document


def unshown(value: Any) -> Any:
    """A map as it is on the wire: integer keys, `h'..'` as bytes."""
    if isinstance(value, dict):
        return {int(key): unshown(one) for key, one in value.items()}
    if isinstance(value, list):
        return [unshown(one) for one in value]
    if isinstance(value, str) and value.startswith("h'") and value.endswith("'"):
        return bytes.fromhex(value[2:-1])
    return value


@cache
def tower_keys() -> dict[int, TowerKey]:
    """The fixture's rotations, revoked ones too."""
    roots = vectors()["fixture"]["keys"]
    return {int(number): derive(bytes.fromhex(one["root"]), int(number)) for number, one in roots.items()}


def tower_id() -> bytes:
    """The fixture's tower."""
    return bytes.fromhex(vectors()["fixture"]["tower_id"])


def sealed(kind: str) -> list[dict[str, Any]]:
    """`session_payloads`, `open_payloads`, `command_packets` or `event_batches`."""
    rows: list[dict[str, Any]] = vectors()["sealed"][kind]
    return rows
