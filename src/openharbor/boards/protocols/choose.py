"""The codec of an address."""

from openharbor.boards.address import Address
from openharbor.boards.protocols.codec import Codec
from openharbor.boards.protocols.families import CU16, CU24, CU48, MODBUS_TCP, WAVESHARE, WKLY, XOR8A80
from openharbor.boards.protocols.kerong import Cu16, Cu24, Cu48
from openharbor.boards.protocols.modbus import ModbusTcp
from openharbor.boards.protocols.waveshare import Waveshare
from openharbor.boards.protocols.winnsen import Winnsen
from openharbor.boards.protocols.wkly import Wkly
from openharbor.boards.protocols.xor8a80 import Xor8A80


def make_codec(address: Address) -> Codec:
    """The grammar of the board at `address`; for a virtual one, of the family it speaks."""
    if address.family == WKLY.name:
        return Wkly(address.board, address.locks, address.sequence_count, address.native_open_all)
    locks = address.locks or 0  # given or a default in every other family
    if address.family == CU16.name:
        return Cu16(address.board, locks, address.busy_reset)
    if address.family == CU24.name:
        return Cu24(address.board, locks)
    if address.family == CU48.name:
        return Cu48(address.board, locks, address.reply_layout)
    if address.family == XOR8A80.name:
        return Xor8A80(address.board, locks, address.status_bytes, address.board_max, address.native_open_all)
    if address.family == WAVESHARE.name:
        return Waveshare(address.board, locks, has_inputs=address.has_feedback)
    if address.family == MODBUS_TCP.name:
        return ModbusTcp(address.board, locks, has_inputs=address.has_feedback)
    wired = tuple(lock for lock in range(1, locks + 1) if address.senses(lock))
    return Winnsen(address.board, locks, wired, address.status_order)
