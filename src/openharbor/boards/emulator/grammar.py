"""The grammar of each family, by its driver name."""

from openharbor.boards.emulator.cabinet import Cabinet
from openharbor.boards.emulator.modbus_device import Device
from openharbor.boards.emulator.wire import Wire
from openharbor.boards.emulator.wire_kerong16 import Kerong16
from openharbor.boards.emulator.wire_kerong24 import Kerong24, Kerong48
from openharbor.boards.emulator.wire_modbus import Mbap, Rtu
from openharbor.boards.emulator.wire_winnsen import Winnsen
from openharbor.boards.emulator.wire_wkly import Wkly
from openharbor.boards.emulator.wire_xor8a80 import Xor8a80


def wire_of(cabinet: Cabinet) -> Wire:
    """What a cabinet's boards understand and say."""
    model, faults = cabinet.parts.model, cabinet.faults
    device = Device(model, faults, model.baud or cabinet.family.baud or 9600)
    wires: dict[str, Wire] = {
        "kerong-cu16": Kerong16(model),
        "kerong-cu24": Kerong24(model),
        "kerong-cu48": Kerong48(model),
        "xor8a80": Xor8a80(model, cabinet.parts.seed),
        "wkly": Wkly(model, faults),
        "waveshare": Rtu(model, device),
        "modbus-tcp": Mbap(model, device),
        "winnsen": Winnsen(model, faults),
    }
    return wires[cabinet.family.name]
