"""Answers of the SDK API. Pure: what was found in, bodies out, bytes as lower-case hex."""

from collections.abc import Iterable

from openharbor.cloud.catalog.views import ACCESS_MODES
from openharbor.cloud.sdk import messages as m
from openharbor.cloud.sdk.session_tokens import Minted
from openharbor.cloud.sdk.tower_store import TowerRow
from openharbor.cloud.towers.packets import CommandPacket

SERVICES = [m.Service("Harbor Tower", "6E400001-B5A3-F393-E0A9-E50E24DCCA9E")]  # blink-protocol.md 2.2
RECEIVED = m.Message("Events received")


def session_token(minted: Minted) -> m.SessionToken:
    sealed = minted.sealed
    return m.SessionToken(sealed.payload.hex(), sealed.auth.hex(), minted.seed.hex(), minted.tower_id)


def configuration(tower_id: str, commands: Iterable[bytes]) -> m.TowerConfiguration:
    return m.TowerConfiguration(tower_id, [one.hex() for one in commands])


def command_packet(tower_id: str, packet: CommandPacket) -> m.SyncCommandPacket:
    sealed = packet.sealed
    return m.SyncCommandPacket(tower_id, packet.count, packet.first, sealed.payload.hex(), sealed.auth.hex())


def tower(row: TowerRow) -> m.Tower:
    return m.Tower(
        name=row.name,
        description=row.description,
        system_id=row.system_id,
        tower_model_id=row.tower_model_id,
        location_id=row.location_id,
        access_mode_id=ACCESS_MODES[row.access],
        is_for_test=row.for_test,
        id=row.tower_id,
    )
