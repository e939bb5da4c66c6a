"""Seals payloads, and takes a seal off: AES-128-CTR, then HMAC-SHA256 (blink-protocol.md 4.2, steps 1 to 4 of 4.3)."""

import hmac
from collections.abc import Mapping
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import CTR

from openharbor.blink import refusals
from openharbor.blink.keys import TowerKey
from openharbor.blink.refusals import Rejected

VERSION: Final = b"\x00"
IV_BYTES: Final = 16
AUTH_BYTES: Final = 33
LEAST_BYTES: Final = 18
PLAIN_AT: Final = 1 + IV_BYTES


class Sealed(NamedTuple):
    """What goes out: `payload` (#9) and `auth` (#10), the rotation and the MAC."""

    payload: bytes
    auth: bytes


def seal(key: TowerKey, plain: bytes, iv: bytes) -> Sealed:
    """Seals under `key`. `iv`: 16 bytes that never repeat under one key. Raises ValueError for another length."""
    payload = VERSION + iv + counter_mode(key, iv, plain)
    return Sealed(payload, bytes((key.rotation,)) + hmac.digest(key.authentication, payload, "sha256"))


def unseal(keys: Mapping[int, TowerKey], payload: bytes, auth: bytes, most_bytes: int) -> bytes:
    """The plain bytes. `keys` by rotation, without revoked ones; `most_bytes`: limit of the payload (2.5).

    Raises Rejected in the order of 4.3: 105 and 208, 203, 207 (before anything is decrypted), 106.
    """
    if len(auth) != AUTH_BYTES:
        raise Rejected(refusals.MSG_ITEM_LENGTH, f"payload_auth has {len(auth)} bytes and must have {AUTH_BYTES}")
    if len(payload) < LEAST_BYTES:
        raise Rejected(refusals.MSG_ITEM_LENGTH, f"payload has {len(payload)} bytes, and {LEAST_BYTES} at least")
    if len(payload) > most_bytes:
        raise Rejected(refusals.AUTH_SIZE, f"payload has {len(payload)} bytes, and may have {most_bytes}")
    key = keys.get(auth[0])
    if key is None:
        raise Rejected(refusals.AUTH_KEY_INVALID, f"rotation {auth[0]} is not in use", counts=True)
    if not hmac.compare_digest(auth[1:], hmac.digest(key.authentication, payload, "sha256")):
        raise Rejected(refusals.AUTH_SIGNATURE, "the MAC does not fit", counts=True)
    if payload[:1] != VERSION:
        raise Rejected(refusals.MSG_ITEM_VALUE, f"payload version is {payload[0]} and must be 0")
    return counter_mode(key, payload[1:PLAIN_AT], payload[PLAIN_AT:])


def counter_mode(key: TowerKey, iv: bytes, data: bytes) -> bytes:
    """Encrypts, or decrypts, with AES-128-CTR; `iv`: the first counter block, 16 bytes. Checks nothing."""
    # CTR has no last block to finish
    return Cipher(key.cipher, CTR(iv)).encryptor().update(data)
