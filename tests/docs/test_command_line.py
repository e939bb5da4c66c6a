"""Every command has an example in its help, the examples are commands, and the pages name every command."""

import re
import shlex
from collections.abc import Iterator

import click
import pytest
import typer

from harness.pages import PAGES, commands
from harness.processes import openharbor
from openharbor.cli import app


def leaves(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with the words that lead to it."""
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from leaves(inner, (*words, name))
    else:
        yield words, command


def every() -> dict[str, click.Command]:
    root: click.Command = typer.main.get_command(app)
    return {" ".join(words): command for words, command in leaves(root, ("openharbor",))}


COMMANDS = every()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_has_an_example_of_it(name: str) -> None:
    assert f"Example: {name}" in (COMMANDS[name].help or "")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_example_of_a_command_can_be_parsed(name: str) -> None:
    command = COMMANDS[name]
    example = (command.help or "").split("Example: ", 1)[1].splitlines()[0]
    words = shlex.split(example)[len(name.split()) :]
    with command.make_context(name, words):
        pass


@pytest.mark.parametrize("name", COMMANDS)
def test_each_option_of_a_command_is_explained_or_explains_itself(name: str) -> None:
    for parameter in COMMANDS[name].params:
        assert parameter.opts, name
        assert all(option.startswith("--") for option in parameter.opts) or isinstance(parameter, click.Argument)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_pages_name_every_command(name: str) -> None:
    everything = "\n".join(page.read_text() for page in PAGES)
    assert re.search(re.escape(name) + r"\b", everything), f"`{name}` stands in no page"


def test_the_pages_name_no_command_that_does_not_exist() -> None:
    for page in PAGES:
        for line in commands(page.read_text()):
            words = shlex.split(line, comments=True)
            if words and words[0] == "openharbor":
                assert any(line.startswith(name) for name in COMMANDS), f"{page.name}: {line}"


@pytest.mark.parametrize("name", ["openharbor", "openharbor gateway", "openharbor gateway serve"])
def test_help_is_printed_and_ends_with_0(name: str) -> None:
    done = openharbor(*name.split()[1:], "--help")
    assert "Usage:" in done.stdout


def test_wrong_usage_ends_with_2_and_says_what_is_wrong() -> None:
    done = openharbor("gateway", "serve", "--port", "80800", check=False)
    assert done.returncode == 2
    assert "--port" in done.stderr + done.stdout
