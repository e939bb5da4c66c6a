"""How often one caller may ask, with the time passed in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openharbor.kit.http.limits import Limits, RateLimiter, Window, caller_of, count_request

MINUTE = 60.0


def asked(times: list[float], limit: int) -> list[float]:
    """When requests at these times were let through."""
    window: Window | None = None
    through = []
    for now in times:
        counted = count_request(window, now, limit)
        if isinstance(counted, Window):
            window = counted
            through.append(now)
    return through


@given(st.lists(st.floats(0, 300), min_size=1, max_size=200).map(sorted), st.integers(1, 20))
def test_never_more_than_twice_the_limit_and_never_less_than_the_limit_in_a_minute(
    times: list[float], limit: int
) -> None:
    through = asked(times, limit)
    assert through[:limit] == times[:limit]
    for start in through:
        assert len([at for at in through if start <= at < start + MINUTE]) <= 2 * limit


@given(st.integers(2, 1200))
def test_a_steady_caller_at_the_limit_is_never_refused(limit: int) -> None:
    times = [number * MINUTE / limit for number in range(3 * limit)]
    assert len(asked(times, limit)) >= len(times) - 2


@given(st.lists(st.floats(0, 60), min_size=1, max_size=60).map(sorted), st.integers(1, 5))
def test_after_the_time_that_is_told_a_request_goes_through(times: list[float], limit: int) -> None:
    window: Window | None = None
    for now in times:
        counted = count_request(window, now, limit)
        if isinstance(counted, Window):
            window = counted
        else:
            assert 0 <= counted <= MINUTE
            assert isinstance(count_request(window, now + counted + 0.001, limit), Window)


def test_a_burst_of_the_whole_limit_waits_for_the_next_minute() -> None:
    limiter = RateLimiter(Limits(requests_per_minute=1200))
    assert [limiter.refuse("kiosk", 0.0) for _ in range(1200)] == [None] * 1200
    refusal = limiter.refuse("kiosk", 0.5)
    assert refusal is not None
    assert (refusal.status, refusal.code, refusal.retry_after) == (429, "RATE_LIMITED", 60)
    assert refusal.details == {"limitPerMinute": "1200"}
    assert limiter.refuse("till", 0.5) is None


def test_only_so_many_callers_are_remembered_those_not_seen_for_longest_are_forgotten() -> None:
    limiter = RateLimiter(Limits(requests_per_minute=1, callers=3))
    for caller in ("a", "b", "c"):
        assert limiter.refuse(caller, 0.0) is None
    assert limiter.refuse("d", 1.0) is None  # "a" goes
    assert limiter.refuse("b", 1.0) is not None
    assert limiter.refuse("a", 1.0) is None
    assert len(limiter) == 3


@pytest.mark.parametrize(
    ("address", "caller"),
    [
        ("127.0.0.1", None),
        ("127.8.8.8", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
        ("::ffff:10.0.0.9", "10.0.0.9"),
        ("10.0.0.9", "10.0.0.9"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_who_an_address_counts_as(address: str, caller: str | None) -> None:
    assert caller_of(address) == caller
