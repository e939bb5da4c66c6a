"""What a session may ask for: the permission mask and its groups (blink-protocol.md 5.4)."""

from collections.abc import Iterable
from typing import Final

from openharbor.blink import refusals
from openharbor.blink.packets import (
    ALL_PERMISSIONS,
    DELIVERY,
    DEVELOPER,
    OWNER,
    OWNER_CLAIM,
    PICKUP,
    SYNC,
    TECHNICIAN,
    Command,
)
from openharbor.blink.refusals import Rejected

CLAIMS: Final = {
    "sync_packet": SYNC,
    "locker_pickup": PICKUP,
    "locker_delivery": DELIVERY,
    "owner": OWNER_CLAIM,
    "technician": TECHNICIAN,
    "developer": DEVELOPER,
}


def mask_of(claims: Iterable[str]) -> int:
    """The mask of the server's claims. Raises ValueError for one that is not among the six."""
    mask = 0
    for claim in claims:
        if claim not in CLAIMS:
            raise ValueError(f"{claim} is no claim; there are {', '.join(CLAIMS)}")
        mask |= CLAIMS[claim]
    return mask


def claims_of(mask: int) -> tuple[str, ...]:
    """The claims of a mask, lowest bit first; unknown bits are left out."""
    return tuple(claim for claim, bit in CLAIMS.items() if mask & bit)


def known_bits(mask: int) -> int:
    """The permissions of a session payload that this version knows (5.2)."""
    return mask & ALL_PERMISSIONS


def is_staff(mask: int) -> bool:
    """Whether it is an owner's session or more."""
    return bool(mask & OWNER)


def check_permission(mask: int, command: Command) -> None:
    """Step 13 of 6.2. Raises Rejected 204; always for what only the server may ask."""
    if not mask & command.who:
        raise Rejected(refusals.AUTH_PERMISSIONS, "this session may not send the command")
