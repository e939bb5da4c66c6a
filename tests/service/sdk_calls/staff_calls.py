"""The calls of owners, technicians and developers (blink-protocol.md 3.1, 10, 11)."""

from harness.towers import TOWER_ID
from openharbor.blink import refusals
from openharbor.blink.packets import Packet
from service.sdk_calls.calls import (
    BUSY,
    INVALID_ID,
    LAST_OPEN,
    NOT_FOUND,
    RANGE,
    TECHNICIAN,
    case,
    locker,
    refused,
)
from service.sdk_calls.place import Phone

# -- what staff asks


@case(Packet.GET_DEVICE_INFO, "owner")
async def _device_info(phone: Phone) -> None:
    info, state = await phone.sdk.send_get_device_info(), phone.rig.running.state
    assert (info.tower_id, info.name) == (TOWER_ID, state.identity.name)
    assert (info.firmware, info.serial) == (state.hardware.firmware, state.hardware.serial)
    assert info.solenoid_delay == state.settings.solenoid_delay_ms
    assert abs(info.clock - phone.rig.server.now) <= 2


@case(Packet.READ_DEVICE_STATUS, "owner")
async def _device_status(phone: Phone) -> None:
    status = await phone.sdk.send_read_device_status()
    assert (status.disabled, status.reason) == (False, "")


@case(Packet.GET_KEY_INFO, TECHNICIAN)
async def _key_info(phone: Phone) -> None:
    info = await phone.sdk.send_get_key_info(1)
    assert (info.valid, info.sunset, info.expires) == (True, False, 0)
    with refused(refusals.AUTH_KEY_INVALID):
        await phone.sdk.send_get_key_info(2)


@case(Packet.GET_LOCKER_INFO, "owner")
async def _locker_info(phone: Phone) -> None:
    info = await phone.sdk.send_get_locker_info(10)
    assert (info.locker, info.port, info.type_id, info.available, info.disabled) == (10, 9, 1, True, False)
    assert (info.keypad_set, info.code_persists) == (False, False)
    with refused(NOT_FOUND):
        await phone.sdk.send_get_locker_info(99)


@case(Packet.READ_PORT_STATUS, TECHNICIAN)
async def _port_status(phone: Phone) -> None:
    status = await phone.sdk.send_read_port_status(9)
    assert (status.light_on, status.firing, status.door_open) == (False, False, False)
    with refused(301):
        await phone.sdk.send_read_port_status(99)


@case(Packet.READ_COUNTER, TECHNICIAN)
async def _read_counter(phone: Phone) -> None:
    before = await phone.sdk.send_read_counter(112)
    await phone.sdk.send_fire_lock(9)
    after = await phone.sdk.send_read_counter(112)
    assert (after.counter, after.value, after.last_reset) == (112, before.value + 1, before.last_reset)
    await phone.shut(10)


@case(Packet.KEYPAD_READ, TECHNICIAN)
async def _keypad_read(phone: Phone) -> None:
    with refused(INVALID_ID):
        await phone.sdk.send_keypad_read()


# -- what staff does


@case(Packet.FIRE_LOCK, TECHNICIAN)
async def _fire_lock(phone: Phone) -> None:
    holding, before = locker(phone, 11).holding(), phone.rig.pulses()
    await phone.sdk.send_fire_lock(10)
    assert phone.rig.pulses() == [*before, 11]
    assert phone.rig.lock(11).door == "open"
    assert locker(phone, 11).holding() == holding
    with refused(LAST_OPEN):
        await phone.sdk.send_check_locker_door()
    with refused(NOT_FOUND):
        await phone.sdk.send_fire_lock(99)
    await phone.shut(11)


@case(Packet.CONTROL_LIGHT, TECHNICIAN)
async def _light(phone: Phone) -> None:
    with refused(INVALID_ID):
        await phone.sdk.send_control_light(0, True)


@case(Packet.SOUND_BUZZER, TECHNICIAN)
async def _buzzer(phone: Phone) -> None:
    with refused(INVALID_ID):
        await phone.sdk.send_sound_buzzer(1)


@case(Packet.SET_CLOCK, TECHNICIAN)
async def _set_clock(phone: Phone) -> None:
    here = (await phone.sdk.send_get_device_info()).clock
    await phone.sdk.send_set_clock(here + 30)
    assert (await phone.sdk.send_get_device_info()).clock >= here + 30
    with refused(RANGE):
        await phone.sdk.send_set_clock(here - 3600)
    with refused(RANGE):
        await phone.sdk.send_set_clock(here + 2 * 86_400)


@case(Packet.ADJUST_CLOCK, TECHNICIAN)
async def _adjust_clock(phone: Phone) -> None:
    here = (await phone.sdk.send_get_device_info()).clock
    await phone.sdk.send_adjust_clock(30)
    assert (await phone.sdk.send_get_device_info()).clock >= here + 30


@case(Packet.SET_SOLENOID_DELAY, TECHNICIAN)
async def _solenoid(phone: Phone) -> None:
    before = phone.rig.running.state.settings.solenoid_delay_ms
    await phone.sdk.send_set_solenoid_delay(before + 50)
    assert (await phone.sdk.send_get_device_info()).solenoid_delay == before + 50
    await phone.sdk.send_set_solenoid_delay(before)


