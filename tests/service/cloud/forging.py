"""Access tokens made by hand, good ones and bad ones, without the code that makes and reads them in the cloud."""

import base64
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

from harness.api import Api
from harness.clouds import Cloud, token
from openharbor.cloud.master_key import load_vault

from .rows import rows

HOUR_S = 3600


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(frozen=True)
class Mint:
    """The signing key of a running cloud, and the header and claims of a token that it made."""

    private: Ed25519PrivateKey
    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    now_s: int = field(default_factory=lambda: int(time.time()))

    def made(self, header: Mapping[str, Any] | None = None, **claims: object) -> str:
        """Signed with the key; claims that are None are left out."""
        said = {name: value for name, value in {**self.claims, **claims}.items() if value is not None}
        signed = f"{_json({**self.header, **(header or {})})}.{_json(said)}"
        return f"{signed}.{encoded(self.private.sign(signed.encode()))}"

    def unsigned(self, alg: str) -> str:
        return f"{_json({**self.header, 'alg': alg})}.{_json(self.claims)}."

    def keyed_with_what_is_public(self, secret: bytes) -> str:
        """HS256 with a secret that everybody has."""
        signed = f"{_json({**self.header, 'alg': 'HS256'})}.{_json(self.claims)}"
        return f"{signed}.{encoded(hmac.digest(secret, signed.encode(), 'sha256'))}"

    def public_forms(self, jwk: Mapping[str, Any]) -> list[bytes]:
        """The public key as a secret for HS256: every form that somebody may have taken for one."""
        key = self.private.public_key()
        return [
            key.public_bytes(Encoding.Raw, PublicFormat.Raw),
            key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            str(jwk["x"]).encode(),
            json.dumps(jwk).encode(),
        ]


def mint_of(running: Cloud) -> Mint:
    """Takes the key out of the database, with its master key."""
    ((sealed, _),) = rows(running.database.url, "SELECT sealed_private, kid FROM signing_keys")
    private = load_der_private_key(load_vault(running.database.master_key_file).open(sealed), None)
    assert isinstance(private, Ed25519PrivateKey)
    header, claims, _ = token(running.url, running.database.acme).split(".")
    return Mint(private, json.loads(decoded(header)), json.loads(decoded(claims)))


def jwks(running: Cloud) -> list[dict[str, Any]]:
    reply = Api(running.url).get("/realms/harbor/protocol/openid-connect/certs")
    keys: list[dict[str, Any]] = reply.body["keys"]
    return keys


def _json(value: Mapping[str, Any]) -> str:
    return encoded(json.dumps(value).encode())
