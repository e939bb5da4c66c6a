"""What every command shares: how it prints, how it logs."""

import json
from collections.abc import Callable
from typing import Annotated, Any, Literal

import typer

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]
LogFormat = Annotated[
    Literal["auto", "human", "json"],
    typer.Option("--log-format", help="auto, human or json.", envvar="OPENHARBOR_LOG_FORMAT"),
]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error", "critical"],
    typer.Option("--log-level", help="debug, info, warning, error or critical.", envvar="OPENHARBOR_LOG_LEVEL"),
]


def say(text: str) -> None:
    """Prints one line at once: a ready line must not wait in a buffer."""
    print(text, flush=True)  # noqa: T201


def show(data: Any, as_json: bool, lines: Callable[[Any], list[str]]) -> None:
    """Prints data as one JSON document, or as lines for people."""
    for line in [json.dumps(data, ensure_ascii=False)] if as_json else lines(data):
        say(line)
