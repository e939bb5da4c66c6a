"""Each threat of blink-protocol.md 16 has a test that bears its number."""

import re
from pathlib import Path

HERE = Path(__file__).parent


def test_every_number_from_1_to_21_has_its_test() -> None:
    numbered = {
        int(number)
        for path in HERE.glob("test_*.py")
        for line in (path.name, *re.findall(r"def (test_\w+)", path.read_text()))
        for number in re.findall(r"_t(\d\d)(?=_)", line)
    }
    assert numbered == set(range(1, 22))
