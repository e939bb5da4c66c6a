"""Signed tokens as text (RFC 7515, compact form): strictly one text for one token, and the algorithm is the key's.

Plain `cryptography`: joserfc warns at each use of the name EdDSA (RFC 9864), which the contract fixes.
"""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

Algorithm = Literal["EdDSA", "RS256"]
PrivateKey = Ed25519PrivateKey | RSAPrivateKey
PublicKey = Ed25519PublicKey | RSAPublicKey

LONGEST = 8192  # of other issuers' tokens; ours have about 500 characters
MOST_HEADER_FIELDS = 16


class Malformed(Exception):
    """The text is no signed token that could be looked at; says why, without quoting it."""


class Signed:
    """A token taken apart, not yet verified. `signed` is what the signature covers."""

    __slots__ = ("header", "payload", "signature", "signed")

    def __init__(self, header: Mapping[str, Any], payload: bytes, signature: bytes, signed: bytes) -> None:
        self.header, self.payload, self.signature, self.signed = header, payload, signature, signed


def base64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515, 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """The bytes of this text, if it is the one that they are written as. Raises Malformed.

    Of four characters only some bits count at the end: a text that differs in the others is not the one we signed.
    """
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise Malformed("is not base64url") from None
    if base64url(data) != text:
        raise Malformed("is not base64url in its one form")
    return data


def sign(header: Mapping[str, object], claims: Mapping[str, object], key: PrivateKey) -> str:
    """A signed token; `header` names the key and its algorithm."""
    signed = f"{base64url(_json(header))}.{base64url(_json(claims))}"
    return f"{signed}.{base64url(signature_of(key, signed.encode('ascii')))}"


def take_apart(text: str) -> Signed:
    """Header, payload and signature of a token. Raises Malformed. Nothing in it is to be believed yet."""
    if len(text) > LONGEST:
        raise Malformed(f"is longer than {LONGEST} characters")
    parts = text.split(".")
    if len(parts) != 3 or not text.isascii():
        raise Malformed("does not have three parts")
    header = json_object(from_base64url(parts[0]))
    if len(header) > MOST_HEADER_FIELDS or "crit" in header:
        raise Malformed("has a header that is not understood")
    return Signed(header, from_base64url(parts[1]), from_base64url(parts[2]), f"{parts[0]}.{parts[1]}".encode("ascii"))


def json_object(data: bytes) -> dict[str, Any]:
    """A JSON object in which no name stands twice. Raises Malformed."""
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise Malformed("is not JSON") from None
    if not isinstance(value, dict):
        raise Malformed("is not a JSON object")
    return value


def signature_of(key: PrivateKey, data: bytes) -> bytes:
    """Ed25519, or RSA with PKCS #1 v1.5 and SHA-256 (RFC 7518, 3.3)."""
    return key.sign(data) if isinstance(key, Ed25519PrivateKey) else key.sign(data, PKCS1v15(), SHA256())


def is_signed_by(key: PublicKey, signature: bytes, data: bytes) -> bool:
    """Whether this is the key's signature over the data."""
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(signature, data)
        else:
            key.verify(signature, data, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def algorithm_of(key: PrivateKey | PublicKey) -> Algorithm:
    """The one algorithm that a key is used with."""
    return "EdDSA" if isinstance(key, Ed25519PrivateKey | Ed25519PublicKey) else "RS256"


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found
