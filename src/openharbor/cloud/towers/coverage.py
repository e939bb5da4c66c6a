"""Which event ids a tower's batches have covered behind a gap (blink-protocol.md 4.7, 8.6). Ranges: (first id, count).

Ids of events that the tower had to drop are covered like those of kept ones, so events alone do not tell.
"""

from collections.abc import Iterable

Range = tuple[int, int]


def waiting(ranges: Iterable[Range], next_event: int) -> tuple[Range, ...]:
    """The ranges that lie beyond the frontier, joined where they touch. `next_event`: the first id that is missing."""
    joined: list[Range] = []
    for first, count in sorted(ranges):
        end = first + count
        if count == 0 or end <= next_event:
            continue
        if joined and first <= sum(joined[-1]):
            start = joined[-1][0]
            joined[-1] = (start, max(sum(joined[-1]), end) - start)
        else:
            joined.append((first, count))
    return tuple(joined)


def end_of(ranges: Iterable[Range], next_event: int) -> int:
    """The first id after everything that was covered."""
    return max((first + count for first, count in ranges), default=next_event)
