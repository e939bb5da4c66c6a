"""When a delivery is attempted again, and when it is given up (webhooks.md 6)."""

from typing import Literal

import msgspec

from openharbor.kit.webhooks import WAITS_S, next_attempt_at

DeliveryStatus = Literal["pending", "delivered", "dead"]

MOST_ATTEMPTS = len(WAITS_S) + 1
GONE = 410


class Decision(msgspec.Struct, frozen=True):
    """What becomes of a delivery. `next_attempt_at`: ms since 1970, None when it is finished."""

    status: DeliveryStatus
    next_attempt_at: int | None
    disables_endpoint: bool = False


DELIVERED = Decision("delivered", None)


def succeeded(response_status: int | None) -> bool:
    """200 to 299. None: there was no answer."""
    return response_status is not None and 200 <= response_status <= 299


def decide(response_status: int | None, failed_before: int, now: int) -> Decision:
    """After an attempt that ended at `now` (ms since 1970), with so many failed ones of this round before it."""
    if succeeded(response_status):
        return DELIVERED
    gone = response_status == GONE
    again = next_attempt_at(failed_before + 1, now)
    return Decision("dead" if again is None else "pending", again, gone)
