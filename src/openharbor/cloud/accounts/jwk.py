"""Public keys as JSON Web Keys (accounts.yaml, Jwk): written for others, read from another issuer."""

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from openharbor.cloud.accounts.jws import Malformed, PublicKey, base64url, from_base64url

SMALLEST_RSA, LARGEST_RSA = 2048, 8192  # bits
LONGEST_KID = 256


def to_jwk(kid: str, key: PublicKey) -> dict[str, str]:
    """The key for a JSON Web Key Set."""
    if isinstance(key, Ed25519PublicKey):
        x = base64url(key.public_bytes_raw())
        return {"kty": "OKP", "kid": kid, "use": "sig", "alg": "EdDSA", "crv": "Ed25519", "x": x}
    numbers = key.public_numbers()
    n, e = base64url(_bytes(numbers.n)), base64url(_bytes(numbers.e))
    return {"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": n, "e": e}


def from_jwk(jwk: Mapping[str, Any]) -> tuple[str, PublicKey] | None:
    """The name and the key; None for keys of other kinds, or for other uses. Raises Malformed for a broken one."""
    kid = jwk.get("kid")
    if not isinstance(kid, str) or not 1 <= len(kid) <= LONGEST_KID or jwk.get("use", "sig") != "sig":
        return None
    kind = (jwk.get("kty"), jwk.get("crv"))
    if kind == ("OKP", "Ed25519") and jwk.get("alg", "EdDSA") == "EdDSA":
        return kid, _ed25519(jwk)
    if kind[0] == "RSA" and jwk.get("alg", "RS256") == "RS256":
        return kid, _rsa(jwk)
    return None


def _ed25519(jwk: Mapping[str, Any]) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(_field(jwk, "x"))
    except ValueError:
        raise Malformed("has an Ed25519 key that is none") from None


def _rsa(jwk: Mapping[str, Any]) -> RSAPublicKey:
    n, e = (int.from_bytes(_field(jwk, name), "big") for name in ("n", "e"))
    if not SMALLEST_RSA <= n.bit_length() <= LARGEST_RSA:
        raise Malformed(f"has an RSA key that is not of {SMALLEST_RSA} to {LARGEST_RSA} bits")
    try:
        return RSAPublicNumbers(e, n).public_key()
    except ValueError:
        raise Malformed("has an RSA key that is none") from None


def _field(jwk: Mapping[str, Any], name: str) -> bytes:
    text = jwk.get(name)
    if not isinstance(text, str):
        raise Malformed(f"has a key without {name}")
    return from_base64url(text)


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
