"""Session tokens: REQUEST_SESSION_PAYLOAD [201] for a tower, and its seed for the phone (blink-protocol.md 13.1)."""

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec

from openharbor.blink.payloads import SessionPayload, encode_session
from openharbor.blink.permissions import mask_of
from openharbor.blink.sealing import Sealed, seal
from openharbor.cloud import audit
from openharbor.cloud.master_key import Vault
from openharbor.cloud.scope import INSTALLATION, TenantScope
from openharbor.cloud.sdk.access import Asker, Entered, enter, granted
from openharbor.cloud.towers.keys import sealing_key
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Refusal

ACTION: Final = "create_session_token"
SHORTEST_S, LONGEST_S = 60, 86_280
LONGER_S: Final = 120  # the phone uses the payload for the whole duration that it asked for
SEED_BYTES: Final = 32
CLIENT_ID_BYTES: Final = 16


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """`duration_s` 1 to 86,400. `now`: ms since 1970. `seed`: 32 random bytes, `iv`: 16."""

    tower_id: str
    duration_s: int
    claims: Sequence[str]
    now: int
    seed: bytes
    iv: bytes

    def __repr__(self) -> str:
        return f"Request({self.tower_id!r}, duration_s={self.duration_s}, claims={self.claims!r})"


class Minted(msgspec.Struct, frozen=True):
    """A session token: `sealed` for the tower, `seed` for the phone. `expires`: seconds since 1970, as sealed."""

    tower_id: str
    sealed: Sealed
    seed: bytes
    expires: int

    def __repr__(self) -> str:
        return f"Minted({self.tower_id!r}, expires={self.expires})"


def client_id_of(subject: str, user_id: str | None) -> bytes:
    """Who is speaking, as the tower's events say it (#27): 16 bytes, always the same for the same end user."""
    return hashlib.sha256(subject.encode() + b"\0" + (user_id or "").encode()).digest()[:CLIENT_ID_BYTES]


def session_payload(
    *, tower_id: str, duration_s: int, claims: Sequence[str], client_id: bytes, seed: bytes, now: int
) -> SessionPayload:
    """What is sealed: expires = issued + duration, raised to 60 and cut to 86,280 s, + 120. `now`: ms since 1970."""
    issued = now // 1000
    return SessionPayload(
        issued=issued,
        expires=issued + min(max(duration_s, SHORTEST_S), LONGEST_S) + LONGER_S,
        tower_id=bytes.fromhex(tower_id),
        permissions=mask_of(claims),
        client_id=client_id,
        seed=seed,
    )


def mint(scope: TenantScope, tx: Transaction, asker: Asker, request: Request, vault: Vault) -> Minted | Refusal:
    """A session token, sealed with the newest rotation that the tower has confirmed. 403, 404 as `access.enter`."""
    entered = enter(scope, tx, asker, request.tower_id)
    if isinstance(entered, Refusal):
        _note(scope, tx, asker, request, entered.message, {"asked": list(request.claims)})
        return entered
    claims = granted(request.claims, entered.claims)
    client_id = client_id_of(asker.subject, asker.user_id)
    payload = session_payload(
        tower_id=request.tower_id,
        duration_s=request.duration_s,
        claims=claims,
        client_id=client_id,
        seed=request.seed,
        now=request.now,
    )
    details = {"claims": list(claims), "expires": payload.expires, "client": client_id.hex()}
    _note(scope, tx, asker, request, "done", details)
    return Minted(request.tower_id, _sealed(tx, entered, payload, request.iv, vault), request.seed, payload.expires)


def _sealed(tx: Transaction, entered: Entered, payload: SessionPayload, iv: bytes, vault: Vault) -> Sealed:
    tower = entered.tower
    if tower.rotation is None:
        raise ValueError("nobody enters a tower that is not provisioned")
    return seal(sealing_key(INSTALLATION, tx, vault, tower.tower_id, tower.rotation), encode_session(payload), iv)


def _note(
    scope: TenantScope, tx: Transaction, asker: Asker, request: Request, outcome: str, details: dict[str, object]
) -> None:
    whose = {} if asker.user_id is None else {"user": asker.user_id}
    audit.note(
        scope,
        tx,
        at=request.now,
        actor=asker.actor,
        action=ACTION,
        outcome=outcome,
        tower_id=request.tower_id,
        details={**whose, **details},
    )
