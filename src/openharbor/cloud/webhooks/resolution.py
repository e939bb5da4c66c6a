"""Names to addresses, in threads of its own: a name server that hangs must not hold up anything else."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Protocol

THREADS = 32
LONGEST_S = 10.0


class Resolve(Protocol):
    """The addresses of a host; none if it has none, or cannot be asked."""

    async def __call__(self, host: str, port: int) -> tuple[str, ...]: ...


class Resolver:
    """Asks the system. An address written out is its own answer."""

    def __init__(self, limit_s: float = LONGEST_S) -> None:
        self._limit_s = limit_s
        self._threads = ThreadPoolExecutor(THREADS, "webhook names")

    async def __call__(self, host: str, port: int) -> tuple[str, ...]:
        if _is_address(host):
            return (host,)
        asking = asyncio.get_running_loop().run_in_executor(self._threads, _addresses, host, port)
        try:
            async with asyncio.timeout(self._limit_s):
                return await asking
        except TimeoutError:
            return ()

    def close(self) -> None:
        """Idempotent; does not wait for a name server that hangs."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _addresses(host: str, port: int) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
