"""`openharbor cloud …`."""

import asyncio
import sys
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from openharbor.cli.printing import Json, LogFormat, LogLevel, say, show
from openharbor.kit.settings import variable as variable_of

cloud = typer.Typer(help="The delivery platform: towers, lockers, tokens, webhooks.", no_args_is_help=True)
organization = typer.Typer(help="Service providers and their clients.", no_args_is_help=True)
client = typer.Typer(help="What service providers sign in with.", no_args_is_help=True)
operator = typer.Typer(help="People who sign in at the console.", no_args_is_help=True)
tower = typer.Typer(help="Keys of a tower.", no_args_is_help=True)
master_key = typer.Typer(help="The key that every stored secret is sealed under.", no_args_is_help=True)
signing_key = typer.Typer(help="The keys that sign access tokens.", no_args_is_help=True)
cloud.add_typer(organization, name="organization")
cloud.add_typer(client, name="client")
cloud.add_typer(operator, name="operator")
cloud.add_typer(tower, name="tower")
cloud.add_typer(master_key, name="master-key")
cloud.add_typer(signing_key, name="signing-key")

variable = partial(variable_of, "cloud")

Database = Annotated[
    str,
    typer.Option(
        "--database", help="sqlite:///DIR/cloud.db or postgresql://user@host/db.", envvar="OPENHARBOR_CLOUD_DATABASE"
    ),
]
MasterKey = Annotated[
    Path | None,
    typer.Option(
        "--master-key-file",
        help="File of the master key; beside an SQLite database if left out.",
        envvar="OPENHARBOR_CLOUD_MASTER_KEY_FILE",
        dir_okay=False,
    ),
]
Config = Annotated[Path | None, typer.Option("--config", help="TOML file of settings.", dir_okay=False)]


class Claim(StrEnum):
    """A staff claim (blink-protocol.md 5.4)."""

    OWNER = "owner"
    TECHNICIAN = "technician"
    DEVELOPER = "developer"


@cloud.command()
def init(database: Database, master_key_file: MasterKey = None, as_json: Json = False) -> None:
    """Creates the schema, or brings it up to this release, and makes the keys that are missing.

    Example: openharbor cloud init --database sqlite:///./cloud/cloud.db
    """
    from openharbor.cloud.commands import initialise

    show(asyncio.run(initialise(database, master_key_file)), as_json, _initialised)


def _initialised(made: dict[str, Any]) -> list[str]:
    return [f"cloud ready in {made['database']}; its master key is {made['masterKeyFile']}: keep a copy of it"]


@cloud.command()
def serve(
    database: Database,
    master_key_file: MasterKey = None,
    host: Annotated[str | None, typer.Option("--host", help="127.0.0.1 if left out.", envvar=variable("host"))] = None,
    port: Annotated[
        int | None, typer.Option("--port", help="8000; 0 picks one.", min=0, max=65535, envvar=variable("port"))
    ] = None,
    public_url: Annotated[
        str | None,
        typer.Option("--public-url", help="What links and tokens name.", envvar=variable("public_url")),
    ] = None,
    config: Config = None,
    log_format: LogFormat = "auto",
    log_level: LogLevel = "info",
) -> None:
    """Serves the APIs until SIGTERM or SIGINT.

    Example: openharbor cloud serve --database sqlite:///./cloud/cloud.db --port 8000
    """
    from openharbor.cloud.serve import run
    from openharbor.cloud.settings import resolve

    settings = resolve({"host": host, "port": port, "public_url": public_url}, config)
    sys.exit(run(database, master_key_file, settings, log_format=log_format, log_level=log_level, say=say))


@cloud.command()
def worker(
    database: Database,
    master_key_file: MasterKey = None,
    config: Config = None,
    log_format: LogFormat = "auto",
    log_level: LogLevel = "info",
) -> None:
    """Sends webhooks and ends reservations, beside servers that run with `worker = false`.

    Example: openharbor cloud worker --database postgresql://openharbor@db.example.com/openharbor
    """
    from openharbor.cloud.serve import run_worker
    from openharbor.cloud.settings import resolve

    settings = resolve({}, config)
    sys.exit(run_worker(database, master_key_file, settings, log_format=log_format, log_level=log_level, say=say))


