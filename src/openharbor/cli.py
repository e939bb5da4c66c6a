"""`openharbor …`: names, flags, ready lines and exit codes are fixed; people script against them.

Each command parses, calls one function and prints. Rooms are imported inside the commands, so that `--help` is quick.
"""

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer

from openharbor import __version__
from openharbor.kit.errors import Failed
from openharbor.kit.settings import variable as variable_of

DONE, FAILED, USAGE, REFUSED, UNREACHABLE = 0, 1, 2, 3, 4

app = typer.Typer(
    help="Open, self-hostable smart lockers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
gateway = typer.Typer(help="One site: its lockers, its transactions, its API.", no_args_is_help=True)
api_key = typer.Typer(
    help="API keys of a gateway that is stopped (create, revoke) or running (list).", no_args_is_help=True
)
cabinet = typer.Typer(help="An emulated cabinet that speaks a lock-board protocol.", no_args_is_help=True)
app.add_typer(gateway, name="gateway")
gateway.add_typer(api_key, name="api-key")
app.add_typer(cabinet, name="cabinet")

variable = partial(variable_of, "gateway")

Data = Annotated[
    Path, typer.Option("--data", help="Directory of the gateway.", envvar="OPENHARBOR_GATEWAY_DATA", file_okay=False)
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]
LogFormat = Annotated[
    Literal["auto", "human", "json"],
    typer.Option("--log-format", help="auto, human or json.", envvar="OPENHARBOR_LOG_FORMAT"),
]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error", "critical"],
    typer.Option("--log-level", help="debug, info, warning, error or critical.", envvar="OPENHARBOR_LOG_LEVEL"),
]


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


def say(text: str) -> None:
    """Prints one line at once: a ready line must not wait in a buffer."""
    print(text, flush=True)  # noqa: T201


def show(data: Any, as_json: bool, lines: Callable[[Any], list[str]]) -> None:
    """Prints data as one JSON document, or as lines for people."""
    for line in [json.dumps(data, ensure_ascii=False)] if as_json else lines(data):
        say(line)


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
    """A whole transaction on emulated cabinets, over the real wire protocols, told step by step.

    Example: openharbor demo --serve
    """
    from openharbor.demo.transaction import run

    sys.exit(run(serve=serve, seed=seed, say=say))


@gateway.command()
def init(
    data: Data,
    site: Annotated[Path | None, typer.Option("--site", help="Site file (TOML).", dir_okay=False)] = None,
    admin_password_stdin: Annotated[
        bool, typer.Option("--admin-password-stdin", help="Read the admin password from stdin.")
    ] = False,
    as_json: Json = False,
) -> None:
    """A new gateway in an empty directory.

    Example: openharbor gateway init --data ./site --site maple-court.toml
    """
    from openharbor.gateway.commands import initialise

    password = sys.stdin.readline().rstrip("\n") if admin_password_stdin else None
    made = initialise(data, site, password)
    for warning in made["warnings"]:
        print(f"openharbor: warning: {warning}", file=sys.stderr)  # noqa: T201
    show(made, as_json, _founded)


def _founded(made: dict[str, Any]) -> list[str]:
    lines = [f"gateway {made['gatewayId']} with {made['lockers']} lockers on {made['controllers']} boards"]
    if made["adminPassword"]:
        lines.append(f"admin password (shown once): {made['adminPassword']}")
    return lines


@gateway.command()
def serve(
    data: Data,
    host: Annotated[str | None, typer.Option("--host", help="127.0.0.1 if left out.", envvar=variable("host"))] = None,
    port: Annotated[
        int | None, typer.Option("--port", help="8080; 0 picks one.", min=0, max=65535, envvar=variable("port"))
    ] = None,
    allow_anonymous_lan: Annotated[
        bool | None,
        typer.Option("--allow-anonymous-lan", help="No caller needs a key.", envvar=variable("allow_anonymous_lan")),
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", help="TOML file of settings.", dir_okay=False)] = None,
    log_format: LogFormat = "auto",
    log_level: LogLevel = "info",
) -> None:
    """Serves the site until SIGTERM or SIGINT.

    Example: openharbor gateway serve --data ./site --port 8080
    """
    from openharbor.gateway.serve import run
    from openharbor.gateway.settings import resolve

    flags = {"host": host, "port": port, "allow_anonymous_lan": allow_anonymous_lan}
    sys.exit(run(data, resolve(flags, config), log_format=log_format, log_level=log_level, say=say))


@gateway.command()
def check(data: Data, as_json: Json = False) -> None:
    """Integrity of the journal and of the audit chain; exit 1 names the first bad row.

    Example: openharbor gateway check --data ./site
    """
    from openharbor.gateway.commands import check_journal

    show(check_journal(data), as_json, lambda found: [f"journal whole: {found['auditEntries']} audit entries verified"])


@gateway.command()
def backup(data: Data, file: Annotated[Path, typer.Argument(help="New file to write.")], as_json: Json = False) -> None:
    """A copy of the journal, also beside a running gateway.

    Example: openharbor gateway backup --data ./site site.backup
    """
    from openharbor.gateway.commands import back_up

    show(back_up(data, file), as_json, lambda made: [f"backup {made['file']}, {made['bytes']} bytes"])


@api_key.command("create")
def create_key(
    data: Data,
    name: Annotated[str, typer.Option("--name", help="What it is for; shown in the audit log.")],
    scope: Annotated[list[str], typer.Option("--scope", help="read, transactions, maintenance, devices, system.")],
    expires: Annotated[str | None, typer.Option("--expires", help="RFC 3339 time; never if left out.")] = None,
    as_json: Json = False,
) -> None:
    """Makes a key and prints it once.

    Example: openharbor gateway api-key create --data ./site --name kiosk --scope read --scope transactions
    """
    from openharbor.gateway.commands import create_api_key

    show(create_api_key(data, name, scope, expires), as_json, lambda made: [made["key"]])


@api_key.command("list")
def list_keys(data: Data, as_json: Json = False) -> None:
    """Every key, without its secret.

    Example: openharbor gateway api-key list --data ./site --json
    """
    from openharbor.gateway.commands import list_api_keys

    show(list_api_keys(data), as_json, lambda keys: [_key_line(key) for key in keys] or ["no keys"])


def _key_line(key: dict[str, Any]) -> str:
    return f"{key['apiKeyId']}  {key['name']}  {','.join(key['scopes'])}  expires {key['expiresAt'] or 'never'}"


@api_key.command("revoke")
def revoke_key(data: Data, key_id: Annotated[int, typer.Argument(metavar="ID", min=1)], as_json: Json = False) -> None:
    """Ends a key at once.

    Example: openharbor gateway api-key revoke --data ./site 2
    """
    from openharbor.gateway.commands import revoke_api_key

    show(revoke_api_key(data, key_id), as_json, lambda gone: [f"key {gone['apiKeyId']} revoked"])


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


@app.command()
def doctor(as_json: Json = False) -> None:
    """What this machine has, what is missing, how to install it.

    Example: openharbor doctor
    """
    from openharbor.doctor import examine, line

    show(examine(), as_json, lambda found: [line(one) for one in found])
