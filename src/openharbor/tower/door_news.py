"""Which door readings the device is to be told: what differs from the last ones, and the door that is waited for."""

from collections.abc import Mapping

from openharbor.tower.cabinet import Contact
from openharbor.tower.door_watch import Readings
from openharbor.tower.state import Tower


def news(tower: Tower, contacts: Mapping[int, Contact], told: Readings, fired_at: float | None) -> Readings:
    """Readings by port for `device.doors`. `told`: what it was told last. `fired_at`: the last pulse, monotonic s.

    While a pulse is on its way there are none: one made before it must not pass for one made after it (7.3).
    """
    pending = tower.pending
    if pending is not None and pending.fired_ms is None:
        return {}
    found: dict[int, bool | None] = {}
    for number, locker in tower.lockers.items():
        contact = contacts.get(locker.port)
        if contact is None:
            continue
        waited_for = pending is not None and pending.opening.number == number
        if _is_news(contact, fired_at) if waited_for else _differs(tower, number, locker.port, contact, told):
            found[locker.port] = contact.is_open
    return found


def _is_news(contact: Contact, fired_at: float | None) -> bool:
    if contact.is_open is None or fired_at is None:
        return True
    return contact.read_at is not None and contact.read_at > fired_at


def _differs(tower: Tower, number: int, port: int, contact: Contact, told: Readings) -> bool:
    return number not in tower.doors or port not in told or told[port] != contact.is_open
