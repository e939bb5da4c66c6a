"""Alarms as the Admin API, its event stream and the webhook show them, field for field as in gateway-admin.yaml."""

import msgspec

from openharbor.gateway.alarms import Alarm, AlarmCode, Change, ChangeKind
from openharbor.gateway.messages import Body
from openharbor.kit.http.timestamps import rfc3339

_encode = msgspec.json.Encoder().encode


class AlarmBody(Body):
    """The contract's Alarm."""

    alarm_id: int
    code: AlarmCode
    message: str
    locker_id: int | None
    controller_id: int | None
    device_id: str | None
    raised_at: str
    cleared_at: str | None
    acknowledged_at: str | None
    acknowledged_by: str | None
    note: str | None


class AlarmEvent(Body):
    """Data of an `alarm` event."""

    timestamp: str
    change: ChangeKind
    alarm: AlarmBody


class AlarmEnvelope(Body):
    """What is posted to the alarm webhook."""

    timestamp: str
    event: str
    data: AlarmEvent


def alarm_body(alarm: Alarm) -> AlarmBody:
    return AlarmBody(
        alarm_id=alarm.alarm_id,
        code=alarm.cause.code,
        message=alarm.message,
        locker_id=alarm.cause.locker_id,
        controller_id=alarm.cause.controller_id,
        device_id=alarm.cause.device_id,
        raised_at=rfc3339(alarm.raised_at),
        cleared_at=_time(alarm.cleared_at),
        acknowledged_at=_time(alarm.acknowledged_at),
        acknowledged_by=alarm.acknowledged_by,
        note=alarm.note,
    )


def alarm_event(change: Change) -> AlarmEvent:
    return AlarmEvent(rfc3339(change.at), change.kind, alarm_body(change.alarm))


def event_json(change: Change) -> bytes:
    """The data of the event, minified."""
    return _encode(alarm_event(change))


def webhook_json(change: Change, now: int) -> bytes:
    """The body of a webhook recorded at `now`; its time is written as in webhooks.md 2."""
    return _encode(AlarmEnvelope(rfc3339(now)[:19], "ALARM", alarm_event(change)))


def _time(at: int | None) -> str | None:
    return None if at is None else rfc3339(at)