@case(Packet.SET_LOCKER_TOKEN, TECHNICIAN)
async def _set_token(phone: Phone) -> None:
    await phone.sdk.send_set_locker_available(12, False)
    await phone.sdk.send_set_locker_token(12, b"a token")
    assert locker(phone, 12).locker_token == b"a token"
    with refused(NOT_FOUND):
        await phone.sdk.send_set_locker_token(99, b"a token")


@case(Packet.SET_LOCKER_AVAILABLE, TECHNICIAN)
async def _set_available(phone: Phone) -> None:
    for available in (False, True):
        await phone.sdk.send_set_locker_available(13, available)
        assert locker(phone, 13).available is available
    with refused(NOT_FOUND):
        await phone.sdk.send_set_locker_available(99, True)


@case(Packet.SET_LOCKER_KEYPAD, TECHNICIAN)
async def _set_keypad(phone: Phone) -> None:
    with refused(NOT_FOUND):  # no code for a free locker
        await phone.sdk.send_set_locker_keypad(14, "445566")
    await phone.sdk.send_set_locker_available(14, False)
    assert await phone.sdk.send_set_locker_keypad(14, "445566") is None
    assert (await phone.sdk.send_get_locker_info(14)).keypad_set
    assert len(await phone.sdk.send_set_locker_keypad(14, "auto") or "") == 6


@case(Packet.SET_LOCKER_DISABLED, TECHNICIAN)
async def _set_disabled(phone: Phone) -> None:
    for disabled in (True, False):
        await phone.sdk.send_set_locker_disabled(15, disabled)
        assert (await phone.sdk.send_get_locker_info(15)).disabled is disabled
    with refused(NOT_FOUND):
        await phone.sdk.send_set_locker_disabled(99, True)


@case(Packet.CONFIGURE_LOCKER, TECHNICIAN)
async def _configure(phone: Phone) -> None:
    await phone.sdk.send_configure_locker(16, -1, 2)
    assert (locker(phone, 16).port, locker(phone, 16).type_id) == (-1, 2)
    await phone.sdk.send_configure_locker(16, 15, 1)
    await phone.sdk.send_set_locker_available(16, False)
    with refused(BUSY):
        await phone.sdk.send_configure_locker(16, 15, 2)
    await phone.sdk.send_set_locker_available(16, True)
    assert (locker(phone, 16).port, locker(phone, 16).type_id) == (15, 1)


@case(Packet.RESET_COUNTER, TECHNICIAN)
async def _reset_counter(phone: Phone) -> None:
    await phone.sdk.send_reset_counter(116)
    counter = await phone.sdk.send_read_counter(116)
    assert counter.value == 0
    assert abs(counter.last_reset - (await phone.sdk.send_get_device_info()).clock) <= 2


@case(Packet.SET_TOWER_SERIAL, TECHNICIAN)
async def _serial(phone: Phone) -> None:
    await phone.sdk.send_set_tower_serial("S-0042")
    assert (await phone.sdk.send_get_device_info()).tower_serial == "S-0042"


@case(Packet.SET_TOWER_NAME, TECHNICIAN)
async def _name(phone: Phone) -> None:
    await phone.sdk.send_set_tower_name("Bücherei")
    assert (await phone.sdk.send_get_device_info()).name == "Bücherei"


@case(Packet.SET_TOWER_DISABLED, TECHNICIAN)
async def _tower_disabled(phone: Phone) -> None:
    await phone.sdk.send_set_tower_disabled(True, "wet paint")
    status = await phone.sdk.send_read_device_status()
    assert (status.disabled, status.reason) == (True, "wet paint")
    before = phone.rig.pulses()
    await phone.begin()
    with refused(refusals.AUTH_PERMISSIONS):
        await phone.open(phone.rig.server.token(10))
    assert phone.rig.pulses() == before
    await phone.begin(TECHNICIAN)
    await phone.sdk.send_set_tower_disabled(False)
    assert not phone.rig.running.state.identity.disabled


@case(Packet.RESET_BATTERY_GAUGE, TECHNICIAN)
async def _gauge(phone: Phone) -> None:
    with refused(INVALID_ID):
        await phone.sdk.send_reset_battery_gauge()


@case(Packet.BEGIN_FIRMWARE_UPDATE, "developer")
async def _update(phone: Phone) -> None:
    with refused(INVALID_ID):
        await phone.sdk.send_begin_firmware_update(False)


@case(Packet.FACTORY_RESET, "developer")
async def _factory_reset(phone: Phone) -> None:
    with refused(INVALID_ID):
        await phone.sdk.send_factory_reset()


@case(Packet.SET_TOWER_ID, "developer")
async def _tower_id(phone: Phone) -> None:
    other = bytes.fromhex("01000000000000aa")
    await phone.sdk.send_set_tower_id(other)
    assert phone.rig.running.state.identity.tower_id == other
    await phone.sdk.send_set_tower_id(TOWER_ID)
    assert (await phone.sdk.send_get_device_info()).tower_id == TOWER_ID


@case(Packet.REBOOT_DEVICE, TECHNICIAN)
async def _reboot(phone: Phone) -> None:
    boots = phone.rig.running.state.boot_count
    await phone.sdk.send_reboot_device()
    await phone.rig.until(lambda: phone.rig.running.state.boot_count == boots + 1)
    with refused(refusals.AUTH_NO_SESSION):
        await phone.sdk.send_request_sync_status()
