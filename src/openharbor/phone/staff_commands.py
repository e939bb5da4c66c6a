"""The commands of owners, technicians and developers, under the names of Harbor's SDK (blink-protocol.md 3.1, 11)."""

from openharbor.blink.keys import ID_OF_KEY
from openharbor.blink.packets import Packet
from openharbor.phone import results
from openharbor.phone.results import CounterValue, DeviceInfo, DeviceStatus, KeyInfo, LockerInfo, PortStatus
from openharbor.phone.user_commands import Asks


class StaffCommands:
    """Raise FirmwareError when the tower refuses, SdkError when it cannot be asked."""

    async def send_get_device_info(self: Asks) -> DeviceInfo:
        return results.device_info(await self.ask(Packet.GET_DEVICE_INFO))

    async def send_read_device_status(self: Asks) -> DeviceStatus:
        return results.device_status(await self.ask(Packet.READ_DEVICE_STATUS))

    async def send_get_key_info(self: Asks, key_rotation: int) -> KeyInfo:
        return results.key_info(await self.ask(Packet.GET_KEY_INFO, {40: ID_OF_KEY, 43: key_rotation}))

    async def send_get_locker_info(self: Asks, locker: int) -> LockerInfo:
        return results.locker_info(await self.ask(Packet.GET_LOCKER_INFO, {70: locker}))

    async def send_fire_lock(self: Asks, port: int) -> None:
        """Fires the lock on a port, whatever its locker's state."""
        await self.ask(Packet.FIRE_LOCK, {72: port})

    async def send_control_light(self: Asks, port: int, light_on: bool) -> None:
        await self.ask(Packet.CONTROL_LIGHT, {72: port, 103: light_on})

    async def send_read_port_status(self: Asks, port: int) -> PortStatus:
        return results.port_status(await self.ask(Packet.READ_PORT_STATUS, {72: port}))

    async def send_sound_buzzer(self: Asks, sound: int) -> None:
        await self.ask(Packet.SOUND_BUZZER, {100: sound})

    async def send_set_clock(self: Asks, clock: int) -> None:
        """`clock`: s since 1970; forward only, by a day at most."""
        await self.ask(Packet.SET_CLOCK, {129: clock})

    async def send_adjust_clock(self: Asks, seconds: int) -> None:
        """-3,600 to 3,600."""
        await self.ask(Packet.ADJUST_CLOCK, {152: seconds})

    async def send_set_solenoid_delay(self: Asks, milliseconds: int) -> None:
        """50 to 5,000."""
        await self.ask(Packet.SET_SOLENOID_DELAY, {154: milliseconds})

    async def send_keypad_read(self: Asks) -> tuple[int, int, int]:
        """Keys held, pressed, released."""
        fields = await self.ask(Packet.KEYPAD_READ)
        return fields[140], fields[141], fields[142]

    async def send_set_locker_token(self: Asks, locker: int, locker_token: bytes) -> None:
        await self.ask(Packet.SET_LOCKER_TOKEN, {70: locker, 75: locker_token})

    async def send_set_locker_available(self: Asks, locker: int, available: bool) -> None:
        await self.ask(Packet.SET_LOCKER_AVAILABLE, {70: locker, 73: available})

    async def send_set_locker_keypad(
        self: Asks,
        locker: int,
        keypad_code: str,
        keypad_code_persists: bool = False,
        keypad_next_token: bytes = b"",
        keypad_next_available: bool = True,
    ) -> str | None:
        """Sets the code of any taken locker; the one the tower made up for `auto`."""
        fields = {
            70: locker,
            80: keypad_code,
            81: keypad_code_persists,
            82: keypad_next_token,
            83: keypad_next_available,
        }
        made_up = (await self.ask(Packet.SET_LOCKER_KEYPAD, fields)).get(80)
        return made_up if isinstance(made_up, str) else None

    async def send_set_locker_disabled(self: Asks, locker: int, disabled: bool) -> None:
        await self.ask(Packet.SET_LOCKER_DISABLED, {70: locker, 74: disabled})

    async def send_configure_locker(self: Asks, locker: int, port: int, type_id: int) -> None:
        """`port` -1: none."""
        await self.ask(Packet.CONFIGURE_LOCKER, {70: locker, 72: port, 71: type_id})

    async def send_read_counter(self: Asks, counter: int) -> CounterValue:
        """`counter`: 110 to 118."""
        return results.counter_value(await self.ask(Packet.READ_COUNTER, {144: counter}))

    async def send_reset_counter(self: Asks, counter: int) -> None:
        await self.ask(Packet.RESET_COUNTER, {144: counter})

    async def send_set_tower_id(self: Asks, tower_id: bytes) -> None:
        await self.ask(Packet.SET_TOWER_ID, {61: tower_id})

    async def send_set_tower_serial(self: Asks, serial: str) -> None:
        await self.ask(Packet.SET_TOWER_SERIAL, {138: serial})

    async def send_set_tower_name(self: Asks, name: str) -> None:
        await self.ask(Packet.SET_TOWER_NAME, {60: name})

    async def send_set_tower_disabled(self: Asks, disabled: bool, reason: str = "") -> None:
        await self.ask(Packet.SET_TOWER_DISABLED, {155: disabled, 156: reason})

    async def send_reset_battery_gauge(self: Asks) -> None:
        await self.ask(Packet.RESET_BATTERY_GAUGE)

    async def send_reboot_device(self: Asks) -> None:
        await self.ask(Packet.REBOOT_DEVICE)

    async def send_begin_firmware_update(self: Asks, clear_all_state: bool) -> None:
        await self.ask(Packet.BEGIN_FIRMWARE_UPDATE, {153: clear_all_state})

    async def send_factory_reset(self: Asks) -> None:
        await self.ask(Packet.FACTORY_RESET)
