"""Every command of `openharbor`, found the way its own help finds them."""

from collections.abc import Iterator
from typing import Any

import typer

from openharbor.cli import command_line


def leaves(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Each command that does something, under the words that lead to it."""
    below = getattr(command, "commands", None)
    if below is None:
        yield " ".join(words), command
        return
    for name, inner in below.items():
        yield from leaves(inner, (*words, name))


COMMANDS: dict[str, Any] = dict(leaves(typer.main.get_command(command_line()), ("openharbor",)))
