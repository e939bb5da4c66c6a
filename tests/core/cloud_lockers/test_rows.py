"""Every row of locker-states.md 4 is a test named by its number (the stories: `simulation.rows_of_…`)."""

import re

import pytest

import simulation.rows_of_calls
import simulation.rows_of_deliveries
import simulation.rows_of_operators
import simulation.rows_of_the_tower  # noqa: F401 - the stories register themselves
from openharbor.cloud.lockers import reports
from openharbor.cloud.lockers.facts import Forced
from simulation.invariants import ARROWS, STATES_FILE
from simulation.rows import CASES, Case
from simulation.scene import Scene


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[4].__name__}")
def test_row(case: Case) -> None:
    number, before, after, webhooks, story = case
    scene = Scene()
    steps = story(scene)
    next(steps)
    assert scene.status == before
    scene.told()
    scene.desk.rows.clear()
    assert next(steps, None) is None
    assert scene.status == after
    assert scene.told() == list(webhooks)
    if number not in ("A15", "B4"):
        assert number in scene.desk.rows


def documented() -> dict[str, list[str]]:
    """The rows of section 4: from, to, webhook, by number."""
    table = re.findall(r"^\| ([A-E]\d+) \|(.+)\|$", STATES_FILE.read_text(), re.MULTILINE)
    return {number: [cell.strip() for cell in cells.split("|")] for number, cells in table}


def test_every_row_of_the_document_has_a_story() -> None:
    assert {case[0] for case in CASES} == set(documented())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[4].__name__}")
def test_a_story_says_what_its_row_says(case: Case) -> None:
    number, before, after, webhooks, _ = case
    origin, _, _, to, told = documented()[number]
    assert before in origin or "any" in origin or (number == "B4" and before in origin)
    assert after in to or to in ("unchanged", "END: as A8", "END: as C5") or "unchanged" in to
    sources = {webhook.split("/")[1] for webhook in webhooks}
    assert all(source in told for source in sources) or told in ("as C5", "as E3")


def test_every_arrow_of_the_diagram_has_a_row() -> None:
    assert set(ARROWS) <= set(documented())


def test_an_event_of_an_unknown_locker_only_moves_the_frontier() -> None:
    scene = Scene()
    applied = reports.apply(
        scene.desk.tower,
        scene.desk.lockers,
        [Forced(event_id=1, at_s=scene.now_s, number=77)],
        now=scene.now,
    )
    assert applied.changes == ()
    assert applied.tower.next_event == 2
