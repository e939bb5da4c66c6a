"""Fetching another issuer's documents over HTTP."""

import httpx2

from openharbor.cloud.accounts.issuer_keys import Fetch, Unreachable

TIMEOUT_S = 10.0
LARGEST = 1 << 20
ACCEPT = {"Accept": "application/json"}


def fetcher() -> Fetch:
    """Gets a document of at most 1 MiB; follows no redirect, waits 10 s at each step."""

    async def fetch(url: str) -> bytes:
        try:
            async with (
                httpx2.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False) as client,
                client.stream("GET", url, headers=ACCEPT) as response,
            ):
                if response.status_code != 200:
                    raise Unreachable(f"{url} answered {response.status_code}")
                return await _read(response, url)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Unreachable(f"{url} did not answer ({type(error).__name__})") from error

    return fetch


async def _read(response: httpx2.Response, url: str) -> bytes:
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > LARGEST:
            raise Unreachable(f"{url} answered more than {LARGEST} bytes")
    return bytes(body)
