"""A line that is cut during a commit: nobody is told that it was done, and nothing is done twice."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

import psycopg
import pytest

from harness.postgres import Server, running
from openharbor.kit.database.face import OutcomeUnknown, Transaction
from openharbor.kit.database.postgres import PostgresDatabase

TABLE = "CREATE TABLE notes (number BIGINT)"
DONE = b"COMMIT\x00"  # the tag that the server answers with


class Wire:
    """A line to the server that is cut once, in place of the bytes that begin a commit or those that end it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.cut_before: tuple[str, bytes] | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._sockets = [self._listener]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        for end in self._sockets:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                self._sockets += [client, server]
                for ends in (("to server", client, server), ("to client", server, client)):
                    self._threads.append(threading.Thread(target=self._pump, args=ends))
                    self._threads[-1].start()

    def _pump(self, direction: str, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if self.cut_before and self.cut_before[0] == direction and self.cut_before[1] in data:
                    self.cut_before = None
                    break
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def wire(port: int) -> Iterator[Wire]:
    line = Wire(port)
    try:
        yield line
    finally:
        line.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as server:
        yield server


def note(runs: list[int], number: int, tx: Transaction) -> None:
    runs.append(number)
    tx.execute("INSERT INTO notes (number) VALUES (:number)", number=number)


@pytest.mark.parametrize(("direction", "marker", "done"), [("to server", b"COMMIT", False), ("to client", DONE, True)])
async def test_a_commit_cut_off_is_told_as_unknown_and_not_repeated(
    server: Server, direction: str, marker: bytes, done: bool
) -> None:
    url = server.database()
    with psycopg.connect(url) as connection:
        connection.execute(TABLE)
    runs: list[int] = []
    with wire(server.port) as line:
        through = url.replace(f":{server.port}/", f":{line.port}/")
        database = PostgresDatabase(through, threads=1, trial_seconds=0.02)
        line.cut_before = (direction, marker)
        with pytest.raises(OutcomeUnknown, match="whether it was done is not known"):
            await database.write(partial(note, runs, 1))
        assert runs == [1]
        await database.close()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT number FROM notes").fetchall() == ([(1,)] if done else [])


async def test_a_unit_cut_off_before_its_commit_is_done_once(server: Server) -> None:
    url = server.database()
    with psycopg.connect(url) as connection:
        connection.execute(TABLE)
    runs: list[int] = []
    with wire(server.port) as line:
        through = url.replace(f":{server.port}/", f":{line.port}/")
        database = PostgresDatabase(through, threads=1)
        line.cut_before = ("to client", b"INSERT 0 1")
        await database.write(partial(note, runs, 1))
        assert runs == [1, 1]
        assert database.state == "ok"
        await database.close()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT number FROM notes").fetchall() == [(1,)]
