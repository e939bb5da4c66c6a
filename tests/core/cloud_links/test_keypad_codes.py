"""Keypad codes: six digits, never one that another locker of the tower has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openharbor.cloud.links.keypad_codes import make_code


@given(st.binary(min_size=8, max_size=16), st.sets(st.integers(0, 999_999), max_size=50))
def test_a_code_has_six_digits_and_is_not_taken(randomness: bytes, taken: set[int]) -> None:
    codes = {f"{number:06d}" for number in taken}
    code = make_code(randomness, codes)
    assert len(code) == 6
    assert code.isdigit()
    assert code not in codes


def test_the_randomness_decides_and_what_is_taken_is_stepped_over() -> None:
    assert make_code((482_913).to_bytes(8, "big"), {"482913", "482914"}) == "482915"
    assert make_code((999_999).to_bytes(8, "big"), {"999999"}) == "000000"


def test_when_every_code_is_taken_there_is_none() -> None:
    with pytest.raises(ValueError, match="all 1000000 keypad codes"):
        make_code(bytes(8), {f"{number:06d}" for number in range(1_000_000)})
