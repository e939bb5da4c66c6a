"""Clients that are slow, greedy, wrong or hostile: each gets a clear error, and the others are served meanwhile."""

import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from harness.client import Client
from harness.gateways import Gateway, gateway, new_site
from harness.raw import answer, closed, connect, exchange

LIMIT = 65536
HEAD = b"POST /transactions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    directory = tmp_path_factory.mktemp("bad-clients")
    data = new_site(directory, [("virtual://wall?locks=16", 16)])
    with gateway(data, directory / "log") as served:
        served.wait_healthy()
        yield served


@pytest.fixture
def client(gate: Gateway) -> Iterator[Client]:
    with gate.client() as made:
        yield made


def serves_others(gate: Gateway, name: str) -> None:
    """A whole transaction by another client."""
    with gate.client() as client:
        assert client.post("/transactions", {"transactionId": name}).status == 201
        assert client.get(f"/transactions/{name}").status == 200
        assert client.delete(f"/transactions/{name}").status == 204


def sent_with_length(body: bytes, content_type: bytes = b"application/json") -> bytes:
    head = HEAD.replace(b"application/json", content_type)
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(body: bytes, size: int = 4096) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


def padded(size: int, name: str) -> bytes:
    """A valid body of this size."""
    start = b'{"transactionId": "%s"' % name.encode()
    return start + b" " * (size - len(start) - 1) + b"}"


# Slow --------------------------------------------------------------------


def test_clients_that_send_their_headers_byte_by_byte_hold_up_nobody(gate: Gateway) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(gate.service.host_port)) for _ in range(200)]
        for byte in HEAD:
            for sock in slow:
                sock.send(bytes([byte]))
            if byte == ord("\n"):
                serves_others(gate, "beside-slow-headers")
        slow[0].sendall(b"Content-Length: 2\r\n\r\n{}")
        status, body = answer(slow[0])
        assert (status, body["details"]) == (400, {"transactionId": "is required"})


def test_clients_that_send_their_body_byte_by_byte_hold_up_nobody_and_are_answered_in_the_end(gate: Gateway) -> None:
    body = b'{"transactionId": "slow"}'
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(gate.service.host_port)) for _ in range(100)]
        for sock in slow:
            sock.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body))
        for at in range(len(body)):
            for sock in slow:
                sock.send(body[at : at + 1])
            serves_others(gate, "beside-slow-bodies")
        statuses = sorted(answer(sock)[0] for sock in slow)
    assert statuses == [201] + [409] * 99
    with gate.client() as client:
        assert client.delete("/transactions/slow").status == 204


def test_a_client_that_leaves_in_the_middle_of_its_body_has_changed_nothing(gate: Gateway, client: Client) -> None:
    for part in (b"", b'{"transactionId": "half', b'{"transactionId": "half"'):
        with connect(gate.service.host_port) as sock:
            sock.sendall(HEAD + b"Content-Length: 25\r\n\r\n" + part)
    serves_others(gate, "after-leaving")
    assert client.get("/transactions/half").status == 404


