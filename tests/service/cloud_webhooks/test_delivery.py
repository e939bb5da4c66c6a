"""One attempt, against receivers that behave in every way (webhooks.md 1 and 7)."""

import asyncio
import ipaddress
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from openharbor.cloud.webhooks.addresses import Rules
from openharbor.cloud.webhooks.delivery import USER_AGENT, Attempt, Courier, Letter, attempt
from openharbor.cloud.webhooks.resolution import Resolve, Resolver
from openharbor.cloud.webhooks.signing import signature
from openharbor.kit.clock import SystemClock
from service.cloud_webhooks.receivers import OK, Behave, answers, floods, hangs, listening, sends
from service.cloud_webhooks.rig import SECRET

ID, BODY = "msg_01JQRW5T2M8Z4N6P0C3V7X9KDB", b'{"event":"LOCKER_OPERATION"}'
NOT_ALLOWED = "URL resolves to an address that is not allowed"


def letter(url: str) -> Letter:
    now = int(time.time())
    return Letter(url, ID, now, signature([SECRET], ID, now, BODY), BODY)


def courier(
    *,
    limit_s: float = 15.0,
    resolve: Resolve | None = None,
    rules: Rules = Rules(),  # noqa: B008  # frozen
    tls: ssl.SSLContext | None = None,
) -> Courier:
    return Courier(SystemClock(), resolve or Resolver(), rules, tls or ssl.create_default_context(), limit_s=limit_s)


async def outcome(behave: Behave, limit_s: float = 15.0) -> Attempt:
    async with listening(behave) as receiver:
        return await attempt(courier(limit_s=limit_s), letter(receiver.url))


def resolves_to(*addresses: str) -> Resolve:
    async def resolve(host: str, port: int) -> tuple[str, ...]:
        return addresses

    return resolve


async def test_the_request_is_the_documented_one() -> None:
    async with listening(path="/hooks?shop=1") as receiver:
        done = await attempt(courier(), letter(receiver.url))
        (request,) = await receiver.got(1)
    assert (done.response_status, done.error) == (200, None)
    assert request.line == "POST /hooks?shop=1 HTTP/1.1"
    assert request.headers["host"] == receiver.url.split("/")[2]
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"] == USER_AGENT
    assert request.body == BODY
    assert request.verified(SECRET) == {"event": "LOCKER_OPERATION"}


@pytest.mark.parametrize("status", [200, 204, 301, 400, 404, 410, 429, 500, 503])
async def test_the_status_is_told(status: int) -> None:
    done = await outcome(answers(status))
    assert (done.response_status, done.error) == (status, None)


async def test_a_redirect_is_never_followed() -> None:
    async with listening() as elsewhere:
        done = await outcome(answers(307, headers=f"location: {elsewhere.url}\r\n"))
        assert (done.response_status, elsewhere.connections) == (307, 0)


