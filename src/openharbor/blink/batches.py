"""Event batches [213] at the server: opened, verified, compared with what is stored (blink-protocol.md 4.7, 13.4)."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Final, Literal

import msgspec

from openharbor.blink.cbor import Fields, decode, encode
from openharbor.blink.fields import INT53, Item, check, optional
from openharbor.blink.keys import TowerKey
from openharbor.blink.payloads import EVENTS_PAYLOAD
from openharbor.blink.refusals import (
    AUTH_KEY_INVALID,
    AUTH_SIGNATURE,
    AUTH_TOWER_ID,
    MSG_CBOR_INVALID,
    MSG_INVALID_ID,
    MSG_ITEM_VALUE,
    Rejected,
)
from openharbor.blink.sealing import unseal

MOST_BYTES: Final = 4096  # a phone cannot carry more in one message
MOST_EVENTS: Final = 20
MOST_PLAIN_BYTES: Final = 1400
FIRST_EVENT, LAST_EVENT = 20, 31

Fault = Literal["key", "signature", "version", "cbor", "type", "tower", "fields", "epoch", "range", "events"]
FAULTS: Final[dict[int, Fault]] = {
    AUTH_KEY_INVALID: "key",
    AUTH_SIGNATURE: "signature",
    MSG_ITEM_VALUE: "version",
    MSG_CBOR_INVALID: "cbor",
    MSG_INVALID_ID: "type",
    AUTH_TOWER_ID: "tower",
}
LAYOUT: Final = (
    Item(5, 0, INT53),
    Item(31, 1),
    Item(32),
    Item(35),
    optional(51),
    Item(230, 0, 1),
    Item(231, 0, INT53),
    Item(232, 0, INT53),
)
EVENT_LAYOUT: Final = (Item(1, FIRST_EVENT, LAST_EVENT), Item(30, 1), Item(5, 0, INT53))


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """SYNC_EVENTS_PAYLOAD. `sealed_at`: tower time, s since 1970. `count` ids from `first` on, `dropped` of them gone.

    `events`: maps with ascending ids (#30), each with a known type (#1) and a time (#5).
    """

    sealed_at: int
    tower_id: bytes
    first: int
    count: int
    events: tuple[Fields, ...]
    dropped: int = 0
    clock_state: int
    epoch: int
    boot_count: int

    @property
    def end(self) -> int:
        """The first id after it."""
        return self.first + self.count


class BatchRefused(msgspec.Struct, frozen=True):
    """Why the server does not take a batch; the words are those of the vectors."""

    fault: Fault
    reason: str


class Conflict(msgspec.Struct, frozen=True):
    """A stored event came again with other content: an alarm, the first stays (13.4)."""

    event_id: int


def encode_batch(batch: Batch) -> bytes:
    """The plain bytes of a [213]."""
    fields: Fields = {
        1: EVENTS_PAYLOAD,
        5: batch.sealed_at,
        31: batch.first,
        32: batch.count,
        35: list(batch.events),
        61: batch.tower_id,
        230: batch.clock_state,
        231: batch.epoch,
        232: batch.boot_count,
    }
    if batch.dropped:
        fields[51] = batch.dropped
    return encode(fields)


def open_batch(
    keys: Mapping[int, TowerKey], payload: bytes, auth: bytes, *, tower_id: bytes, epoch: int, first: int, count: int
) -> Batch | BatchRefused:
    """Verifies a batch in the order of 13.4: key, MAC, version, CBOR, type, tower, epoch, range, ids.

    `keys`: rotations that are not revoked. `epoch`: the oldest that counts. `first`, `count`: what the phone says.
    """
    try:
        fields = decode(unseal(keys, payload, auth, MOST_BYTES))
    except Rejected as rejected:
        return BatchRefused(FAULTS.get(rejected.code, "key"), rejected.reason)
    if type(fields.get(1)) is not int or fields[1] != EVENTS_PAYLOAD:
        return BatchRefused("type", f"the packet type is not {EVENTS_PAYLOAD}")
    if fields.get(61) != tower_id:
        return BatchRefused("tower", "the batch is another tower's")
    try:
        check(fields, LAYOUT)
    except Rejected as rejected:
        return BatchRefused("fields", rejected.reason)
    if fields[231] < epoch:
        return BatchRefused("epoch", f"epoch {fields[231]} is over; the tower's log is at epoch {epoch}")
    if (fields[31], fields[32]) != (first, count):
        return BatchRefused("range", f"the seal covers {fields[32]} ids from {fields[31]} on")
    fault = _fault_in_events(fields)
    return BatchRefused("events", fault) if fault else _batch(fields)


def _batch(fields: Fields) -> Batch:
    return Batch(
        sealed_at=fields[5],
        tower_id=fields[61],
        first=fields[31],
        count=fields[32],
        events=tuple(fields[35]),
        dropped=fields.get(51, 0),
        clock_state=fields[230],
        epoch=fields[231],
        boot_count=fields[232],
    )


def _fault_in_events(fields: Fields) -> str:
    """What is wrong with the events; empty if nothing is: ids rise, lie in the range, and none is missing."""
    events, first, count = fields[35], fields[31], fields[32]
    try:
        for event in events:
            if not isinstance(event, dict):
                return "an event is no map"
            check(event, EVENT_LAYOUT)
    except Rejected as rejected:
        return rejected.reason
    ids = [event[30] for event in events]
    if any(later <= earlier for earlier, later in pairwise(ids)):
        return "the ids do not rise"
    if ids and not (first <= ids[0] and ids[-1] < first + count):
        return "an id lies outside the range"
    if len(ids) + fields.get(51, 0) != count:
        return f"{count} ids are covered, and {len(ids)} events and {fields.get(51, 0)} dropped ones are not as many"
    return ""


def new_events(batch: Batch, stored: Mapping[int, Fields]) -> tuple[Fields, ...] | Conflict:
    """The events that are not stored yet. `stored`: by id, of this epoch, those of the batch's range."""
    for event in batch.events:
        if stored.get(event[30], event) != event:
            return Conflict(event[30])
    return tuple(event for event in batch.events if event[30] not in stored)
