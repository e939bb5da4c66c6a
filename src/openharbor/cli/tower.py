"""`openharbor tower …`."""

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from openharbor.cli.printing import Json, LogFormat, LogLevel, say, show
from openharbor.kit.settings import variable as variable_of

tower = typer.Typer(help="A Bluetooth cabinet: its lockers, its tokens, its events.", no_args_is_help=True)

variable = partial(variable_of, "tower")

Data = Annotated[
    Path, typer.Option("--data", help="Directory of the tower.", envvar="OPENHARBOR_TOWER_DATA", file_okay=False)
]


@tower.command()
def init(
    data: Data,
    provision: Annotated[Path, typer.Option("--provision", help="What `cloud tower provision` wrote.", dir_okay=False)],
    boards: Annotated[
        list[str], typer.Option("--boards", metavar="URL", help="A lock board; may be repeated, ports are counted on.")
    ],
    as_json: Json = False,
) -> None:
    """A new tower in an empty directory. Fires no lock.

    Example: openharbor tower init --data ./tower --provision tower.json --boards kerong-cu16+tcp://127.0.0.1:5000
    """
    from openharbor.tower.commands import initialise

    made = initialise(data, provision, boards)
    for warning in made["warnings"]:
        print(f"openharbor: warning: {warning}", file=sys.stderr)  # noqa: T201
    show(made, as_json, _made)


def _made(made: dict[str, Any]) -> list[str]:
    return [
        f"tower {made['towerId']} ({made['name']}) with {made['lockers']} lockers on {made['boards']} boards",
        f"delete {made['provisionFile']} now: whoever has it can open every locker of this tower",
    ]


@tower.command()
def serve(
    data: Data,
    bluetooth: Annotated[
        str | None,
        typer.Option(
            "--bluetooth", metavar="TRANSPORT", help="usb:0, serial:/dev/ttyACM0, …", envvar=variable("bluetooth")
        ),
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(
            "--listen",
            metavar="HOST:PORT",
            help="TCP in place of a radio; 127.0.0.1:46400 if left out, port 0 picks one.",
            envvar=variable("listen"),
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", help="TOML file of settings.", dir_okay=False)] = None,
    log_format: LogFormat = "auto",
    log_level: LogLevel = "info",
) -> None:
    """Serves the tower until SIGTERM or SIGINT.

    Example: openharbor tower serve --data ./tower --listen 127.0.0.1:46400
    """
    from openharbor.tower.serve import run
    from openharbor.tower.settings import resolve

    if bluetooth is not None and listen is not None:
        raise typer.BadParameter("is one way and --listen another: a tower has one", param_hint="--bluetooth")
    settings = resolve({"bluetooth": bluetooth, "listen": listen}, config)
    sys.exit(run(data, settings, log_format=log_format, log_level=log_level, say=say))
