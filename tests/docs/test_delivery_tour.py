"""The shop's tour of the README and its parcel run as they stand there, by plain commands; the answers are right."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from docs.prompt import DEFINES, Prompt, parts
from harness.pages import ROOT

pytestmark = pytest.mark.slow

README = ROOT / "README.md"


def test_the_shop_s_tour_of_the_readme_runs_as_told(tmp_path: Path) -> None:
    starts, script = parts(README, "delivery")
    with ExitStack() as services:
        prompt = Prompt(tmp_path, services)
        prompt.start(*starts)
        answers = prompt.type(*script)
    reserved, token, assigned, released, types, free, drawn, link = answers
    assert reserved["duration"] == 300
    assert reserved["locker"]["status"] == {"name": "reserved", "id": 2}
    assert set(token) == {"id", "tower_id", "locker", "payload_auth", "payload", "expires"}
    assert token["locker"]["status"]["name"] == "rented"
    assert [one["assignment"]["clientInfo"] for one in assigned] == ["order-1042"]
    assert released["status"]["name"] == "declined"
    assert [one["id"] for one in types] == [1, 2, 3]
    assert free["lockerAvailability"]["totalLockers"] == 16
    assert set(drawn) == {*token, "sdk_access_token"}
    assert (link["kind"], link["status"], link["clientInfo"]) == ("dropoff", "pending", "order-1057")
    assert link["lockerId"] == drawn["locker"]["id"]


def test_a_parcel_goes_through_the_tower_of_the_readme_as_told(tmp_path: Path) -> None:
    (shop, definitions), (tower, script) = parts(README, "delivery"), parts(README, "parcel")
    with ExitStack() as services:
        prompt = Prompt(tmp_path, services)
        prompt.start(*shop, *tower)
        seen = prompt.type(*(one for one in definitions if DEFINES.match(one)), *script)
    reserved, opened, before, shut, after, synced, ended, occupied, again, shut_again, *_, available = seen
    assert reserved["locker"]["status"]["name"] == "reserved"
    assert opened == again == "locker 1 is open"
    assert f"`{opened}`" in README.read_text()
    assert (before, after) == ("open", "shut")
    assert [one["door"] for one in (shut, shut_again)] == ["closed", "closed"]
    assert [one["pulses"] for one in (shut, shut_again)] == [1, 2]
    assert synced.startswith("synced: ")
    assert ended == "the session has ended"
    assert [one["status"]["name"] for one in (occupied, available)] == ["occupied", "available"]
