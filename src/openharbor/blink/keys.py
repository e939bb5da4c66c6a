"""Keys that are derived from a secret that two sides share (blink-protocol.md 4.1, 5.1)."""

from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

ROOT_BYTES = 32
ID_OF_KEY: Final = 1  # the only key of a tower (#40); it comes in rotations
LARGEST_ROTATION = 255


@dataclass(frozen=True, slots=True)
class TowerKey:
    """One rotation, ready for use. `rotation` 0 to 255 goes in front of the MAC. Shown without its keys."""

    rotation: int
    authentication: bytes = field(repr=False)
    encryption: bytes = field(repr=False)
    cipher: AES = field(repr=False, compare=False)


def derive(root: bytes, rotation: int) -> TowerKey:
    """The keys of a rotation from its root key of 32 bytes; of a session from its shared secret, with rotation 0.

    Raises ValueError for a rotation that is not 0 to 255.
    """
    if not 0 <= rotation <= LARGEST_ROTATION:
        raise ValueError(f"rotation is {rotation} and must be 0 to {LARGEST_ROTATION}")
    return key_of(rotation, _expand(root, b"authenticate", 32), _expand(root, b"encrypt", 16))


def key_of(rotation: int, authentication: bytes, encryption: bytes) -> TowerKey:
    """The keys of a rotation as they were derived before."""
    return TowerKey(rotation, authentication, encryption, AES(encryption))


def _expand(secret: bytes, label: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=label).derive(secret)
