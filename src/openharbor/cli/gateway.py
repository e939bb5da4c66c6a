"""`openharbor gateway …`."""

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from openharbor.cli.printing import Json, LogFormat, LogLevel, say, show
from openharbor.kit.settings import variable as variable_of

gateway = typer.Typer(help="One site: its lockers, its transactions, its API.", no_args_is_help=True)
api_key = typer.Typer(
    help="API keys of a gateway that is stopped (create, revoke) or running (list).", no_args_is_help=True
)
gateway.add_typer(api_key, name="api-key")

variable = partial(variable_of, "gateway")

Data = Annotated[
    Path, typer.Option("--data", help="Directory of the gateway.", envvar="OPENHARBOR_GATEWAY_DATA", file_okay=False)
]


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
