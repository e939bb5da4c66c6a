"""Ten failures of a client at an address, or a hundred of an address, within five minutes (accounts.yaml, 429)."""

from hypothesis import given
from hypothesis import strategies as st

from openharbor.cloud.accounts.failures import FailureCounter, FailureLimits, wait_after, with_failure

HOME, ELSEWHERE = "203.0.113.7", "203.0.113.8"


def test_the_tenth_failure_of_a_client_at_an_address_makes_it_wait() -> None:
    counter = FailureCounter()
    for second in range(9):
        counter.add("acme", HOME, float(second))
    assert counter.wait("acme", HOME, 9.0) is None
    counter.add("acme", HOME, 9.0)
    assert counter.wait("acme", HOME, 9.0) == 291


def test_it_waits_until_the_first_of_the_ten_is_five_minutes_old() -> None:
    counter = FailureCounter()
    for second in range(10):
        counter.add("acme", HOME, float(second))
    assert counter.wait("acme", HOME, 299.9) == 1
    assert counter.wait("acme", HOME, 300.0) is None
    counter.add("acme", HOME, 300.0)
    assert counter.wait("acme", HOME, 300.5) == 1


def test_a_client_is_not_locked_at_another_address_nor_another_client_at_this_one() -> None:
    counter = FailureCounter()
    for _ in range(10):
        counter.add("acme", HOME, 0.0)
    assert counter.wait("acme", ELSEWHERE, 0.0) is None
    assert counter.wait("library", HOME, 0.0) is None


def test_the_hundredth_failure_of_an_address_makes_every_client_wait_there() -> None:
    counter = FailureCounter()
    for number in range(100):
        assert counter.wait("acme", HOME, 0.0) is None
        counter.add(f"guess-{number}", HOME, 0.0)
    assert counter.wait("acme", HOME, 0.0) == 300
    assert counter.wait("acme", ELSEWHERE, 0.0) is None


def test_an_ipv6_network_is_one_address() -> None:
    counter = FailureCounter()
    for number in range(10):
        counter.add("acme", f"2001:db8::{number}", 0.0)
    assert counter.wait("acme", "2001:db8::ffff", 0.0) == 300
    assert counter.wait("acme", "2001:db8:0:1::1", 0.0) is None


def test_it_remembers_a_bounded_number_of_callers_the_latest() -> None:
    counter = FailureCounter(FailureLimits(of_client=1, clients=3, addresses=2))
    for number in range(100):
        counter.add(f"client-{number}", f"198.51.100.{number}", 0.0)
    assert len(counter) == 5
    assert counter.wait("client-99", "198.51.100.99", 0.0) == 300
    assert counter.wait("client-0", "198.51.100.0", 0.0) is None


@given(st.lists(st.integers(0, 1000), max_size=40).map(sorted), st.integers(0, 400), st.integers(1, 12))
def test_the_wait_is_exactly_until_fewer_than_the_limit_lie_in_the_window(
    times: list[int], later: int, limit: int
) -> None:
    kept: tuple[float, ...] = ()
    for time in times:
        kept = with_failure(kept, float(time), limit)
    now = (times[-1] if times else 0) + later
    assert len(kept) <= limit
    in_window = [time for time in times if time > now - 300]
    wait = wait_after(kept, float(now), limit)
    assert (wait is not None) == (len(in_window) >= limit)
    if wait is not None:
        assert len([time for time in times if time > now + wait - 300]) < limit
        assert wait == 1 or len([time for time in times if time > now + wait - 1 - 300]) >= limit
