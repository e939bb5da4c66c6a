"""The events that tell a locker's state (blink-protocol.md 9.2)."""

from typing import Any

from openharbor.blink.events import Accessed, AccessRefused, LockerUpdated
from openharbor.blink.payloads import OpenPayload
from openharbor.tower.lockers import Locker
from openharbor.tower.state import Opening


def _state(locker: Locker) -> dict[str, Any]:
    return {
        "locker_number": locker.number,
        "available": locker.available,
        "locker_token": locker.locker_token,
        "generation": locker.generation,
        "retired": locker.retired,
        "keypad_set": locker.code is not None,
    }


def accessed(opening: Opening, locker: Locker, *, confirmed: bool | None, opened_at: int | None) -> Accessed:
    """An access and the record after it. `confirmed` None: no usable sensor, or unknown. `opened_at`: s since 1970."""
    return Accessed(
        event_id=0,
        at=opening.started,
        session_ref=opening.session_ref,
        client_id=opening.client_id,
        reason=opening.reason,
        token_id=opening.token_id,
        access_kind=opening.access_kind,
        client_info=opening.client_info,
        confirmed=confirmed,
        opened_at=opened_at,
        **_state(locker),
    )


def door_event(locker: Locker, reason: int, at: int, *, closed: bool) -> Accessed:
    """A door seen closed, or left open: repeats what the access was. The locker has to be watched."""
    watched = locker.watched
    if watched is None:
        raise ValueError("nobody has opened the locker")
    return Accessed(
        event_id=0,
        at=at,
        reason=reason,
        token_id=watched.token_id,
        access_kind=watched.access_kind,
        opened_at=watched.opened_at,
        closed_at=at if closed else None,
        **_state(locker),
    )


def refused(code: int, at: int, payload: OpenPayload | None) -> AccessRefused:
    """A token that was refused; `payload` None: it could not be read."""
    if payload is None:
        return AccessRefused(event_id=0, at=at, code=code)
    return AccessRefused(
        event_id=0,
        at=at,
        code=code,
        locker_number=payload.locker_number,
        token_id=payload.token_id,
        generation=payload.generation,
        access_kind=payload.access_kind,
    )


def failed_access(opening: Opening, code: int) -> AccessRefused:
    """An access that was decided, and whose lock could not be fired."""
    return AccessRefused(
        event_id=0,
        at=opening.started,
        session_ref=opening.session_ref,
        client_id=opening.client_id,
        code=code,
        locker_number=opening.number,
        token_id=opening.token_id,
        generation=opening.generation,
        access_kind=opening.access_kind,
    )


def updated(
    locker: Locker, reason: int, at: int, *, command_id: int | None = None, made_up: str | None = None
) -> LockerUpdated:
    """The whole record after a change of its own. `made_up`: a keypad code that the tower drew."""
    return LockerUpdated(
        event_id=0,
        at=at,
        type_id=locker.type_id,
        port=locker.port,
        disabled=locker.disabled,
        door_sensor=locker.sensor,
        reason=reason,
        command_id=command_id,
        keypad_code=made_up,
        **_state(locker),
    )
