"""The pages about towers and phones: their commands and programs run at a tower, and their tables are complete."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import get_args

import pytest

from docs.prompt import DEFINES, Prompt, parts
from harness.pages import ROOT
from openharbor.blink.refusals import ERROR_NAMES
from openharbor.cloud.towers.alarms import Kind
from openharbor.phone.advice import FIRMWARE

README = ROOT / "README.md"
INSTALLERS, INTEGRATORS, OPERATORS = (
    ROOT / "docs" / name for name in ("installers.md", "integrators.md", "operators.md")
)
CLAIMS = "openharbor cloud client claims --database sqlite:///./harbor/cloud.db acme-parcels technician"
TECHNICIAN = (
    "export OPENHARBOR_PHONE_TOKEN=$("
    'curl -s -u "$CLIENT" $CLOUD/realms/harbor/protocol/openid-connect/token -d grant_type=client_credentials'
    " -d scope=tower_access | of \"it['access_token']\")"
)
SHUT = "curl -s -X POST http://127.0.0.1:5001/lockers/$DOOR/door -d '{\"open\": false}'"


@pytest.fixture
def at_the_tower(tmp_path: Path) -> Iterator[Prompt]:
    """Somebody at a prompt where the README's cloud, cabinet and tower are served; Acme's may be technicians."""
    with ExitStack() as services:
        prompt = Prompt(tmp_path, services)
        shop, tower = parts(README, "delivery")[0], parts(README, "parcel")[0]
        prompt.start(*shop[:-1], CLAIMS, shop[-1], *tower)
        yield prompt


def with_a_token() -> list[str]:
    """What the README's reader has typed when a courier with a token stands at the tower."""
    definitions = [line for line in parts(README, "delivery")[1] if DEFINES.match(line)]
    script = parts(README, "parcel")[1]
    first = next(at for at, line in enumerate(script) if line.startswith("openharbor phone"))
    return [*definitions, *(line for line in script[:first] if not line.startswith("call "))]


@pytest.mark.slow
def test_the_technician_s_commands_run_as_told(at_the_tower: Prompt) -> None:
    script = parts(INSTALLERS, "technician")[1]
    # over a wire there is nothing to be heard: the tower is asked instead
    script = [line.replace("scan --seconds 5", "scan --tower tcp://127.0.0.1:46400") for line in script]
    seen = at_the_tower.type(*with_a_token(), TECHNICIAN, *script)
    for said in (
        "towerId: 0100000000000014",
        "none is open",
        "locker: 3",
        "17 commands done",
        "the session has begun",
        "locker 1 is open",
        "the tower taps 2 times",
        "the drop-off was taken back",
        "the session has ended",
    ):
        assert said in seen, seen
    assert any(re.fullmatch(r"the code is \d{6}", line) for line in seen)
    assert any(re.fullmatch(r"0100000000000014 +Library foyer .*", line) for line in seen)


@pytest.mark.slow
def test_the_program_of_the_integrators_page_brings_a_parcel_in(at_the_tower: Prompt) -> None:
    at_the_tower.save(INTEGRATORS, "drop_off")
    seen = at_the_tower.type(
        *with_a_token(),
        "words=($OPEN)",
        "python drop_off.py ${words[1]} ${words[3]} > told & program=$!",
        "until grep -q 'seen open' told; do kill -0 $program; sleep 0.05; done",
        SHUT,
        "wait $program",
        "cat told",
        "call $LOCKER",
    )
    assert seen[1:4] == ["locker 1, seen open: True", "shut again: True", "not home yet: 0"]
    assert seen[-1]["status"]["name"] == "occupied"


@pytest.mark.slow
def test_the_program_of_the_installers_page_fires_each_lock_once(at_the_tower: Prompt) -> None:
    at_the_tower.save(INSTALLERS, "each_lock")
    seen = at_the_tower.type(
        *with_a_token(),
        TECHNICIAN,
        "printf '\\n\\n\\n' | python each_lock.py 3",
        "curl -s http://127.0.0.1:5001/lockers",
    )
    asked = "Which door moved? Note it, shut it, Enter"
    assert seen[:3] == [f"port {port}: open. {asked}" for port in range(3)]
    assert [one["pulses"] for one in seen[3][:4]] == [1, 1, 1, 0]


@pytest.mark.parametrize("code", sorted(FIRMWARE))
def test_the_operators_page_explains_a_code_that_a_phone_gives_advice_for(code: int) -> None:
    rows = [line.split("|")[1] for line in OPERATORS.read_text().splitlines() if re.match(r"\| \d{3}", line)]
    told = [int(number) for row in rows for number in re.findall(r"\d+", row)]
    assert told.count(code) == 1
    assert set(told) <= set(ERROR_NAMES)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_the_operators_page_explains_an_alarm_about_towers(kind: str) -> None:
    assert f"| `{kind}` |" in OPERATORS.read_text()
