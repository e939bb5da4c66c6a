"""Sources of identifiers. What needs one takes a source, so that a test can count instead."""

import secrets
from collections.abc import Callable

Source = Callable[[], str]


AT_ONCE = 256  # request ids; asking the system for each lets another thread run in the midst of every request
_ready: list[str] = []


def request_id() -> str:
    """Names one request in logs and answers: 16 hex digits."""
    if not _ready:
        digits = secrets.token_hex(8 * AT_ONCE)
        _ready.extend(digits[at : at + 16] for at in range(0, len(digits), 16))
    return _ready.pop()


def incident() -> str:
    """Names one defect in the log, so that a caller can report it: 8 hex digits."""
    return secrets.token_hex(4)


def secret() -> str:
    """256 random bits in URL-safe characters: an API key or a session token."""
    return secrets.token_urlsafe(32)
