"""The server as a process: signals, and more connections than it has room for."""

import asyncio
import resource
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path

import pytest

from openharbor.kit.clock import SteppedClock
from openharbor.kit.errors import Failed
from openharbor.kit.http.app import make_app
from openharbor.kit.http.server import listen, most_connections, raise_file_limit, serve, url_of

from .room import Door, Room, read_answer

ROOM = Path(__file__).with_name("room_process.py")
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
FLOOD = 6000


async def line(process: Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 10)).decode().strip()


@asynccontextmanager
async def room_process() -> AsyncIterator[tuple[Process, str, int]]:
    process = await asyncio.create_subprocess_exec(sys.executable, str(ROOM), stdout=PIPE)
    try:
        ready, url = (await line(process)).split()
        assert ready == "ready"
        host, _, port = url.removeprefix("http://").rpartition(":")
        yield process, host, int(port)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def ask(host: str, port: int, request: bytes = GET) -> int:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(request)
    status = (await read_answer(reader)).status
    writer.close()
    return status


async def test_a_signal_ends_in_order_and_reads_are_answered_meanwhile() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        async with room_process() as (process, host, port):
            process.send_signal(number)
            assert await line(process) == "draining"
            assert await ask(host, port) == 200
            assert await ask(host, port, GET.replace(b"GET /", b"POST /go-on")) == 204
            assert [await line(process), await line(process)] == ["drained", "ended"]
            assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_a_second_signal_ends_at_once_with_130() -> None:
    async with room_process() as (process, _, _):
        process.send_signal(signal.SIGTERM)
        assert await line(process) == "draining"
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 130


async def test_thousands_of_idle_connections_keep_nobody_out() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < FLOOD + 1000:
        pytest.skip(f"needs {FLOOD + 1000} open files, this machine allows {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        async with room_process() as (_, host, port), AsyncExitStack() as stack:
            for number in range(FLOOD):
                idle = stack.enter_context(closing(socket.create_connection((host, port), 10)))
                if number % 2:
                    idle.send(GET[:-2])  # half a request is no reason to stay
            for _ in range(20):
                assert await ask(host, port) == 200
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_an_address_that_cannot_be_had_is_told_in_one_line(room: Room) -> None:
    port = int(room.host_port.rpartition(":")[2])
    with pytest.raises(Failed, match=rf"cannot listen on 127\.0\.0\.1:{port}: .*; choose another"):
        await serve(None, "127.0.0.1", port, on_ready=print, signals=False)
    with pytest.raises(Failed, match=r"cannot listen on no\.such\.host\.invalid"):
        await serve(None, "no.such.host.invalid", 0, on_ready=print, signals=False)


async def test_an_address_may_be_taken_before_there_is_anything_to_serve() -> None:
    listener = listen("127.0.0.1", 0)
    url, stop = url_of(listener, "http"), asyncio.Event()
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    app = make_app([], gatekeeper=Door(), clock=SteppedClock())
    served = asyncio.create_task(
        serve(app, "", 0, on_ready=ready.set_result, stop=stop, signals=False, listener=listener)
    )
    try:
        assert await asyncio.wait_for(ready, 10) == url
        assert await ask("127.0.0.1", int(url.rpartition(":")[2])) == 404
    finally:
        stop.set()
        await served
    assert listener.fileno() == -1


@pytest.mark.parametrize(("files", "connections"), [(20, 16), (1024, 512), (4096, 2048), (20_000, 18_720)])
def test_connections_leave_files_for_everything_else(files: int, connections: int) -> None:
    assert most_connections(files) == connections


def test_the_file_limit_is_raised_as_far_as_it_may_be() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
        assert raise_file_limit() == hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
