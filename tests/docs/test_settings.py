"""Every setting and every environment variable is documented for operators."""

from typing import Any

import pytest
from msgspec.structs import FieldInfo, fields

from harness.command_line import COMMANDS
from harness.pages import ROOT
from openharbor.cloud.settings import CloudSettings
from openharbor.gateway.settings import ServiceSettings
from openharbor.tower.settings import TowerSettings

SERVICES: dict[str, Any] = {"gateway": ServiceSettings, "cloud": CloudSettings, "tower": TowerSettings}
OPERATORS = (ROOT / "docs" / "operators.md").read_text()


def environment() -> set[str]:
    """The environment variables of every command."""
    given = [parameter.envvar for command in COMMANDS.values() for parameter in command.params]
    return {name for names in given for name in ([names] if isinstance(names, str) else names or ())}


@pytest.mark.parametrize("name", sorted(environment()))
def test_an_environment_variable_of_the_command_line_stands_in_the_operators_page(name: str) -> None:
    assert f"`{name}`" in OPERATORS


SETTINGS = [(table, field) for table, shape in SERVICES.items() for field in fields(shape)]
NAMES = [f"{table}.{field.name}" for table, field in SETTINGS]


def row_of(table: str, name: str) -> list[str]:
    """The cells of a setting's row: its name, where it is given, its default."""
    variable = f"`OPENHARBOR_{table.upper()}_{name.upper()}`"
    line = next(line for line in OPERATORS.splitlines() if line.startswith(f"| `{name}` |") and variable in line)
    return [cell.strip() for cell in line.split("|")[1:]]


@pytest.mark.parametrize(("table", "field"), SETTINGS, ids=NAMES)
def test_the_operators_page_tells_a_setting_with_its_variable_and_default(table: str, field: FieldInfo) -> None:
    spelled = {True: "true", False: "false", (): "none", "": "none"}
    default = field.default
    told = row_of(table, field.name)[2].strip("`")
    assert told == (spelled[default] if default in spelled else str(default))
