"""Signs of life from attached devices: a unit of work (gateway-local.yaml, receiveHeartbeat)."""

from msgspec.structs import replace

from openharbor.gateway import store
from openharbor.gateway.site import Device
from openharbor.gateway.trail import State, audit, audit_refusal
from openharbor.kit.database.face import Transaction as Tx
from openharbor.kit.errors import Refusal
from openharbor.kit.http.operation import Caller

MOST_DEVICES = 1000


def receive_heartbeat(tx: Tx, state: State, device: Device, caller: Caller, now: int) -> tuple[State, Device | Refusal]:
    """Stores the device as it tells of itself. The last heartbeat to arrive counts, whatever its own time says.

    A device that is not known is registered, which is the only thing that the audit log hears of heartbeats.
    """
    site, head = state.site, state.head
    known = site.devices.get(device.device_id)
    if known is not None:
        device = replace(device, registered_at=known.registered_at)
    elif len(site.devices) >= MOST_DEVICES:
        refusal = too_many_devices()
        return State(site, audit_refusal(tx, head, "DEVICE_REGISTER_FAILED", refusal, caller, now)), refusal
    else:
        details = {"deviceId": device.device_id, "deviceType": device.device_type}
        head = audit(tx, head, "DEVICE_REGISTERED", caller, now, details=details)
    store.save_device(tx, device)
    return State(replace(site, devices={**site.devices, device.device_id: device}), head), device


def too_many_devices() -> Refusal:
    """409: no further device can be registered."""
    message = f"{MOST_DEVICES} devices are registered; remove one first"
    return Refusal("CONFLICT", 409, message, {"maxDevices": str(MOST_DEVICES)})
