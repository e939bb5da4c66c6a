"""Bytes on a socket, for requests that no well-behaved client sends."""

import http.client
import json
import socket
from typing import Any


def connect(host_port: str, timeout: float = 30.0) -> socket.socket:
    host, _, port = host_port.rpartition(":")
    return socket.create_connection((host, int(port)), timeout)


def answer(sock: socket.socket) -> tuple[int, Any]:
    """Status and JSON of the next answer. Raises http.client.HTTPException when the connection ends without one."""
    response = http.client.HTTPResponse(sock)
    response.begin()
    body = response.read()
    return response.status, json.loads(body) if body else None


def closed(sock: socket.socket) -> bool:
    """Whether the other side has closed, reading what is left. Does not wait."""
    sock.setblocking(False)
    try:
        while sock.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    else:
        return True


def exchange(host_port: str, request: bytes) -> tuple[int, Any]:
    """Sends the bytes on a connection of their own; the answer."""
    with connect(host_port) as sock:
        sock.sendall(request)
        return answer(sock)
