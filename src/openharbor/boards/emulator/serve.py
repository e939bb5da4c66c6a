"""`openharbor cabinet serve`: an emulated cabinet that others can use until it is stopped (cli.md)."""

import asyncio
import contextlib
import json as json_text
import os
import signal
from collections.abc import Callable, Coroutine, Sequence

from openharbor.boards.emulator.control_server import serve_control
from openharbor.boards.emulator.emulator import Emulator
from openharbor.boards.emulator.families import Transport, family_named
from openharbor.boards.emulator.runner import ScaledClock
from openharbor.kit.clock import SystemClock
from openharbor.kit.errors import Failed

USAGE, INTERRUPTED = 2, 130

Announce = Callable[[Sequence[tuple[str, int]]], contextlib.AbstractAsyncContextManager[None]]


def ready_line(urls: Sequence[str], control: str, *, as_json: bool = False) -> str:
    """The line that says where the boards and the control API are. One URL a board."""
    if as_json:
        return json_text.dumps({"ready": "cabinet", "address": urls[0], "addresses": list(urls), "control": control})
    return f"openharbor cabinet ready {' '.join(urls)} control {control}"


async def serve_cabinet(
    *,
    protocol: str,
    lockers: int | None = 16,
    port: int = 0,
    pty: bool = False,
    board: int | None = None,
    boards: Sequence[int] | None = None,
    control_port: int = 0,
    seed: int = 7,
    speed: float = 1,
    json: bool = False,
    allow_remote_control: bool = False,
    announce: Announce | None = None,
    on_ready: Callable[[str], None],
) -> None:
    """Serves until cancelled; tells the ready line when boards and control accept work. Raises Failed.

    `announce` tells the network of the boards, given as URL and number of locks, as long as they are served.
    """
    emulator = _emulator(protocol, lockers, port, _addresses(board, boards), seed, speed, pty=pty)
    try:
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(emulator)
            control = await stack.enter_async_context(
                serve_control(emulator, control_port, remote=allow_remote_control)
            )
            urls = [emulator.url(address) for address in emulator.cabinet.boards]
            if announce is not None:
                sizes = [len(locks) for locks in emulator.locks.values()]
                await stack.enter_async_context(announce(list(zip(urls, sizes, strict=True))))
            on_ready(ready_line(urls, control, as_json=json))
            await asyncio.get_running_loop().create_future()
    except OSError as error:
        where = f"port {port} or control port {control_port}"
        raise Failed(f"cannot listen on {where}: {error.strerror or error}; choose another, or 0 for any") from error


def run(
    *,
    protocol: str,
    lockers: int | None = 16,
    port: int = 0,
    pty: bool = False,
    board: int | None = None,
    boards: str | None = None,
    control_port: int = 0,
    seed: int = 7,
    speed: float = 1,
    allow_remote_control: bool = False,
    announce: Announce | None = None,
    as_json: bool = False,
    say: Callable[[str], None],
) -> int:
    """The whole command; gives the exit code. SIGTERM and SIGINT end it with 0, a second one with 130 at once."""
    serving = serve_cabinet(
        protocol=protocol,
        lockers=lockers,
        port=port,
        pty=pty,
        board=board,
        boards=_listed(boards),
        control_port=control_port,
        seed=seed,
        speed=speed,
        json=as_json,
        allow_remote_control=allow_remote_control,
        announce=announce,
        on_ready=say,
    )
    asyncio.run(_until_stopped(serving))
    return 0


async def _until_stopped(serving: Coroutine[None, None, None]) -> None:
    task = asyncio.ensure_future(serving)
    asked = False

    def stop() -> None:
        nonlocal asked
        if asked:
            os._exit(INTERRUPTED)
        asked = True
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _listed(boards: str | None) -> list[int] | None:
    if boards is None:
        return None
    parts = [part.strip() for part in boards.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) <= 3 for part in parts):
        raise Failed(f"--boards must be addresses like 0,1, not {boards!r}", USAGE)
    return [int(part) for part in parts]


def _addresses(board: int | None, boards: Sequence[int] | None) -> list[int] | None:
    if board is not None and boards is not None:
        raise Failed("--board and --boards exclude each other", USAGE)
    return [board] if board is not None else None if boards is None else list(boards)


def _emulator(
    protocol: str, lockers: int | None, port: int, boards: list[int] | None, seed: int, speed: float, *, pty: bool
) -> Emulator:
    transport: Transport = "pty" if pty else "tcp"
    if pty and port:
        raise Failed("--port and --pty exclude each other", USAGE)
    try:
        family_named(protocol)
        clock = SystemClock() if speed == 1 else ScaledClock(SystemClock(), speed)
        return Emulator(protocol, boards, lockers, seed=seed, transport=transport, port=port, clock=clock)
    except ValueError as error:
        raise Failed(str(error), USAGE) from error
