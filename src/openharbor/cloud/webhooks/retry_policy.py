"""When a delivery is attempted again, and when it is given up (webhooks.md 6)."""

from typing import Literal

import msgspec

DeliveryStatus = Literal["pending", "delivered", "dead"]

WAITS_S = (5, 300, 1800, 7200, 18_000, 36_000, 36_000)  # before attempts 2 to 8
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
    if failed_before + 1 >= MOST_ATTEMPTS:
        return Decision("dead", None, gone)
    return Decision("pending", now + WAITS_S[failed_before] * 1000, gone)
