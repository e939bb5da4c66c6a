"""Every command has an example in its help, the examples are commands, and the pages name every command."""

import re
import shlex

import pytest

from harness.command_line import COMMANDS
from harness.pages import PAGES, commands
from harness.processes import openharbor


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
