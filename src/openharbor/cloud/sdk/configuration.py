"""The configuration of a tower as plain commands, for a technician's session (blink-protocol.md 11.3)."""

from openharbor.blink import provisioning
from openharbor.blink.cbor import encode
from openharbor.blink.packets import Packet
from openharbor.cloud.accounts.claims import STAFF
from openharbor.cloud.callers import NOT_PERMITTED
from openharbor.cloud.scope import TenantScope
from openharbor.cloud.sdk import tower_store
from openharbor.cloud.sdk.access import Asker, enter, has_any
from openharbor.cloud.towers.commands import WireCommand, configure_locker
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Refusal


def configuration(scope: TenantScope, tx: Transaction, *, asker: Asker, tower_id: str) -> list[bytes] | Refusal:
    """Its name, then each locker by number, as CBOR maps. 404; 403 without a staff claim."""
    entered = enter(scope, tx, asker, tower_id)
    if isinstance(entered, Refusal):
        return entered
    if not has_any(entered, STAFF):
        return NOT_PERMITTED
    named = WireCommand(Packet.SET_TOWER_NAME, {60: provisioning.cut_name(entered.tower.name)})
    wired = tower_store.wiring(scope, tx, tower_id)
    return [_encoded(one) for one in (named, *(_configured(locker) for locker in wired))]


def _configured(locker: tower_store.Wiring) -> WireCommand:
    sensor = provisioning.door_sensor(locker.door_sensor)
    return configure_locker(locker.number, locker.port, locker.type_id, sensor)


def _encoded(command: WireCommand) -> bytes:
    return encode({1: int(command.packet_type), **command.fields})
