"""When a delivery is attempted again: the table of webhooks.md 6."""

import re
from pathlib import Path

import pytest

from openharbor.cloud.webhooks.retry_policy import DELIVERED, MOST_ATTEMPTS, Decision, decide

CONTRACT = (Path(__file__).parents[3] / "contract" / "webhooks.md").read_text()
UNITS = {"s": 1, "min": 60, "h": 3600}
TABLE = [
    (int(number), int(wait) * UNITS[unit])
    for number, wait, unit in re.findall(r"^\| (\d) \| (\d+) (s|min|h) \|", CONTRACT, re.MULTILINE)
]
NOW = 1_763_892_000_000


def test_the_table_has_eight_attempts() -> None:
    assert [number for number, _ in TABLE] == list(range(1, MOST_ATTEMPTS + 1))


@pytest.mark.parametrize(("number", "wait_s"), TABLE[1:])
@pytest.mark.parametrize("status", [None, 101, 199, 300, 302, 404, 500, 503])
def test_the_next_attempt_waits_as_long_as_the_table_says(number: int, wait_s: int, status: int | None) -> None:
    assert decide(status, number - 2, NOW) == Decision("pending", NOW + wait_s * 1000)


@pytest.mark.parametrize("status", [None, 302, 500])
def test_after_the_eighth_failure_it_is_dead(status: int | None) -> None:
    assert decide(status, 7, NOW) == Decision("dead", None)


@pytest.mark.parametrize("failed_before", [0, 7])
@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_any_2xx_delivers_it(status: int, failed_before: int) -> None:
    assert decide(status, failed_before, NOW) == DELIVERED


def test_410_disables_the_endpoint_and_is_a_failure_like_any_other() -> None:
    assert decide(410, 0, NOW) == Decision("pending", NOW + 5000, disables_endpoint=True)
    assert decide(410, 7, NOW) == Decision("dead", None, disables_endpoint=True)
