"""Times on the wire: RFC 3339 in UTC with three decimals and `Z`; any offset coming in."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openharbor.kit.http.timestamps import parse_rfc3339, rfc3339

FIRST = int(datetime(1, 1, 1, tzinfo=UTC).timestamp() * 1000)
LAST = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (1_772_471_102_117, "2026-03-02T17:05:02.117Z"),
        (1_772_471_102_000, "2026-03-02T17:05:02.000Z"),
        (FIRST, "0001-01-01T00:00:00.000Z"),
        (LAST, "9999-12-31T23:59:59.000Z"),
    ],
)
def test_a_time_has_three_decimals_and_a_z(ms: int, text: str) -> None:
    assert rfc3339(ms) == text


@given(st.lists(st.integers(FIRST, LAST), min_size=1, max_size=5))
def test_what_is_written_is_read_back_in_any_order(moments: list[int]) -> None:
    assert [parse_rfc3339(rfc3339(ms)) for ms in moments] == moments


@given(st.integers(0, LAST // 2), st.integers(-1439, 1439))
def test_every_offset_means_the_same_moment(ms: int, minutes: int) -> None:
    local = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms, minutes=minutes)
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    text = f"{local.replace(tzinfo=None).isoformat(timespec='milliseconds')}{sign}{hours:02d}:{rest:02d}"
    assert parse_rfc3339(text) == ms


@pytest.mark.parametrize(
    "text", ["", "now", "2026-03-02", "2026-03-02T17:05:02", "2026-03-02T17:05Z", "2026-02-30T00:00:00Z", "1772471102"]
)
def test_other_texts_are_refused_with_the_rule(text: str) -> None:
    with pytest.raises(ValueError, match="must be an RFC 3339 date and time with its offset"):
        parse_rfc3339(text)


def test_half_a_millisecond_is_rounded_down() -> None:
    assert parse_rfc3339("1970-01-01T00:00:00.0019Z") == 1
    assert parse_rfc3339("1969-12-31t23:59:59.9999z") == -1
