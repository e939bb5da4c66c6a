"""One attempt to deliver: the request of webhooks.md 1, and what came of it."""

import asyncio
import errno
import ssl
from functools import partial
from importlib.metadata import version

import msgspec

from openharbor.cloud.webhooks.addresses import Rules, Target, UrlFault, fault_of, target_of
from openharbor.cloud.webhooks.exchange import MalformedAnswer, post
from openharbor.cloud.webhooks.resolution import Resolve
from openharbor.kit.clock import Clock

LIMIT_S = 15.0
USER_AGENT = f"openharbor-webhooks/{version('openharbor')}"
NO_ADDRESS = "the name has no address"
REFUSED_BY = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.ENETUNREACH: "network unreachable",
    errno.EHOSTUNREACH: "host unreachable",
    errno.ETIMEDOUT: "timeout",
}


class Attempt(msgspec.Struct, frozen=True):
    """How an attempt ended. `at`: its start, ms since 1970. `error`: why there was no answer."""

    at: int
    response_status: int | None
    error: str | None
    duration_ms: int


class Letter(msgspec.Struct, frozen=True):
    """What is sent: `signature` is made for `timestamp_s`, the Unix time of the attempt."""

    url: str
    message_id: str
    timestamp_s: int
    signature: str
    body: bytes


class Courier(msgspec.Struct, frozen=True):
    """What an attempt needs besides the letter. `limit_s`: for all of it, from the name to the answer."""

    clock: Clock
    resolve: Resolve
    rules: Rules
    tls: ssl.SSLContext
    limit_s: float = LIMIT_S


async def attempt(courier: Courier, letter: Letter) -> Attempt:
    """Sends it once. Never raises for anything that the receiver, its name or the network does."""
    at, begun = courier.clock.now(), courier.clock.monotonic()
    status, error = await _outcome(courier, letter)
    return Attempt(at, status, error, round((courier.clock.monotonic() - begun) * 1000))


async def _outcome(courier: Courier, letter: Letter) -> tuple[int | None, str | None]:
    target = target_of(letter.url)
    if isinstance(target, UrlFault):
        return None, target.msg
    try:
        async with asyncio.timeout(courier.limit_s) as limit:
            return await _sent(courier, letter, target, limit)
    except TimeoutError:
        return None, f"no answer within {courier.limit_s:g} s" if limit.expired() else "timeout"
    except (OSError, EOFError, MalformedAnswer, ValueError) as error:
        return None, _told(error)


async def _sent(
    courier: Courier, letter: Letter, target: Target, limit: asyncio.Timeout
) -> tuple[int | None, str | None]:
    addresses = await courier.resolve(target.host, target.port)
    if not addresses:
        return None, NO_ADDRESS
    fault = fault_of(target, addresses, courier.rules)
    if fault is not None:
        return None, fault.msg
    headers, answered = _headers(letter), partial(limit.reschedule, None)
    return await post(target, addresses, headers, letter.body, courier.tls, answered), None


def _headers(letter: Letter) -> dict[str, str]:
    return {
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "webhook-id": letter.message_id,
        "webhook-timestamp": str(letter.timestamp_s),
        "webhook-signature": letter.signature,
    }


def _told(error: Exception) -> str:
    """In few words, without what the system adds."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not valid: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {(error.reason or 'unknown').lower().replace('_', ' ')}"
    if isinstance(error, EOFError):
        return "connection closed before the answer"
    if isinstance(error, MalformedAnswer):
        return "the answer is not HTTP"
    if isinstance(error, OSError):
        return REFUSED_BY.get(error.errno or 0, "connection failed")
    return "the address cannot be used"