@cloud.command("import")
def import_(
    database: Database,
    file: Annotated[Path, typer.Argument(help="Catalog file (TOML).", dir_okay=False)],
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Organizations, locker types, locations, towers and lockers, from a catalog file; all or nothing.

    Example: openharbor cloud import --database sqlite:///./cloud/cloud.db catalog.toml
    """
    from openharbor.cloud.commands import import_catalog_file
    from openharbor.cloud.settings import resolve

    found = asyncio.run(import_catalog_file(database, file, resolve({}, config)))
    show(found, as_json, _imported)


def _imported(found: dict[str, Any]) -> list[str]:
    return [f"{name}: {_counted(counts)}" for name, counts in found.items()]


def _counted(counts: Any) -> str:
    if isinstance(counts, dict):
        return ", ".join(f"{_number(number)} {word}" for word, number in counts.items())
    return str(counts)


def _number(found: Any) -> str:
    """A count; of what is missing from the file, also which."""
    if not isinstance(found, list):
        return str(found)
    return f"{len(found)} ({', '.join(found)})" if found else "0"


@organization.command("create")
def create_organization(
    database: Database,
    name: Annotated[str, typer.Argument(help="Its name; one that exists gets a further client.")],
    client_id: Annotated[
        str | None, typer.Option("--client-id", help="As an external issuer knows it; made up if left out.")
    ] = None,
    master_key_file: MasterKey = None,
    as_json: Json = False,
) -> None:
    """Makes an organization, if it is new, and a client of it; prints the client's secret once.

    Example: openharbor cloud organization create --database sqlite:///./cloud/cloud.db "Acme Parcels"
    """
    from openharbor.cloud.commands import create_organization as create

    show(
        asyncio.run(create(database, master_key_file, name, client_id)),
        as_json,
        lambda made: [f"client id {made['clientId']}", f"client secret (shown once): {made['clientSecret']}"],
    )


@client.command("list")
def list_clients(database: Database, master_key_file: MasterKey = None, as_json: Json = False) -> None:
    """Every client, without its secret.

    Example: openharbor cloud client list --database sqlite:///./cloud/cloud.db
    """
    from openharbor.cloud.commands import list_clients as found

    show(
        asyncio.run(found(database, master_key_file)),
        as_json,
        lambda clients: [_client_line(one) for one in clients] or ["no clients"],
    )


def _client_line(one: dict[str, Any]) -> str:
    return f"{one['clientId']}  {','.join(one['scopes'])}  revoked {one['revokedAt'] or 'never'}"


@client.command("revoke")
def revoke_client(
    database: Database,
    client_id: Annotated[str, typer.Argument(metavar="CLIENT_ID")],
    master_key_file: MasterKey = None,
    as_json: Json = False,
) -> None:
    """Ends a client; a running server refuses its tokens within seconds.

    Example: openharbor cloud client revoke --database sqlite:///./cloud/cloud.db acme-parcels
    """
    from openharbor.cloud.commands import revoke_client as revoke

    gone = asyncio.run(revoke(database, master_key_file, client_id))
    show(gone, as_json, lambda gone: [f"client {gone['clientId']} revoked"])


@client.command("claims")
def client_claims(
    database: Database,
    client_id: Annotated[str, typer.Argument(metavar="CLIENT_ID")],
    claims: Annotated[
        list[Claim] | None, typer.Argument(metavar="[owner|technician|developer]...", help="None: takes all away.")
    ] = None,
    master_key_file: MasterKey = None,
    as_json: Json = False,
) -> None:
    """Which staff claims a client's session tokens may carry, in place of those it had.

    Example: openharbor cloud client claims --database sqlite:///./cloud/cloud.db acme-parcels owner technician
    """
    from openharbor.cloud.commands import allow_claims as allow

    shown = asyncio.run(allow(database, master_key_file, client_id, claims or []))
    show(shown, as_json, lambda one: [_claims_line(one)])


def _claims_line(one: dict[str, Any]) -> str:
    return f"client {one['clientId']} may ask for {', '.join(one['claims']) or 'no staff claim'}"


@operator.command("create")
def create_operator(
    database: Database,
    email: Annotated[str, typer.Argument()],
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin.")] = False,
    master_key_file: MasterKey = None,
    as_json: Json = False,
) -> None:
    """Makes a console sign-in; without --password-stdin a password is made up and printed once.

    Example: openharbor cloud operator create --database sqlite:///./cloud/cloud.db ops@example.com
    """
    from openharbor.cloud.commands import create_operator as create

    password = sys.stdin.readline().rstrip("\n") if password_stdin else None
    made = asyncio.run(create(database, master_key_file, email, password))
    show(made, as_json, lambda made: [f"operator {made['email']}", *_password(made)])


def _password(made: dict[str, Any]) -> list[str]:
    return [f"password (shown once): {made['password']}"] if "password" in made else []


@tower.command("provision")
def provision_tower(
    database: Database,
    tower_id: Annotated[str, typer.Argument(metavar="TOWER_ID", help="16 hex digits.")],
    out: Annotated[Path, typer.Option("--out", help="New file to write, for `tower init`.", dir_okay=False)],
    replace: Annotated[
        str | None,
        typer.Option("--replace", metavar="REASON", help="The old board is lost or destroyed and cannot act any more."),
    ] = None,
    master_key_file: MasterKey = None,
    as_json: Json = False,
) -> None:
    """The tower's first key and its locker configuration, as a file: whoever has it can open every locker of it.

    Example: openharbor cloud tower provision --database sqlite:///./cloud/cloud.db 0100000000000014 --out tower.json
    """
    from openharbor.cloud.commands import provision_tower as provision

    made = asyncio.run(provision(database, master_key_file, tower_id, out, replace))
    show(made, as_json, lambda made: [f"tower {made['towerId']} provisioned: {out}; delete it after `tower init`"])


@tower.command("rotate-key")
def rotate_tower_key(
    database: Database,
    tower_id: Annotated[str, typer.Argument(metavar="TOWER_ID", help="16 hex digits.")],
    master_key_file: MasterKey = None,
    as_json: Json = False,
) -> None:
    """Queues the steps of a key rollover; they go out with the next phones.

    Example: openharbor cloud tower rotate-key --database sqlite:///./cloud/cloud.db 0100000000000014
    """
    from openharbor.cloud.commands import rotate_tower_key as rotate

    made = asyncio.run(rotate(database, master_key_file, tower_id))
    show(made, as_json, lambda made: [f"rotation {made['rotation']} of tower {made['towerId']} is queued"])


@master_key.command("rotate")
def rotate_master_key(database: Database, master_key_file: MasterKey = None, as_json: Json = False) -> None:
    """Seals every stored key again under a new master key. Servers that run must be started again.

    Example: openharbor cloud master-key rotate --database sqlite:///./cloud/cloud.db
    """
    from openharbor.cloud.commands import rotate_master_key as rotate

    show(
        asyncio.run(rotate(database, master_key_file)),
        as_json,
        lambda done: [f"{done['sealed']} secrets are sealed under the new key in {done['masterKeyFile']}"],
    )


@signing_key.command("rotate")
def rotate_signing_key(
    database: Database,
    algorithm: Annotated[Literal["EdDSA", "RS256"], typer.Option("--algorithm")] = "EdDSA",
    master_key_file: MasterKey = None,
    as_json: Json = False,
) -> None:
    """A new key for access tokens: published at once, signing a few minutes later.

    Example: openharbor cloud signing-key rotate --database sqlite:///./cloud/cloud.db
    """
    from openharbor.cloud.commands import rotate_signing_key as rotate

    made = asyncio.run(rotate(database, master_key_file, algorithm))
    show(made, as_json, lambda made: [f"key {made['keyId']} signs from {made['signsFrom']}"])
