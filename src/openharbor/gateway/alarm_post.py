"""One POST to the alarm webhook's receiver: of the answer, only its status (webhooks.md 1)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version

import httpx2

LIMIT_S = 15.0
USER_AGENT = f"openharbor-webhooks/{version('openharbor')}"

Post = Callable[[str, Mapping[str, str], bytes], Awaitable[int | None]]


async def post(url: str, headers: Mapping[str, str], body: bytes) -> int | None:
    """The status; None when there was no answer within 15 s. Follows no redirect, reads no body."""
    sent = {**headers, "user-agent": USER_AGENT}
    try:
        async with (
            asyncio.timeout(LIMIT_S),
            httpx2.AsyncClient(timeout=LIMIT_S, follow_redirects=False, trust_env=False) as client,
            client.stream("POST", url, headers=sent, content=body) as response,
        ):
            return int(response.status_code)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError):  # TimeoutError is an OSError
        return None
