"""Sources of identifiers. What needs one takes a source, so that a test can count instead."""

import secrets
from collections.abc import Callable

Source = Callable[[], str]


def request_id() -> str:
    """Names one request in logs and answers: 16 hex digits."""
    return secrets.token_hex(8)


def incident() -> str:
    """Names one defect in the log, so that a caller can report it: 8 hex digits."""
    return secrets.token_hex(4)


def secret() -> str:
    """256 random bits in URL-safe characters: an API key or a session token."""
    return secrets.token_urlsafe(32)
