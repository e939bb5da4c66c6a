"""Harbor's SDK as a reader of what a tower sends: a small model of the facts F-1 to F-10 (blink-protocol.md 15).

It knows nothing of `openharbor.blink.frames`, `cbor` or `phone_session`: it is a second reading of the document.
"""

from collections.abc import Callable
from io import BytesIO
from typing import Any, Final

import cbor2
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

KIND: Final[dict[str, type]] = {"int": int, "bool": bool, "bytes": bytes, "text": str, "map": dict}
# the fields of each awaited answer, with the kinds of 3.2
AWAITED: Final[dict[str, dict[int, str]]] = {
    "ACK": {},
    "GRANT_SESSION": {5: "int", 21: "bytes", 10: "bytes", 9: "bytes"},
    "TERMINATE_SESSION": {2: "int"},
    "SYNC_STATUS": {31: "int", 32: "int", 33: "int"},
    "SYNC_EVENTS": {31: "int", 32: "int", 9: "bytes", 10: "bytes"},
    "FOUND_LOCKERS": {78: "map"},
    "LOCKER_OPENED": {70: "int"},
    "LOCKER_DOOR_STATE": {76: "bool"},
    "ALL_LOCKER_DOOR_STATES": {79: "bytes"},
    "DEVICE_INFO": {
        129: "int",
        61: "bytes",
        **dict.fromkeys((60, 126, 127, 138, 125), "text"),
        **dict.fromkeys((135, 136, 137, 154), "int"),
    },
    "KEY_INFO": {47: "bool", 45: "bool", 46: "int", 44: "text"},
    "LOCKER_INFO": {
        **dict.fromkeys((70, 72, 71), "int"),
        **dict.fromkeys((73, 74, 83, 81), "bool"),
        75: "bytes",
        80: "text",
        82: "bytes",
    },
    "DEVICE_STATUS": {**dict.fromkeys((143, 129, 124, 147), "int"), 155: "bool", 156: "text"},
    "PORT_STATUS": dict.fromkeys((103, 104, 76), "bool"),
    "KEYPAD_STATE": dict.fromkeys((140, 141, 142), "int"),
    "COUNTER_VALUE": dict.fromkeys((144, 145, 146), "int"),
}
IN_A_SESSION: Final = {22: "bytes", 25: "int"}


class Stopped(Exception):
    """The app stops: F-8."""


def has(fields: dict[int, Any], wanted: dict[int, str]) -> bool:
    """F-3: a number beyond 32 bits, or another kind, equals a missing field."""
    return all(_is(fields.get(number), kind) for number, kind in wanted.items())


def _is(value: Any, kind: str) -> bool:
    if kind == "int":
        return type(value) is int and -(2**31) <= value < 2**31
    return type(value) is KIND[kind]


def content(message: bytes) -> dict[int, Any] | None:
    """F-1: the size of the header comes from the length of the whole message. F-2: exactly one item, nothing after."""
    total = len(message)
    header = 1 if total < 24 else 2 if total < 256 else 3 if total < 65_536 else 5
    rest = BytesIO(message[header:])
    try:
        fields = cbor2.load(rest)
    except Exception:
        return None
    return fields if isinstance(fields, dict) and rest.read() == b"" else None


def view(message: bytes, awaited: str, keys: tuple[bytes, bytes] | None) -> str:
    """What the app is told. `keys`: encryption and authentication of its session, None without one. Raises Stopped."""
    outer = content(message)
    if outer is None:
        return "undecodable"
    if has(outer, {7: "bytes", 8: "bytes", 22: "bytes"}):
        return _wrapped(outer, awaited, keys)
    in_the_clear = awaited == "GRANT_SESSION"
    if has(outer, AWAITED[awaited] if in_the_clear else IN_A_SESSION | AWAITED[awaited]):
        return "ok"
    return f"session_error {outer[2]}" if has(outer, {5: "int", 2: "int"}) else "undecodable"  # F-9: tried last


def _wrapped(outer: dict[int, Any], awaited: str, keys: tuple[bytes, bytes] | None) -> str:
    """F-4: known by its fields, not by its type; F-7: neither session id nor number inside is compared."""
    if keys is None or len(outer[8]) < 33:
        raise Stopped
    encryption, authentication = keys
    mac = hmac.HMAC(authentication, hashes.SHA256())
    mac.update(outer[7])
    if mac.finalize() != outer[8][1:33]:
        return "undecodable"
    inner = cbor2.loads(Cipher(AES(encryption), CTR(outer[7][1:17])).decryptor().update(outer[7][17:]))
    if has(inner, IN_A_SESSION | AWAITED[awaited]):
        return f"ok sequence {inner[25]}"
    return f"error {inner[2]} sequence {inner[25]}" if has(inner, IN_A_SESSION | {2: "int"}) else "failed"


def sync_walk(first: int, count: int, pull: Callable[[int], tuple[int, int]]) -> list[int]:
    """8.1: the starts that it asks for. `pull`: what it is answered, start and count."""
    last, asked = first + count - 1, [first]
    while True:
        start, answered = pull(asked[-1])
        if asked[-1] >= last:
            return asked
        asked.append(start + answered)
