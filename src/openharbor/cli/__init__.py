"""`openharbor …`: names, flags, ready lines and exit codes are fixed; people script against them.

Each command parses, calls one function and prints. Rooms are imported inside the commands, so that `--help` is quick.
"""

import os
import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Annotated, Final, NoReturn

import typer

from openharbor import __version__
from openharbor.cli.printing import Json, say, show
from openharbor.kit import logs  # noqa: F401  # before any room imports structlog: see there
from openharbor.kit.errors import Failed

DONE, FAILED = 0, 1
GROUPS: Final = ("gateway", "cabinet", "cloud", "tower", "phone")  # each a module with a command group of its name


def main() -> NoReturn:
    """Runs the command line. One line on stderr and exit code 1 for what failed; no traceback for what is expected."""
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        # a service keeps what was made to parse its command line: no more than that of its own group
        command_line([asked] if asked in GROUPS else GROUPS)()
    except Failed as failed:
        print(f"openharbor: {failed}", file=sys.stderr)  # noqa: T201
        sys.exit(failed.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if "debug" in (*sys.argv, os.environ.get("OPENHARBOR_LOG_LEVEL")):
            raise
        hint = "OPENHARBOR_LOG_LEVEL=debug shows where"
        print(f"openharbor: failed unexpectedly: {type(error).__name__}: {error}; {hint}", file=sys.stderr)  # noqa: T201
        sys.exit(FAILED)
    sys.exit(DONE)


def command_line(groups: Iterable[str] = GROUPS) -> typer.Typer:
    """The commands of these groups, and those that stand alone."""
    app = typer.Typer(
        help="Open, self-hostable smart lockers.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for name in groups:
        app.add_typer(getattr(import_module(f"openharbor.cli.{name}"), name), name=name)
    app.callback(invoke_without_command=True)(root)
    app.command()(demo)
    app.command()(doctor)
    return app


def root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        say(f"openharbor {__version__}")
        raise typer.Exit(DONE)


def demo(
    serve: Annotated[
        bool, typer.Option("--serve", help="Keep everything running and print addresses and keys.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="Same seed, same story.", envvar="OPENHARBOR_SEED")] = 7,
) -> None:
    """Whole transactions and deliveries on emulated cabinets, over the real wire protocols, told step by step.

    Example: openharbor demo --serve
    """
    from openharbor.demo.story import run

    sys.exit(run(serve=serve, seed=seed, say=say))


def doctor(as_json: Json = False) -> None:
    """What this machine has, what is missing, how to install it.

    Example: openharbor doctor
    """
    from openharbor.doctor import examine, line

    show(examine(), as_json, lambda found: [line(one) for one in found])
