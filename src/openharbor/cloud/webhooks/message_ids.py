"""The id of one event to one endpoint, which stays the same over every attempt (webhooks.md 1)."""

from collections.abc import Callable

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def message_id(now: int, random: Callable[[int], bytes]) -> str:
    """A `webhook-id`: `msg_` and a ULID of `now` (ms since 1970) and 80 random bits."""
    number = int.from_bytes(now.to_bytes(6) + random(10))
    return "msg_" + "".join(CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
