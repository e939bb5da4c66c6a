"""Packets as people read them, for debugging; never a seed, key, token, payload or code (blink-protocol.md 14)."""

from collections.abc import Mapping
from typing import Any, Final

import structlog

from openharbor.blink.fields import FIELDS
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import Declined, Reply

SHOWN_BYTES: Final = frozenset({61, 79})  # tower id, doors that are open; of all others the length is shown
HIDDEN: Final = frozenset({80})  # keypad codes
COUNTED: Final = frozenset({1, 22, 25})  # told beside the fields, or of no use to people

log = structlog.get_logger("openharbor.phone")


def asked(packet: Packet, number: int | None, fields: Mapping[int, Any]) -> None:
    """A command goes to the tower. `number`: its sequence number, None outside a session."""
    told(f"→ {packet.name}", number=number, **shown(fields))


def answered(number: int | None, outcome: Reply | Declined) -> None:
    """The tower's answer came."""
    if isinstance(outcome, Reply):
        told(f"← {outcome.packet.name}", number=number, **shown(outcome.fields))
    else:
        told(f"← refused: {outcome.name}", code=outcome.code, authenticated=outcome.authenticated)


def told(text: str, **facts: object) -> None:
    """Anything else that happens to a link. Silent in a program that has not set up its logs."""
    if structlog.is_configured():
        log.debug(text, **facts)


def shown(fields: Mapping[int, Any]) -> dict[str, object]:
    """Fields by their names, as far as they may be seen."""
    return {_name(number): _value(number, value) for number, value in fields.items() if number not in COUNTED}


def _name(number: int) -> str:
    known = FIELDS.get(number)
    return f"field_{number}" if known is None else known[0]


def _value(number: int, value: object) -> object:
    if number in HIDDEN:
        return "****"
    if isinstance(value, bytes):
        return value.hex() if number in SHOWN_BYTES else f"{len(value)} bytes"
    return value
