"""Every setting and every environment variable is documented for operators."""

import pytest
from msgspec.structs import FieldInfo, fields

from harness.command_line import COMMANDS
from harness.pages import ROOT
from openharbor.gateway.settings import ServiceSettings

OPERATORS = (ROOT / "docs" / "operators.md").read_text()


def environment() -> set[str]:
    """The environment variables of every command."""
    given = [parameter.envvar for command in COMMANDS.values() for parameter in command.params]
    return {name for names in given for name in ([names] if isinstance(names, str) else names or ())}


@pytest.mark.parametrize("name", sorted(environment()))
def test_an_environment_variable_of_the_command_line_stands_in_the_operators_page(name: str) -> None:
    assert f"`{name}`" in OPERATORS


@pytest.mark.parametrize("name", sorted(field.name for field in fields(ServiceSettings)))
def test_a_setting_of_the_gateway_stands_in_the_operators_page_with_its_environment_variable(name: str) -> None:
    assert f"`OPENHARBOR_GATEWAY_{name.upper()}`" in OPERATORS


def documented_default(name: str) -> str:
    """The default that the operators' table gives a setting."""
    row = next(line for line in OPERATORS.splitlines() if line.startswith(f"| `{name}` |"))
    return row.split("|")[3].strip().strip("`")


@pytest.mark.parametrize("field", fields(ServiceSettings), ids=lambda field: str(field.name))
def test_the_operators_page_tells_the_default_of_a_setting(field: FieldInfo) -> None:
    spelled = {True: "true", False: "false", (): "none"}
    default = field.default
    assert documented_default(field.name) == (spelled[default] if default in spelled else str(default))
