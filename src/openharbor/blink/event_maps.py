"""Events from and to the maps that a batch holds (blink-protocol.md 9)."""

from collections.abc import Mapping
from typing import Any, Final

from openharbor.blink import refusals
from openharbor.blink.cbor import Fields
from openharbor.blink.events import COMMON, KINDS, AccessRefused, CommandsDone, Event, SpecialSession, layout_of
from openharbor.blink.fields import Layout, check
from openharbor.blink.refusals import Rejected

BY_TYPE: Final = {kind.PACKET: kind for kind in KINDS}
EVERY_KIND: Final[tuple[type[Event], ...]] = (*KINDS, AccessRefused)
LAYOUTS: Final[dict[type[Event], Layout]] = {kind: layout_of(kind) for kind in EVERY_KIND}


def read_event(fields: Mapping[int, Any]) -> Event:
    """The event in a map; unknown fields are ignored. Raises Rejected 101 (type), 102 to 105 (fields)."""
    packet_type = fields.get(1)
    kind = BY_TYPE.get(packet_type) if type(packet_type) is int else None
    if kind is None:
        raise Rejected(refusals.MSG_INVALID_ID, f"packet type {packet_type} is no event")
    if packet_type == AccessRefused.PACKET and 2 in fields:
        kind = AccessRefused
    check(fields, LAYOUTS[kind])
    _check_inside(kind, fields)
    return kind(**{name: fields[item.number] for name, item in (*COMMON, *kind.WIRE) if item.number in fields})


def write_event(event: Event) -> Fields:
    """The map of an event; what is None is left out."""
    values = ((item.number, getattr(event, name)) for name, item in (*COMMON, *event.WIRE))
    return {1: event.PACKET, **{number: value for number, value in values if value is not None}}


def _check_inside(kind: type[Event], fields: Mapping[int, Any]) -> None:
    """What the containers of a known kind may hold: integers."""
    if kind is CommandsDone:
        inside = [*fields[237].keys(), *fields[237].values()]
    elif kind is SpecialSession:
        inside = fields[244]
    else:
        return
    if any(type(one) is not int for one in inside):
        raise Rejected(refusals.MSG_ITEM_TYPE, "a map or array of integers holds something else")
