"""Refusals: why something was not done, as a value and as an exception."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

WRONG_USAGE: Final = 2  # exit codes (cli.md)
REFUSED: Final = 3  # by the other side: door, tower, server
NOT_REACHABLE: Final = 4

NO_DETAILS: Mapping[str, str] = MappingProxyType({})


class FieldFault(msgspec.Struct, frozen=True):
    """What is wrong with one field: where, from the outside in ("body", "duration"), a text for people, a kind."""

    loc: tuple[str | int, ...]
    msg: str
    type: str


class Refusal(msgspec.Struct, frozen=True):
    """Why something was not done. A decision returns it; `kit.http` renders it as the error body.

    `code` is the contract's error code, `status` its HTTP status, `details` further facts by name
    (the field at fault and its limit), `retry_after` seconds for the `Retry-After` header. `faults`: field by field,
    for contracts that list them.
    """

    code: str
    status: int
    message: str
    details: Mapping[str, str] = NO_DETAILS
    retry_after: int | None = None
    faults: tuple[FieldFault, ...] = ()


class Refused(Exception):
    """Carries a refusal up to the edge where nothing in between can use it as a value."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class StorageUnavailable(Exception):
    """The database cannot be written: nothing was changed. Raised by `Database.write`."""


class Closed(Exception):
    """The part was closed and takes no more work."""


class Failed(Exception):
    """A command could not do its work: one line that says what, why and what to do. Exit codes as in cli.md."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
