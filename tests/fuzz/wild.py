"""Wild values, wild fields, and bytes that were damaged: what an attacker sends, from a seed."""

import random
from typing import Any, Final

import cbor2

from openharbor.blink.cbor import Fields
from openharbor.blink.fields import FIELDS, INT32, INT53, Item
from openharbor.blink.packets import COMMANDS, Packet

EDGES: Final = (0, 1, 2, 3, 5, 13, 24, 100, 255, 256, 1023, 1024, INT32, INT32 + 1, INT53, 2**63, 2**64 - 1)
WORDS: Final = ("", "auto", "5501", "482913", "0000", "x", "ü" * 9, "\x00", "a" * 300)
PACKETS: Final = sorted(COMMANDS)
FIELD_NUMBERS: Final = sorted(FIELDS)


def number(rng: random.Random) -> int:
    chosen = rng.choice(EDGES) if rng.random() < 0.7 else rng.getrandbits(rng.choice((4, 8, 16, 31, 53)))
    return -chosen if rng.random() < 0.2 else chosen


def value(rng: random.Random, depth: int = 0) -> Any:
    """Anything that CBOR has, and a few things that Blink does not."""
    match rng.randrange(9 if depth < 6 else 6):
        case 0 | 1:
            return number(rng)
        case 2:
            return rng.random() < 0.5
        case 3:
            return rng.randbytes(rng.choice((0, 1, 8, 16, 17, 18, 32, 33, 40, 600)))
        case 4:
            return rng.choice(WORDS)
        case 5:
            return rng.choice((None, 1.5, cbor2.CBORTag(1, 5), cbor2.undefined))
        case 6:
            return [value(rng, depth + 1) for _ in range(rng.randrange(3))]
        case 7:
            return {number(rng): value(rng, depth + 1) for _ in range(rng.randrange(3))}
        case _:
            return [value(rng, depth + 2)]


def fitting(rng: random.Random, item: Item) -> Any:
    """A value that the field allows, often at an edge or one that the tower knows."""
    match FIELDS[item.number][1]:
        case "int":
            known = [one for one in (item.low, item.high, 1, 2, 3, 5, 7, 13) if item.low <= one <= item.high]
            return rng.choice(known) if rng.random() < 0.9 else rng.randint(item.low, item.high)
        case "bool":
            return rng.random() < 0.5
        case "bytes":
            return rng.randbytes(rng.choice((item.low, min(item.high, 16), min(item.high, 40))))
        case "text":
            return rng.choice(WORDS[:6])
        case "map":
            return {}
        case _:
            return []


def command(rng: random.Random) -> Fields:
    """A command whose fields fit, or nearly."""
    if rng.random() < 0.1:
        return {1: rng.choice((rng.randrange(256), value(rng))), rng.choice(FIELD_NUMBERS): value(rng)}
    packet = rng.choice(PACKETS)
    return {1: packet.value, **fields(rng, packet)}


def fields(rng: random.Random, packet: Packet) -> Fields:
    """The fields of a command; one in ten wild, a few missing, a few too many."""
    made: Fields = {}
    for item in COMMANDS[packet].layout:
        chance = rng.random()
        if chance < 0.03 or (item.optional and chance < 0.5):
            continue
        made[item.number] = value(rng) if chance > 0.93 else fitting(rng, item)
    if rng.random() < 0.05:
        made[rng.choice(FIELD_NUMBERS)] = value(rng)
    return made


def damaged(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """The bytes after one to three injuries. `other`: from which a piece may come."""
    hurt = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        _injure(rng, hurt, other)
    return bytes(hurt)


def _injure(rng: random.Random, hurt: bytearray, other: bytes) -> None:
    at = rng.randrange(len(hurt) + 1)
    end = min(len(hurt), at + rng.choice((1, 1, 2, 8, 33)))
    match rng.randrange(12):
        case 0 | 1 | 2 | 3 | 4 if at < len(hurt):
            hurt[at] ^= 1 << rng.randrange(8)
        case 5 | 6 | 7 if at < len(hurt):
            hurt[at] = rng.choice((0, 1, 0x1B, 0x5F, 0x7F, 0x9F, 0xBF, 0xD9, 0xF6, 0xFB, 0xFF, rng.randrange(256)))
        case 8:
            del hurt[at:]
        case 9:
            del hurt[at:end]
        case 10:
            hurt[at:at] = hurt[at:end]
        case _:
            start = rng.randrange(len(other) + 1)
            hurt[at:end] = other[start : start + rng.choice((1, 4, 16, 40))]
