"""Alarms in the journal: units of work. Each change is an audit entry and, if asked for, a webhook, in one commit."""

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from openharbor.gateway import alarm_outbox, alarm_store
from openharbor.gateway.alarms import Alarm, Change, News, acknowledged, decide
from openharbor.gateway.trail import SYSTEM, State, audit
from openharbor.kit.audit import ChainHead
from openharbor.kit.database.face import Transaction as Tx
from openharbor.kit.errors import Refusal
from openharbor.kit.http.operation import Caller

ACTIONS = {"raised": "ALARM_RAISED", "cleared": "ALARM_CLEARED", "acknowledged": "ALARM_ACKNOWLEDGED"}

MessageId = Callable[[int], str]  # from ms since 1970; None in its place: no webhook is configured


def write_news(
    tx: Tx, state: State, news: Iterable[News], message_id: MessageId | None = None
) -> tuple[State, tuple[Change, ...]]:
    """Raises and clears, in the order of the news; what it came to. News that are known already change nothing."""
    changes = []
    for one in news:
        change = decide(alarm_store.lasting_alarm(tx, one.cause), one)
        if change is None:
            continue
        if change.kind == "raised":
            alarm_id = alarm_store.insert_alarm(tx, change.alarm)
            change = replace(change, alarm=replace(change.alarm, alarm_id=alarm_id))
        else:
            alarm_store.save_alarm(tx, change.alarm)
        state = replace(state, head=_told(tx, state.head, change, SYSTEM, message_id))
        changes.append(change)
    return state, tuple(changes)


def acknowledge(
    tx: Tx,
    state: State,
    alarm_id: int,
    note: str | None,
    caller: Caller,
    now: int,
    message_id: MessageId | None = None,
) -> tuple[State, tuple[Alarm, Change | None] | Refusal]:
    """acknowledgeAlarm: the alarm as it is now, and the change if there was one. A repeat changes nothing."""
    alarm = alarm_store.the_alarm(tx, alarm_id)
    if alarm is None:
        return state, no_alarm(alarm_id)
    change = acknowledged(alarm, caller.name, note, now)
    if change is None:
        return state, (alarm, None)
    alarm_store.save_alarm(tx, change.alarm)
    return replace(state, head=_told(tx, state.head, change, caller, message_id)), (change.alarm, change)


def no_alarm(alarm_id: int) -> Refusal:
    """404 (choice 15)."""
    return Refusal("NOT_FOUND", 404, f"No alarm has the id {alarm_id}", {"alarmId": str(alarm_id)})


def _told(tx: Tx, head: ChainHead, change: Change, caller: Caller, message_id: MessageId | None) -> ChainHead:
    """The audit entry of a change, and its webhook."""
    alarm = change.alarm
    details = {"alarmId": str(alarm.alarm_id), "code": alarm.cause.code}
    if change.kind == "raised":
        details["message"] = alarm.message
    if alarm.cause.device_id is not None:
        details["deviceId"] = alarm.cause.device_id
    if change.kind == "acknowledged" and alarm.note is not None:
        details["note"] = alarm.note
    if message_id is not None:
        alarm_outbox.put(tx, change, message_id(change.at))
    return audit(
        tx,
        head,
        ACTIONS[change.kind],
        caller,
        change.at,
        locker_id=alarm.cause.locker_id,
        controller_id=alarm.cause.controller_id,
        details=details,
    )
