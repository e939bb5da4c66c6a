"""`openharbor cabinet …`."""

import sys
from typing import Annotated

import typer

from openharbor.cli.printing import Json, say

cabinet = typer.Typer(help="An emulated cabinet that speaks a lock-board protocol.", no_args_is_help=True)


@cabinet.command("serve")
def serve_cabinet(
    protocol: Annotated[str, typer.Option("--protocol", help="A driver name, such as kerong-cu16.")],
    lockers: Annotated[int | None, typer.Option("--lockers", min=1, max=256, help="As many as the family has.")] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535)] = 0,
    pty: Annotated[bool, typer.Option("--pty", help="A pseudo-terminal instead of a TCP port.")] = False,
    board: Annotated[int | None, typer.Option("--board", help="Address on the bus; 0, or unit 1 for Modbus.")] = None,
    boards: Annotated[str | None, typer.Option("--boards", help="Several addresses on one line: 0,1.")] = None,
    control_port: Annotated[int, typer.Option("--control-port", min=0, max=65535)] = 0,
    seed: Annotated[int, typer.Option("--seed")] = 7,
    speed: Annotated[float, typer.Option("--speed", min=0.01, max=1000.0, help="How fast its time runs.")] = 1.0,
    allow_remote_control: Annotated[bool, typer.Option("--allow-remote-control")] = False,
    as_json: Json = False,
) -> None:
    """An emulated cabinet until SIGTERM; its ready line has the address to put into a site file.

    Example: openharbor cabinet serve --protocol kerong-cu16 --port 5000 --control-port 5001
    """
    from openharbor.boards.emulator.serve import run

    sys.exit(
        run(
            protocol=protocol,
            lockers=lockers,
            port=port,
            pty=pty,
            board=board,
            boards=boards,
            control_port=control_port,
            seed=seed,
            speed=speed,
            allow_remote_control=allow_remote_control,
            as_json=as_json,
            say=say,
        )
    )
