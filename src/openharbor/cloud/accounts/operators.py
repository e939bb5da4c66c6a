"""People who sign in to the console: an e-mail address and a password, kept by argon2."""

import re

from openharbor.cloud import audit
from openharbor.cloud.accounts import store
from openharbor.cloud.scope import TenantScope
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Failed

EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f]{1,64}@[^\s@\x00-\x1f\x7f]{1,190}")
SHORTEST, LONGEST = 12, 256


def checked_email(text: str) -> str:
    """The address in lower case. Raises Failed."""
    email = text.strip().lower()
    if not is_email(email):
        raise Failed(f"{text[:100]!r} is no e-mail address", 2)
    return email


def is_email(text: str) -> bool:
    """Whether an operator may have this address."""
    return EMAIL.fullmatch(text) is not None


def hash_password(password: str) -> str:
    """How a password is stored; takes a quarter of a second. Raises Failed for one of the wrong length."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Failed(f"A password must be {SHORTEST} to {LONGEST} characters", 2)
    from argon2 import PasswordHasher

    return PasswordHasher().hash(password)


def is_password(password_hash: str, password: str) -> bool:
    """Whether this is the password; takes a quarter of a second."""
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return PasswordHasher().verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def create_operator(scope: TenantScope, tx: Transaction, email: str, password_hash: str, actor: str, now: int) -> None:
    """Stores an operator. Raises Failed when there is one with this address."""
    if store.find_operator(scope, tx, email) is not None:
        raise Failed(f"An operator {email} exists already")
    store.add_operator(scope, tx, email, password_hash, now)
    audit.note(scope, tx, at=now, actor=actor, action="operator.create", outcome="done", details={"email": email})
