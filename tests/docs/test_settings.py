"""Every setting and every environment variable is documented for operators."""

import click
import pytest
import typer

from harness.pages import ROOT
from openharbor.cli import app
from openharbor.gateway.settings import Settings

OPERATORS = (ROOT / "docs" / "operators.md").read_text()


def environment_of(command: click.Command) -> set[str]:
    """The environment variables of a command and of those below it."""
    names = set()
    for parameter in command.params:
        given = parameter.envvar
        names |= {given} if isinstance(given, str) else set(given or ())
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            names |= environment_of(inner)
    return names


def root() -> click.Command:
    command: click.Command = typer.main.get_command(app)
    return command


@pytest.mark.parametrize("name", sorted(environment_of(root())))
def test_an_environment_variable_of_the_command_line_stands_in_the_operators_page(name: str) -> None:
    assert f"`{name}`" in OPERATORS


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_a_setting_of_the_gateway_stands_in_the_operators_page_with_its_environment_variable(name: str) -> None:
    assert f"`OPENHARBOR_GATEWAY_{name.upper()}`" in OPERATORS
