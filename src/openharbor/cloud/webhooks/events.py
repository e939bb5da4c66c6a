"""The bodies of webhooks: a notice as bytes, field for field and in the order of webhooks.md 2."""

import msgspec

from openharbor.cloud.lockers.change import EventName, Notice, Source
from openharbor.kit.http.timestamps import rfc3339

TOKEN_CREATED = "LOCKER_TOKEN_CREATED"  # noqa: S105  # a source of events

ENCODE = msgspec.json.Encoder().encode


class EventData(msgspec.Struct, frozen=True):
    """`data`: the eleven fields that every event has."""

    timestamp: str
    locker_id: int | None
    locker_status: str | None
    tower_id: str
    source: Source
    reservation_id: int | None
    open_locker_token_id: int | None
    keypad_code: str | None
    client_info: str | None
    locker_open_request_id: int | None
    locker_open_request_payload: msgspec.Raw | None


class SyncData(EventData, frozen=True):
    """`data` of TOWER_SYNCED."""

    event_start: int | None
    event_count: int | None
    synced_until: str | None


class Envelope(msgspec.Struct, frozen=True):
    timestamp: str
    event: EventName
    data: EventData


def body_of(notice: Notice, payload: str | None, recorded_at: int) -> bytes:
    """The minified body. `payload`: JSON text without white space, what the notice's link was given; None: no link.

    `recorded_at`: ms since 1970; the outer time. Neither is known in LOCKER_TOKEN_CREATED (webhooks.md 2).
    """
    about_link = payload is not None and notice.source != TOKEN_CREATED
    shared = (
        moment(notice.at, whole_seconds=notice.tower_clock),
        notice.locker_id,
        notice.status,
        notice.tower_id,
        notice.source,
        notice.reservation_id,
        notice.token_id,
        notice.keypad_code,
        notice.client_info or None,
        notice.link_id if about_link else None,
        msgspec.Raw(payload.encode()) if about_link and payload is not None else None,
    )
    data = SyncData(*shared, *_extent(notice)) if notice.event == "TOWER_SYNCED" else EventData(*shared)
    return ENCODE(Envelope(rfc3339(recorded_at)[:19], notice.event, data))


def moment(ms: int, *, whole_seconds: bool) -> str:
    """A time in `data`: microseconds for the cloud's clock, none for a tower's."""
    text = rfc3339(ms)
    return f"{text[:19]}+00:00" if whole_seconds else f"{text[:23]}000+00:00"


def _extent(notice: Notice) -> tuple[int | None, int | None, str | None]:
    """Which tower events were applied, and the tower's time of the last."""
    until = None if notice.synced_until is None else moment(notice.synced_until * 1000, whole_seconds=True)
    return notice.event_start, notice.event_count, until
