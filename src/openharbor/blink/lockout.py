"""Counts authentication failures: when a link is cut, when new sessions are locked out (blink-protocol.md 6.4)."""

from typing import Final

import msgspec

LINK_FAILURES: Final = 5
MOST_FAILURES: Final = 20
WITHIN_S: Final = 300
FIRST_LOCKOUT_S: Final = 60
LONGEST_LOCKOUT_S: Final = 900
RELATED_S: Final = 3600


class Failures(msgspec.Struct, frozen=True):
    """The failures of all links. Times in seconds of a clock that never steps, such as uptime.

    `times`: the latest, oldest first. `until`: end of the last lock-out, `length` its seconds; 0: there was none.
    """

    times: tuple[int, ...] = ()
    until: int = 0
    length: int = 0


def locked_out(failures: Failures, now: int) -> bool:
    """Whether a session request is answered 505."""
    return failures.length > 0 and now < failures.until


def count(failures: Failures, now: int) -> tuple[Failures, int]:
    """After one failure more, and how long a lock-out that begins with it lasts; 0: none begins.

    What fails during a lock-out is not counted. A lock-out that begins within an hour of the last one's end lasts twice
    as long as that, up to 900 s.
    """
    if locked_out(failures, now):
        return failures, 0
    times = (*(one for one in failures.times if now - one < WITHIN_S), now)
    if len(times) < MOST_FAILURES:
        return Failures(times, failures.until, failures.length), 0
    related = failures.length > 0 and now - failures.until <= RELATED_S
    length = min(2 * failures.length, LONGEST_LOCKOUT_S) if related else FIRST_LOCKOUT_S
    return Failures((), now + length, length), length


def cuts_link(on_this_link: int) -> bool:
    """Whether the link is cut after the answer. `on_this_link`: its failures, the present one included."""
    return on_this_link >= LINK_FAILURES
