"""One HTTP server in this process: listens, says when it is ready, and ends in order on a signal."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import resource
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import structlog
import uvicorn
import uvloop
from msgspec.structs import replace

from openharbor.kit.clock import Clock, SystemClock
from openharbor.kit.errors import Failed
from openharbor.kit.http.connections import ConnectionLimits, Ledger, keep_sweeping, protocol_of
from openharbor.kit.http.error_styles import GATEWAY_STYLE, ErrorStyle
from openharbor.kit.signals import stopped_by_signals

log = structlog.get_logger("openharbor.http")
T = TypeVar("T")

BACKLOG = 1024
COLLECT_AFTER = (20_000, 20, 100)  # a request leaves no cycles; looking for some after every 700 objects costs a tenth
SWITCH_S = 0.0005  # the thread that writes asks for the interpreter at each statement; 5 ms is too long to wait


def run(main: Coroutine[Any, Any, T]) -> T:
    """Runs a service's coroutine on uvloop; what `serve` needs around it is started in there."""
    sys.setswitchinterval(SWITCH_S)
    gc.set_threshold(*COLLECT_AFTER)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


async def serve(
    app: Any,
    host: str,
    port: int,
    *,
    on_ready: Callable[[str], None],
    on_stop: Callable[[], Awaitable[None]] | None = None,
    stop: asyncio.Event | None = None,
    signals: bool = True,
    limits: ConnectionLimits = ConnectionLimits(),  # noqa: B008  # frozen
    stop_seconds: int = 10,
    clock: Clock | None = None,
    ssl_certfile: Path | None = None,
    ssl_keyfile: Path | None = None,
    error_style: ErrorStyle = GATEWAY_STYLE,
    listener: socket.socket | None = None,
) -> None:
    """Serves `app` until SIGTERM, SIGINT or `stop`; `on_ready` gets the URL, with the port that port 0 came to be.

    The first signal calls `on_stop`, during which requests are still answered, then ends within `stop_seconds`; a
    second one ends the process at once with code 130 (cli.md). `signals` False leaves them to the caller. `error_style`
    is the app's, for what is refused before it gets there. `listener`: from `listen`, in place of `host` and `port`;
    it is closed in the end. Raises Failed when the address cannot be had.
    """
    listener = listener if listener is not None else listen(host, port)
    ready = _ready_in_own_process(on_ready) if signals else on_ready
    limits = replace(limits, connections=min(limits.connections, most_connections(raise_file_limit())))
    ledger = Ledger(limits, (clock or SystemClock()).now, error_style)
    server = _Server(
        uvicorn.Config(
            app,
            http=protocol_of(ledger),
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=limits.idle_seconds,
            timeout_graceful_shutdown=stop_seconds,
            ssl_certfile=ssl_certfile,
            ssl_keyfile=ssl_keyfile,
        ),
        lambda: ready(url_of(listener, "http" if ssl_certfile is None else "https")),
    )
    stop = stop if stop is not None else asyncio.Event()
    with stopped_by_signals(stop) if signals else contextlib.nullcontext():
        await _run(server, listener, ledger, stop, on_stop)


def _ready_in_own_process(on_ready: Callable[[str], None]) -> Callable[[str], None]:
    """Takes what was made until now, which stays for good, out of the garbage collector's sight."""

    def ready(url: str) -> None:
        gc.collect()
        gc.freeze()
        on_ready(url)

    return ready


async def _run(
    server: _Server,
    listener: socket.socket,
    ledger: Ledger,
    stop: asyncio.Event,
    on_stop: Callable[[], Awaitable[None]] | None,
) -> None:
    sweeping = asyncio.create_task(keep_sweeping(ledger))
    stopping = asyncio.create_task(_stop_when_asked(server, stop, on_stop))
    try:
        await server.serve([listener])
    except SystemExit as error:
        raise Failed("the service could not be started; the log says why") from error
    finally:
        for task in (sweeping, stopping):
            task.cancel()
        await asyncio.gather(sweeping, stopping, return_exceptions=True)
        listener.close()


async def _stop_when_asked(
    server: uvicorn.Server, stop: asyncio.Event, on_stop: Callable[[], Awaitable[None]] | None
) -> None:
    await stop.wait()
    try:
        if on_stop is not None:
            await on_stop()
    except Exception as error:  # a failed farewell must not keep the server up
        log.error("Stopping in order failed", exc_info=error)  # noqa: TRY400  # structlog
    server.should_exit = True


class _Server(uvicorn.Server):
    """uvicorn's server, with the signals left to us and a word when it accepts."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def listen(host: str, port: int) -> socket.socket:
    """Takes an address; nothing is answered there yet. Raises Failed when it cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise Failed(f"cannot listen on {host}:{port}: {error.strerror}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise Failed(f"cannot listen on {host}:{port}: {error.strerror}; choose another --host or --port") from error
    return listener


def url_of(listener: socket.socket, scheme: str) -> str:
    """The address of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def raise_file_limit() -> int:
    """Raises the number of files this process may have open as far as it is allowed to; the number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 1 << 20


def most_connections(files: int) -> int:
    """Connections that leave room for what arrives before one is closed, and for the service's own files."""
    return max(16, files - BACKLOG - 256 if files > 4 * BACKLOG else files // 2)
