"""Secrets in what is logged: known by the name of their field, or by how they look; neither leaves the process."""

import re
from collections.abc import Mapping

MASK = "***"
DEEPEST = 6
SECRET_WORDS = frozenset(
    {"key", "keys", "apikey", "secret", "secrets", "token", "tokens", "password", "passwords", "passphrase"}
    | {"authorization", "cookie", "credential", "credentials", "pin"}
)
WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
SIGNED_TEXT = r"\beyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)+"  # a JSON object, a dot, its signature: tokens, links
SECRET_TEXT = re.compile(rf"(ohgw_|whsec_|[Bb]earer +|[Bb]asic +)[A-Za-z0-9._~+/=-]{{6,}}|{SIGNED_TEXT}")


def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds a secret: `api_key`, `X-API-Key`, `sessionToken`; not `key_id`."""
    words = WORDS.findall(name)
    return bool(words) and words[-1].lower() in SECRET_WORDS


def mask_text(text: str) -> str:
    """The text with everything that looks like an API key or a credential blotted out."""
    return SECRET_TEXT.sub(rf"\1{MASK}", text)


def mask(value: object, depth: int = 0) -> object:
    """The value with every secret in it replaced; what is nested deeper than 6 levels is left out."""
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, Mapping):
        if depth >= DEEPEST:
            return MASK
        return {str(name): mask_field(str(name), one, depth + 1) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return MASK if depth >= DEEPEST else [mask(one, depth + 1) for one in value]
    return value


def mask_field(name: str, value: object, depth: int = 0) -> object:
    """A named value; None and booleans tell nothing and stay."""
    if is_secret_name(name) and value is not None and not isinstance(value, bool):
        return MASK
    return mask(value, depth)
