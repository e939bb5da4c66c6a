"""Rules of lists in requests that a type cannot say, in the contract's words (sdk.yaml, 422)."""

from collections.abc import Sequence

from openharbor.cloud.sdk.messages import MOST_PACKETS
from openharbor.kit.errors import Refusal
from openharbor.kit.http.faults import field_fault


def unfit_packets(packets: Sequence[object]) -> Refusal | None:
    """422 for none, and for more than 100."""
    return _too_short(packets, ("body",)) or _too_long(packets, ("body",), MOST_PACKETS)


def unfit_claims(claims: Sequence[str]) -> Refusal | None:
    """422 for none, and for one that is given twice."""
    at = ("body", "claims")
    if len({*claims}) < len(claims):
        return field_fault(at, "List should have no item twice", "unique_items")
    return _too_short(claims, at)


def _too_short(items: Sequence[object], at: tuple[str, ...]) -> Refusal | None:
    if items:
        return None
    return field_fault(at, "List should have at least 1 item after validation, not 0", "too_short")


def _too_long(items: Sequence[object], at: tuple[str, ...], most: int) -> Refusal | None:
    if len(items) <= most:
        return None
    return field_fault(at, f"List should have at most {most} items after validation, not {len(items)}", "too_long")
