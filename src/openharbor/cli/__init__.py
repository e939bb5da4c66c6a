"""`openharbor …`: names, flags, ready lines and exit codes are fixed; people script against them.

Each command parses, calls one function and prints. Rooms are imported inside the commands, so that `--help` is quick.
"""

import os
import sys
from typing import Annotated, NoReturn

import typer

from openharbor import __version__
from openharbor.cli.cabinet import cabinet
from openharbor.cli.cloud import cloud
from openharbor.cli.gateway import gateway
from openharbor.cli.printing import Json, say, show
from openharbor.cli.tower import tower
from openharbor.kit.errors import Failed

DONE, FAILED = 0, 1

app = typer.Typer(
    help="Open, self-hostable smart lockers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(gateway, name="gateway")
app.add_typer(cabinet, name="cabinet")
app.add_typer(cloud, name="cloud")
app.add_typer(tower, name="tower")


def main() -> NoReturn:
    """Runs the command line. One line on stderr and exit code 1 for what failed; no traceback for what is expected."""
    try:
        app()
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


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        say(f"openharbor {__version__}")
        raise typer.Exit(DONE)


@app.command()
def demo(
    serve: Annotated[
        bool, typer.Option("--serve", help="Keep everything running and print addresses and keys.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="Same seed, same story.", envvar="OPENHARBOR_SEED")] = 7,
) -> None:
    """A whole transaction on emulated cabinets and a delivery up to its token, told step by step.

    Example: openharbor demo --serve
    """
    from openharbor.demo.story import run

    sys.exit(run(serve=serve, seed=seed, say=say))


@app.command()
def doctor(as_json: Json = False) -> None:
    """What this machine has, what is missing, how to install it.

    Example: openharbor doctor
    """
    from openharbor.doctor import examine, line

    show(examine(), as_json, lambda found: [line(one) for one in found])
