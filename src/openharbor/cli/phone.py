"""`openharbor phone …`: what a mobile app does, by hand."""

import inspect
import sys
from collections.abc import Callable, Coroutine
from enum import StrEnum
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar

import typer

from openharbor.cli.printing import Json, LogFormat, LogLevel, say, show
from openharbor.kit.errors import REFUSED
from openharbor.kit.settings import variable as variable_of

if TYPE_CHECKING:
    from openharbor.phone.commands import Here, Visit
    from openharbor.phone.results import Opened
    from openharbor.phone.sdk import HarborSdk
    from openharbor.phone.transport import Found

phone = typer.Typer(help="What a mobile app does at a tower, by hand.", no_args_is_help=True)

variable = partial(variable_of, "phone")

T = TypeVar("T")
JAMMED = 1  # exit code


class Claim(StrEnum):
    """What a session may be for (blink-protocol.md 5.4)."""

    SYNC_PACKET = "sync_packet"
    LOCKER_PICKUP = "locker_pickup"
    LOCKER_DELIVERY = "locker_delivery"
    OWNER = "owner"
    TECHNICIAN = "technician"
    DEVELOPER = "developer"


Tower = Annotated[
    str,
    typer.Option(
        "--tower",
        metavar="ADDRESS",
        help="A tower's id (over Bluetooth), or tcp://host:port.",
        envvar=variable("tower"),
    ),
]
Api = Annotated[str, typer.Option("--api", metavar="URL", help="The cloud.", envvar=variable("api"))]
Token = Annotated[
    str,
    typer.Option(
        "--token", help="Access token of the SDK API; not shown to other users if set there:", envvar=variable("token")
    ),
]
Bluetooth = Annotated[
    str | None,
    typer.Option(
        "--bluetooth",
        metavar="TRANSPORT",
        help="usb:0, serial:/dev/ttyACM0, …; this machine's own Bluetooth if left out.",
        envvar=variable("bluetooth"),
    ),
]
State = Annotated[
    Path | None,
    typer.Option(
        "--state",
        help="File of what lasts from call to call; it holds keys. In the user's state directory if left out.",
        envvar=variable("state"),
        dir_okay=False,
    ),
]
Claims = Annotated[
    list[Claim] | None, typer.Option("--claim", help="What the session is for; locker_delivery if left out.")
]
Duration = Annotated[
    int, typer.Option("--duration", help="Seconds for which the tower takes the session's payload.", min=1, max=86_400)
]
ClientInfo = Annotated[str, typer.Option("--client-info", help="For the log, at most 500 bytes.")]


class Call(NamedTuple):
    """One command at a tower."""

    here: "Here"
    as_json: bool

    def do(self, work: "Callable[[HarborSdk], Coroutine[Any, Any, T]]") -> T:
        """What comes of it on a phone that is connected. Raises Failed."""
        from openharbor.phone.commands import at_tower, run

        return run(at_tower(self.here, work))


