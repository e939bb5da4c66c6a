"""Fields of commands and events as the database keeps them: JSON, field id to value, bytes as {"hex": "…"}."""

import json
from collections.abc import Mapping
from typing import Any

from openharbor.blink.cbor import Fields


def to_text(fields: Mapping[int, Any]) -> str:
    """The JSON of a map with integer keys, ascending."""
    return json.dumps(_shown(fields), separators=(",", ":"))


def from_text(text: str) -> Fields:
    """The map again, exactly as it was."""
    fields: Fields = _read(json.loads(text))
    return fields


def _shown(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, Mapping):
        return {str(key): _shown(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_shown(one) for one in value]
    return value


def _read(value: Any) -> Any:
    if isinstance(value, dict):
        if "hex" in value:
            return bytes.fromhex(value["hex"])
        return {int(key): _read(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_read(one) for one in value]
    return value
