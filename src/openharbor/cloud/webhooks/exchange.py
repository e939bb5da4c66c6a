"""One POST over one connection to an address that was checked, and of the answer only its status.

Written on plain streams: the connection goes to the address given here while TLS checks the name of the URL, so that a
name that resolves differently a moment later leads nowhere else.
"""

import asyncio
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from openharbor.cloud.webhooks.addresses import Target

MOST_ADDRESSES = 4
CONNECT_S = 4.0  # for each address, where there are several
LONGEST_HEAD = 16 << 10
MOST_INTERIM = 4
IGNORED_BYTES, IGNORED_S = 4096, 0.5  # of the body: a receiver that has it sent ends in peace
STATUS_LINE = re.compile(rb"HTTP/1\.[0-9] ([1-5][0-9][0-9])(?: [^\r\n]*)?\r\n")


class MalformedAnswer(Exception):
    """What came back is not HTTP/1."""


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def post(
    target: Target,
    addresses: Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    tls: ssl.SSLContext,
    answered: Callable[[], None],
) -> int:
    """The status of the answer. Bounded by the caller's time; cancelling closes the connection.

    `answered` is called once the status is known: the caller's time ends there, what follows is bounded here.

    Raises OSError (ssl.SSLError among them), TimeoutError, EOFError when the answer breaks off, MalformedAnswer.
    """
    reader, writer = await _connect(target, addresses, tls)
    try:
        writer.write(_request(target, headers, body))
        status = await _status(reader)
        answered()
        await _ignore(reader)
        return status
    finally:
        writer.transport.abort()


async def _connect(target: Target, addresses: Sequence[str], tls: ssl.SSLContext) -> Connection:
    """To the first address that answers."""
    candidates = addresses[:MOST_ADDRESSES]
    for address in candidates[:-1]:
        with suppress(OSError):  # TimeoutError is one
            async with asyncio.timeout(CONNECT_S):
                return await _open(target, address, tls)
    return await _open(target, candidates[-1], tls)


async def _open(target: Target, address: str, tls: ssl.SSLContext) -> Connection:
    if not target.secure:
        return await asyncio.open_connection(address, target.port, limit=LONGEST_HEAD)
    return await asyncio.open_connection(address, target.port, limit=LONGEST_HEAD, ssl=tls, server_hostname=target.host)


def _request(target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    fixed = {"host": target.authority, "content-length": str(len(body)), "connection": "close", "accept": "*/*"}
    lines = [f"POST {target.resource} HTTP/1.1", *(f"{name}: {value}" for name, value in {**fixed, **headers}.items())]
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + body


async def _status(reader: asyncio.StreamReader) -> int:
    """The status of the final answer, once its headers are there."""
    for _ in range(MOST_INTERIM):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            raise MalformedAnswer from None
        found = STATUS_LINE.match(head)
        if found is None:
            raise MalformedAnswer
        status = int(found[1])
        if status >= 200 or status == 101:
            return status
    raise MalformedAnswer


async def _ignore(reader: asyncio.StreamReader) -> None:
    with suppress(OSError):
        async with asyncio.timeout(IGNORED_S):
            with suppress(asyncio.IncompleteReadError):
                await reader.readexactly(IGNORED_BYTES)
