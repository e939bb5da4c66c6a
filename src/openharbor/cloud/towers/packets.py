"""Command packets [214] for a phone to push, sealed at the moment it asks (blink-protocol.md 4.6, 13.5)."""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from openharbor.blink.cbor import Fields, encode
from openharbor.blink.packets import Packet
from openharbor.blink.payloads import (
    LONGEST_PACKET_S,
    MOST_COMMANDS,
    MOST_PACKET_PLAIN,
    CommandsPayload,
    encode_commands,
)
from openharbor.blink.sealing import IV_BYTES, Sealed, seal
from openharbor.cloud.master_key import Vault
from openharbor.cloud.scope import TenantScope
from openharbor.cloud.towers import commands, store
from openharbor.cloud.towers.commands import WireCommand
from openharbor.cloud.towers.keys import sealing_key
from openharbor.cloud.towers.store import NewCommand
from openharbor.kit.database.face import Transaction

MOST_PACKETS = 8  # in one answer; the rest is asked for at the next visit
ROOM_FOR_COUNTS = 16  # how much longer the numbers around the commands may get


class CommandPacket(msgspec.Struct, frozen=True):
    """`first`, `count`: as in the seal (`syncCommandStart`, `syncCommandCount`)."""

    first: int
    count: int
    sealed: Sealed


class Numbered(msgspec.Struct, frozen=True):
    """A command as it goes into a packet."""

    command_id: int
    fields: Fields

    def __repr__(self) -> str:
        return f"Numbered({self.command_id})"


def waiting_packets(
    scope: TenantScope, tx: Transaction, vault: Vault, tower_id: str, *, now: int, random: Callable[[int], bytes]
) -> list[CommandPacket]:
    """Everything that waits for the tower from the oldest command on, at most 8 packets, ascending. Reads only.

    `now`: ms since 1970. `random`: that many random bytes. Sealed with the newest rotation that the tower has
    confirmed; none: no packets.
    """
    found = store.find_tower(scope, tx, tower_id, lock=False)
    if found is None or found.tower.rotation is None:
        return []
    waiting = store.waiting_commands(scope, tx, tower_id, MOST_PACKETS * MOST_COMMANDS)
    if not waiting:
        return []
    now_s = now // 1000
    numbered = [_numbered(scope, tx, vault, tower_id, command, now_s) for command in waiting]
    key = sealing_key(scope, tx, vault, tower_id, found.tower.rotation)
    empty = CommandsPayload(
        issued=now_s, expires=now_s + LONGEST_PACKET_S, tower_id=bytes.fromhex(tower_id), first=0, commands=()
    )
    packets = []
    for part in parted(numbered, MOST_PACKET_PLAIN - len(encode_commands(empty)) - ROOM_FOR_COUNTS):
        first, maps = part[0].command_id, [one.fields for one in part]
        plain = encode_commands(msgspec.structs.replace(empty, first=first, commands=maps))
        packets.append(CommandPacket(first, len(part), seal(key, plain, random(IV_BYTES))))
    return packets[:MOST_PACKETS]


def parted(numbered: Sequence[Numbered], room: int) -> Iterator[list[Numbered]]:
    """As many in one as 2.5 allows: 64 commands that follow one another, in `room` bytes."""
    part: list[Numbered] = []
    used = 0
    for one in numbered:
        size = len(encode(one.fields))
        follows = not part or one.command_id == part[-1].command_id + 1
        if part and (not follows or len(part) == MOST_COMMANDS or used + size > room):
            yield part
            part, used = [], 0
        part.append(one)
        used += size
    if part:
        yield part


def _numbered(
    scope: TenantScope, tx: Transaction, vault: Vault, tower_id: str, command: NewCommand, now_s: int
) -> Numbered:
    """With the time of a SET_CLOCK, and the key of an INSTALL_KEY. A key that was given up meanwhile is left out.

    Numbers have no gaps, so such a command goes out all the same, and the tower refuses it.
    """
    root = None
    if command.packet_type == Packet.INSTALL_KEY:
        sealed = store.sealed_root(scope, tx, tower_id, command.fields[43])
        root = None if sealed is None else vault.open(sealed)
    wired = WireCommand(command.packet_type, command.fields, command.locker_number)
    return Numbered(command.command_id, commands.complete(wired, now_s=now_s, root=root))