def command(name: str | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command that takes a Call, and the options that say where and as whom."""

    def registered(carry_out: Callable[..., None]) -> Callable[..., None]:
        @wraps(carry_out)
        def parsed(**given: Any) -> None:
            from openharbor.kit import logs
            from openharbor.phone.commands import Here

            logs.configure(given.pop("log_format"), given.pop("log_level"))
            as_json = given.pop("as_json")
            places = {one: given.pop(one) for one in ("tower", "api", "token", "bluetooth", "state")}
            carry_out(Call(Here(**places), as_json), **given)

        signature = inspect.signature(carry_out)
        own = [one.replace(kind=one.KEYWORD_ONLY) for one in signature.parameters.values() if one.name != "call"]
        parsed.__signature__ = signature.replace(parameters=[*own, *COMMON])  # type: ignore[attr-defined]  # as inspect reads it
        phone.command(name)(parsed)
        return carry_out

    return registered


def _common(
    *,
    tower: Tower,
    api: Api,
    token: Token,
    bluetooth: Bluetooth = None,
    state: State = None,
    as_json: Json = False,
    log_format: LogFormat = "auto",
    log_level: LogLevel = "warning",
) -> None:
    """The options of every command at a tower."""


COMMON = tuple(inspect.signature(_common).parameters.values())


@phone.command()
def scan(
    tower: Annotated[
        str | None, typer.Option("--tower", metavar="ADDRESS", help="Asks the one at tcp://host:port instead.")
    ] = None,
    seconds: Annotated[float, typer.Option("--seconds", help="How long to listen.", min=0.1, max=600)] = 10.0,
    bluetooth: Bluetooth = None,
    as_json: Json = False,
    log_format: LogFormat = "auto",
    log_level: LogLevel = "warning",
) -> None:
    """The towers around, as they are heard.

    Example: openharbor phone scan --seconds 5
    """
    from openharbor.kit import logs
    from openharbor.phone import commands, views

    logs.configure(log_format, log_level)

    def heard(one: "Found") -> None:
        if not as_json:
            say(views.tower_line(one))

    found = commands.run(commands.scan(seconds, bluetooth, tower, heard))
    if as_json:
        show([views.tower(one) for one in found], as_json, list)
    elif not found:
        say(f"no tower was heard in {seconds:g} s")


@command()
def session(
    call: Call,
    claim: Claims = None,
    duration: Duration = 3600,
    no_sync: Annotated[bool, typer.Option("--no-sync", help="Without the sync that begins a session.")] = False,
) -> None:
    """Begins a session that goes on, for `open`, `door` and the others; `terminate` ends it.

    Example: openharbor phone session --tower 0100000000000014 --api https://example.com --token $TOKEN
    """
    from openharbor.phone import views

    synced = call.do(lambda sdk: sdk.send_request_session(_claims(claim), duration, sync_enabled=not no_sync))
    made = {"inSession": True, "sync": views.synced(synced)}
    show(made, call.as_json, lambda _: ["the session has begun", *views.sync_lines(synced)])


@command("open")
def open_(
    call: Call,
    payload: Annotated[str, typer.Option("--payload", metavar="HEX", help="Of the token, from the delivery API.")],
    payload_auth: Annotated[str, typer.Option("--payload-auth", metavar="HEX", help="Of the token.")],
    claim: Claims = None,
    duration: Duration = 3600,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for the door to be shut.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="The session goes on, for `reopen`, `door`, `revert`; nothing is waited for.")
    ] = False,
) -> None:
    """Opens a locker with a token, waits until its door is shut (60 s at most), syncs and ends the session.

    Exit code 1: the lock was fired, but its door was not seen open.

    Example: openharbor phone open --payload 00e5 --payload-auth 0137 --tower tcp://10.0.0.7:46400 --api $URL --token $T
    """
    from openharbor.phone import views
    from openharbor.phone.commands import Opening, hexadecimal, open_locker

    def opened(what: "Opened") -> None:
        if not call.as_json:
            say(views.opened_line(what))

    opening = Opening(
        payload=hexadecimal("--payload", payload),
        payload_auth=hexadecimal("--payload-auth", payload_auth),
        claims=_claims(claim),
        duration=duration,
        wait=not no_wait,
        keep=keep,
    )
    visit: Visit = call.do(lambda sdk: open_locker(sdk, opening, opened))
    show(views.visit(visit), call.as_json, lambda _: views.visit_lines(visit))
    if visit.failure is not None:
        _warn(f"what follows an opening was not all done: {visit.failure}")
    _end_jammed(visit.opened)


@command()
def reopen(call: Call) -> None:
    """Fires the locker that this session opened last once more. Exit code 1: its door was not seen open.

    Example: openharbor phone reopen --tower 0100000000000014 --api https://example.com --token $TOKEN
    """
    from openharbor.phone import views

    what = call.do(lambda sdk: sdk.send_reopen_locker())
    show(views.opened(what), call.as_json, lambda _: [views.opened_line(what)])
    _end_jammed(what)


@command()
def door(call: Call) -> None:
    """Whether the door of the locker that this session opened last is open.

    Example: openharbor phone door --tower 0100000000000014 --api https://example.com --token $TOKEN
    """
    is_open = call.do(lambda sdk: sdk.send_check_locker_door())
    show({"open": is_open}, call.as_json, lambda _: ["open" if is_open else "shut"])


@command()
def doors(call: Call) -> None:
    """The lockers whose doors are open; a door that cannot be read counts as shut here.

    Example: openharbor phone doors --tower 0100000000000014 --api https://example.com --token $TOKEN
    """
    from openharbor.phone.commands import DELIVERY, within

    found = call.do(within(DELIVERY, lambda sdk: sdk.send_check_all_locker_doors()))
    show({"open": found}, call.as_json, lambda _: [f"locker {one} is open" for one in found] or ["none is open"])


@command()
def revert(call: Call, client_info: ClientInfo = "") -> None:
    """Takes the last drop-off of this session back: it did not fit.

    Example: openharbor phone revert --tower 0100000000000014 --api https://example.com --token $TOKEN
    """
    call.do(lambda sdk: sdk.send_revert_locker_state(client_info.encode()))
    show({"reverted": True}, call.as_json, lambda _: ["the drop-off was taken back"])


@command()
def tap(
    call: Call,
    count: Annotated[int, typer.Option("--count", help="How often.", min=0, max=10)] = 3,
    interval: Annotated[int, typer.Option("--interval", help="Milliseconds in between.", min=50, max=2000)] = 500,
) -> None:
    """Fires the locker that this session opened last a few times, so that people find it.

    Example: openharbor phone tap --count 2 --tower 0100000000000014 --api https://example.com --token $TOKEN
    """
    call.do(lambda sdk: sdk.send_tap_locker(interval, count))
    show({"tapped": count}, call.as_json, lambda _: [f"the tower taps {count} times"])


@command()
def keypad(
    call: Call,
    code: Annotated[str, typer.Option("--code", help="4 to 10 digits; `auto` for one that the tower makes up.")],
    stays: Annotated[
        bool, typer.Option("--stays", help="The code opens more than once, the locker stays taken.")
    ] = False,
) -> None:
    """Sets a keypad code for the locker that this session opened last.

    Example: openharbor phone keypad --code auto --tower 0100000000000014 --api https://example.com --token $TOKEN
    """
    made_up = call.do(lambda sdk: sdk.send_set_keypad_code(code, stays, b"", not stays))
    show(
        {"code": made_up}, call.as_json, lambda _: ["the code is set" if made_up is None else f"the code is {made_up}"]
    )


@command()
def sync(call: Call) -> None:
    """Brings the tower its commands and the cloud its events, in the session that goes on or in one of its own.

    What the cloud cannot take now is kept for the next sync; the exit code says so.

    Example: openharbor phone sync --tower 0100000000000014 --api https://example.com --token $TOKEN
    """
    from openharbor.phone import views
    from openharbor.phone.commands import fell_short, sync

    done = call.do(sync)
    show(views.synced(done), call.as_json, lambda _: views.sync_lines(done))
    if (failed := fell_short(done)) is not None:
        raise failed


@command()
def available(call: Call) -> None:
    """How many lockers are free, by type.

    Example: openharbor phone available --tower 0100000000000014 --api https://example.com --token $TOKEN
    """
    from openharbor.phone.commands import DELIVERY, within

    found = call.do(within(DELIVERY, lambda sdk: sdk.send_find_available_lockers()))
    lines = [f"type {kind}: {count}" for kind, count in found.items()] or ["none is free"]
    show({str(kind): count for kind, count in found.items()}, call.as_json, lambda _: lines)


@command()
def terminate(call: Call) -> None:
    """Syncs, and ends the session that goes on.

    Example: openharbor phone terminate --tower 0100000000000014 --api https://example.com --token $TOKEN
    """
    from openharbor.phone import views

    done = call.do(lambda sdk: sdk.send_terminate_session())
    made = {"ended": True, "sync": views.synced(done)}
    show(made, call.as_json, lambda _: [*views.sync_lines(done), "the session has ended"])


@command()
def status(call: Call) -> None:
    """What the tower says of itself, to its staff.

    Example: openharbor phone status --tower 0100000000000014 --api https://example.com --token $TOKEN
    """
    from openharbor.phone import views
    from openharbor.phone.commands import STAFF, status, within

    found = call.do(within(STAFF, status))
    show(views.status(*found), call.as_json, views.as_lines)


@command()
def locker(call: Call, number: Annotated[int, typer.Option("--number", help="On its door.", min=1, max=1023)]) -> None:
    """What the tower knows of a locker, for its staff.

    Example: openharbor phone locker --number 3 --tower 0100000000000014 --api https://example.com --token $TOKEN
    """
    from openharbor.phone import views
    from openharbor.phone.commands import STAFF, within

    found = call.do(within(STAFF, lambda sdk: sdk.send_get_locker_info(number)))
    show(views.locker(found), call.as_json, views.as_lines)


@command()
def configure(call: Call) -> None:
    """Sends the tower its configuration, as a technician. Exit code 3: it refused a part of it.

    Example: openharbor phone configure --tower 0100000000000014 --api https://example.com --token $TOKEN
    """
    from openharbor.phone.commands import STAFF, within

    what = call.do(within(STAFF, lambda sdk: sdk.download_tower_configuration()))
    lines = [f"{what.done} commands done", *(f"refused: {name}" for name in what.refused)]
    show({"done": what.done, "refused": what.refused}, call.as_json, lambda _: lines)
    if what.refused:
        sys.exit(REFUSED)


def _warn(text: str) -> None:
    print(f"openharbor: warning: {text}", file=sys.stderr)  # noqa: T201


def _end_jammed(what: "Opened") -> None:
    if what.seen is False:
        sys.exit(JAMMED)


def _claims(given: list[Claim] | None) -> tuple[str, ...]:
    return tuple(one.value for one in given or [Claim.LOCKER_DELIVERY])
