"""What a token may be good for, and how lists of it are written (accounts.yaml, ScopeList)."""

import re
from collections.abc import Iterable

SERVICE_PROVIDER = "service_provider"
TOWER_ACCESS = "tower_access"
SCOPES = (SERVICE_PROVIDER, TOWER_ACCESS)

LIST = re.compile(r"(service_provider|tower_access)( (service_provider|tower_access))*")


def is_scope_list(text: str) -> bool:
    """Whether this is known scopes separated by single spaces."""
    return LIST.fullmatch(text) is not None


def scope_list(scopes: Iterable[str]) -> str:
    """The known ones of these scopes, each once, in a fixed order."""
    given = frozenset(scopes)
    return " ".join(scope for scope in SCOPES if scope in given)


def unknown_scopes(asked: Iterable[str], has: frozenset[str]) -> tuple[str, ...]:
    """Those asked for that are not in `has`, in the order asked."""
    return tuple(scope for scope in asked if scope not in has)