@pytest.mark.parametrize(
    "behave",
    [
        floods,
        sends(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf", then_hangs=True),
        sends(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf"),
        sends(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
        sends(b"HTTP/1.0 200\r\n\r\n"),
    ],
)
async def test_the_body_of_an_answer_is_ignored(behave: Behave) -> None:
    done = await outcome(behave)
    assert (done.response_status, done.error) == (200, None)


async def test_an_answer_that_came_in_time_counts_though_its_body_takes_longer() -> None:
    done = await outcome(sends(b"HTTP/1.1 200 OK\r\n\r\nhalf", then_hangs=True), limit_s=0.4)
    assert done.response_status == 200


@pytest.mark.parametrize(
    ("behave", "error"),
    [
        (sends(b""), "connection closed before the answer"),
        (sends(b"HTTP/1.1 200 OK\r\ncontent-le"), "connection closed before the answer"),
        (sends(b"SSH-2.0-OpenSSH\r\n\r\n"), "the answer is not HTTP"),
        (sends(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000, then_hangs=True), "the answer is not HTTP"),
        (sends(b"HTTP/1.1 100 Continue\r\n\r\n" * 10), "the answer is not HTTP"),
        (sends(b"HTTP/1.1 999 Odd\r\n\r\n"), "the answer is not HTTP"),
    ],
)
async def test_an_answer_that_is_none_is_told(behave: Behave, error: str) -> None:
    done = await outcome(behave)
    assert (done.response_status, done.error) == (None, error)


@pytest.mark.parametrize("behave", [hangs, sends(b"HTTP/1.1 200 OK\r\nx: y\r\n", then_hangs=True)])
async def test_a_receiver_that_hangs_is_left_after_the_limit(behave: Behave) -> None:
    done = await outcome(behave, limit_s=0.2)
    assert (done.response_status, done.error) == (None, "no answer within 0.2 s")
    assert done.duration_ms >= 190


async def test_a_receiver_that_does_not_listen_is_told() -> None:
    async with listening() as receiver:
        url = receiver.url
    done = await attempt(courier(), letter(url))
    assert (done.response_status, done.error) == (None, "connection refused")


async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    async with listening() as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        done = await attempt(courier(resolve=resolves_to("127.0.0.1")), letter(f"http://shop.example.com:{port}/hooks"))
        (request,) = await receiver.got(1)
    assert done.response_status == 200
    assert request.headers["host"] == f"shop.example.com:{port}"


async def test_where_a_name_has_several_addresses_the_next_one_is_tried() -> None:
    async with listening() as receiver:
        url = receiver.url.replace("127.0.0.1", "localhost")
        done = await attempt(courier(resolve=resolves_to("127.99.0.1", "127.0.0.1")), letter(url))
    assert done.response_status == 200


@pytest.mark.parametrize(
    "addresses", [["10.0.0.1"], ["127.0.0.1", "10.0.0.1"], ["::ffff:10.0.0.1"], ["64:ff9b::a00:1"]]
)
async def test_a_name_that_now_leads_inside_is_refused_and_nothing_is_sent(addresses: list[str]) -> None:
    async with listening() as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        refused = courier(resolve=resolves_to(*addresses), rules=Rules(loopback=True))
        done = await attempt(refused, letter(f"https://shop.example.com:{port}/hooks"))
        assert (done.response_status, done.error) == (None, NOT_ALLOWED)
        assert receiver.connections == 0


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]"]
)
async def test_this_machine_is_refused_in_every_spelling_where_it_is_not_allowed(host: str) -> None:
    done = await attempt(courier(rules=Rules(loopback=False)), letter(f"https://{host}/"))
    assert done.error in (NOT_ALLOWED, "the name has no address")


async def test_a_name_without_an_address_is_told() -> None:
    done = await attempt(courier(resolve=resolves_to()), letter("https://shop.example.com/"))
    assert (done.response_status, done.error) == (None, "the name has no address")


async def test_a_name_server_that_hangs_is_left_after_the_limit() -> None:
    async def resolve(host: str, port: int) -> tuple[str, ...]:
        await asyncio.Event().wait()
        return ()

    done = await attempt(courier(resolve=resolve, limit_s=0.1), letter("https://shop.example.com/"))
    assert done.error == "no answer within 0.1 s"


# TLS --------------------------------------------------------------------


def certificate(directory: Path, name: str, *, days: int = 1) -> tuple[Path, Path]:
    """A self-signed one for this name or address, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    try:
        alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        alternative = x509.DNSName(name)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=10))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, private = directory / "chain.pem", directory / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, private


async def over_tls(directory: Path, named: str, host: str, *, days: int = 1, trusted: bool = True) -> Attempt:
    chain, key = certificate(directory, named, days=days)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(chain, key)
    client = ssl.create_default_context(cafile=str(chain) if trusted else None)
    async with listening(OK, tls=server) as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        sent = letter(f"https://{host}:{port}/hooks")
        return await attempt(courier(resolve=resolves_to("127.0.0.1"), tls=client), sent)


@pytest.mark.parametrize("name", ["shop.example.com", "127.0.0.1"])
async def test_tls_checks_the_name_of_the_url_and_not_the_address(tmp_path: Path, name: str) -> None:
    assert (await over_tls(tmp_path, name, name)).response_status == 200


@pytest.mark.parametrize(
    ("named", "days", "trusted", "error"),
    [
        ("other.example.com", 1, True, "certificate not valid: Hostname mismatch"),
        ("shop.example.com", -1, True, "certificate not valid: certificate has expired"),
        ("shop.example.com", 1, False, "certificate not valid: self-signed certificate"),
    ],
)
async def test_a_certificate_that_is_not_good_is_told(
    tmp_path: Path, named: str, days: int, trusted: bool, error: str
) -> None:
    done = await over_tls(tmp_path, named, "shop.example.com", days=days, trusted=trusted)
    assert done.response_status is None
    assert (done.error or "").startswith(error)


async def test_a_receiver_that_speaks_no_tls_is_told() -> None:
    def speak(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        done = await attempt(courier(), letter(f"https://127.0.0.1:{port}/"))
    assert (done.response_status, done.error) == (None, "TLS failed: wrong version number")