IDLE = """
import socket, sys
host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
held = []
for _ in range(count):
    held.append(socket.create_connection((host, port), 60))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
def test_beside_ten_thousand_idle_connections_the_others_are_served(gate: Gateway) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if max(soft, hard) < 11_000:
        pytest.skip(f"needs 11,000 open files a process, this machine allows {hard}")
    host, _, port = gate.service.host_port.rpartition(":")
    with subprocess.Popen(
        [sys.executable, "-c", IDLE, host, port, "10000"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as idle:
        assert idle.stdin is not None
        assert idle.stdout is not None
        try:
            assert idle.stdout.readline() == b"held\n"
            for number in range(50):
                serves_others(gate, f"beside-idle-{number}")
            with gate.client() as client:
                opened = client.post("/lockers/16/open")
                assert (opened.status, opened.json["confirmed"]) == (200, True)
        finally:
            idle.stdin.close()
            idle.wait(60)
    serves_others(gate, "after-idle")


# Greedy ------------------------------------------------------------------


@pytest.mark.parametrize("framed", [sent_with_length, chunked])
def test_a_body_of_64_kib_is_read_and_one_byte_more_is_refused(gate: Gateway, framed: Any) -> None:
    name = f"large-{framed.__name__}"
    status, body = exchange(gate.service.host_port, framed(padded(LIMIT, name)))
    assert (status, body["transactionId"]) == (201, name)
    status, body = exchange(gate.service.host_port, framed(padded(LIMIT + 1, f"{name}-refused")))
    assert (status, body["error"], body["details"]) == (413, "PAYLOAD_TOO_LARGE", {"maxBytes": "65536"})
    with gate.client() as client:
        assert client.delete(f"/transactions/{name}").status == 204
        assert client.get(f"/transactions/{name}-refused").status == 404


def test_a_length_above_the_limit_is_refused_before_the_body_is_sent(gate: Gateway) -> None:
    status, body = exchange(gate.service.host_port, HEAD + b"Content-Length: 10000000000\r\n\r\n")
    assert (status, body["error"]) == (413, "PAYLOAD_TOO_LARGE")


def test_a_body_without_end_is_cut_off(gate: Gateway) -> None:
    with connect(gate.service.host_port) as sock:
        sock.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        sent = pour(sock, b"1000\r\n" + b"x" * 4096 + b"\r\n", most=64 << 20)
    assert sent < 64 << 20
    serves_others(gate, "beside-endless-body")


def pour(sock: socket.socket, piece: bytes, most: int) -> int:
    """Sends until the other side closes; the bytes it took."""
    sent = 0
    try:
        while sent < most:
            sock.sendall(piece)
            sent += len(piece)
    except OSError:
        pass
    return sent


def test_headers_without_end_are_cut_off(gate: Gateway) -> None:
    with connect(gate.service.host_port) as sock:
        sock.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
        sent = pour(sock, b"X-Padding: " + b"x" * 4096 + b"\r\n", most=64 << 20)
    assert sent < 64 << 20
    serves_others(gate, "beside-endless-headers")


# Wrong -------------------------------------------------------------------

DEEP = b"[" * 20_000 + b"]" * 20_000


@pytest.mark.parametrize(
    ("sent", "details"),
    [
        (b"", None),
        (b"{", None),
        (b"null", None),
        (b"[]", None),
        (b'"text"', None),
        (b'{"transactionId": "\xff"}', None),
        (b'{"transactionId": 5}', "transactionId"),
        (b'{"transactionId": null}', "transactionId"),
        (b'{"transactionId": ""}', "transactionId"),
        (b'{"transactionId": "..\\/etc"}', "transactionId"),
        (b'{"transactionId": "' + b"a" * 129 + b'"}', "transactionId"),
        (b'{"transactionId": "a", "requireLowLocker": "yes"}', "requireLowLocker"),
        (b'{"transactionId": "a", "lockerType": {"slug": "medium"}}', "lockerType"),
        (b'{"transactionId": "a", "lockerId": 1}', "lockerId"),
        (b'{"transactionId": ' + DEEP + b"}", None),
    ],
)
def test_a_malformed_body_is_told_with_the_field(client: Client, sent: bytes, details: str | None) -> None:
    refused = client.post("/transactions", sent)
    assert (refused.status, refused.error) == (400, "INVALID_REQUEST"), refused
    assert list(refused.json["details"]) == [details or "body"] if details else refused.json["details"]
    assert client.get("/transactions/a").status == 404


@pytest.mark.parametrize("content_type", [b"text/plain", b"application/x-www-form-urlencoded", b"multipart/form-data"])
def test_a_body_of_another_type_is_refused(gate: Gateway, content_type: bytes) -> None:
    status, body = exchange(gate.service.host_port, sent_with_length(b'{"transactionId": "a"}', content_type))
    assert (status, body["error"], body["details"]) == (
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        {"contentType": content_type.decode()},
    )


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/lockers/2", {"GET", "PATCH"}),
        ("DELETE", "/lockers", {"GET"}),
        ("POST", "/health", {"GET"}),
        ("GET", "/lockers/open-all", {"POST"}),
        ("PATCH", "/transactions", {"GET", "POST"}),
        ("GET", "/transactions/parcel/open", {"POST"}),
    ],
)
def test_a_method_that_a_path_lacks_is_told_with_those_it_has(
    client: Client, method: str, path: str, allow: set[str]
) -> None:
    refused = client.request(method, path)
    assert (refused.status, refused.error) == (405, "METHOD_NOT_ALLOWED")
    assert {word.strip() for word in refused.headers["allow"].split(",")} - {"HEAD", "OPTIONS"} == allow


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/nothing", 404, "NOT_FOUND"),
        ("GET", "/lockers/999", 404, "LOCKER_NOT_FOUND"),
        ("POST", "/lockers/999/open", 404, "LOCKER_NOT_FOUND"),
        ("GET", "/lockers/0", 400, "INVALID_REQUEST"),
        ("POST", "/lockers/one/open", 400, "INVALID_REQUEST"),
        ("GET", "/lockers/2147483648", 400, "INVALID_REQUEST"),
        ("GET", "/transactions/nobody", 404, "TRANSACTION_NOT_FOUND"),
        ("POST", "/transactions/nobody/open", 404, "TRANSACTION_NOT_FOUND"),
        ("DELETE", "/transactions/nobody", 404, "TRANSACTION_NOT_FOUND"),
        ("GET", "/transactions/.hidden", 400, "INVALID_REQUEST"),
        ("GET", "/transactions/%00", 400, "INVALID_REQUEST"),
        ("GET", "/lockers?available=maybe", 400, "INVALID_REQUEST"),
    ],
)
def test_unknown_and_malformed_ids_are_told_apart(
    client: Client, method: str, path: str, status: int, error: str
) -> None:
    refused = client.request(method, path)
    assert (refused.status, refused.error) == (status, error)


@pytest.mark.parametrize("key", ["", "a" * 256, "two words", "\xe9"])
def test_a_malformed_idempotency_key_is_refused_and_nothing_is_done(client: Client, key: str) -> None:
    refused = client.request("POST", "/transactions", {"transactionId": "keyed"}, {"Idempotency-Key": key})
    assert (refused.status, refused.error) == (400, "INVALID_REQUEST")
    assert list(refused.json["details"]) == ["Idempotency-Key"]
    assert client.get("/transactions/keyed").status == 404


@pytest.mark.parametrize(
    "garbage",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64, b"GET\r\n\r\n", b"\r\n" * 50 + b"\xff\r\n"],
)
def test_what_is_not_http_is_cut_off_and_the_rest_goes_on(gate: Gateway, garbage: bytes) -> None:
    with connect(gate.service.host_port) as sock:
        sock.sendall(garbage)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass
        assert closed(sock)
    serves_others(gate, "beside-garbage")


# Hostile -----------------------------------------------------------------


@pytest.mark.parametrize("origin", ["https://example.com", "null", "http://localhost.example.com"])
def test_a_web_page_of_another_origin_opens_nothing(client: Client, origin: str) -> None:
    refused = client.request("POST", "/lockers/15/open", headers={"Origin": origin})
    assert (refused.status, refused.error) == (403, "FORBIDDEN")
    assert client.get("/lockers/15").json["openCount"] == 0
    assert client.request("GET", "/lockers", headers={"Origin": origin}).status == 403


@pytest.mark.parametrize("host", ["example.com", "gateway.example.com:8080", "127.0.0.1.example.com"])
def test_a_host_that_is_not_the_gateways_opens_nothing(client: Client, host: str) -> None:
    refused = client.request("POST", "/lockers/15/open", headers={"Host": host})
    assert (refused.status, refused.error) == (403, "FORBIDDEN")
    assert client.get("/lockers/15").json["openCount"] == 0
    assert client.request("GET", "/health", headers={"Host": host}).status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]:8080", "192.168.1.20"])
def test_an_address_and_localhost_are_hosts_of_the_gateway(client: Client, host: str) -> None:
    assert client.request("GET", "/lockers", headers={"Host": host}).status == 200


def test_a_page_of_the_gateways_own_origin_is_served(gate: Gateway, client: Client) -> None:
    assert client.request("GET", "/lockers", headers={"Origin": gate.service.url}).status == 200
