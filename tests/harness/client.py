"""A plain HTTP client: one keep-alive connection, no retries, so that a lost answer is seen as lost."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

LOST = (OSError, http.client.HTTPException)  # the answer did not come: whether anything was done is not known
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Answered:
    """One whole answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The error code, or what came instead, to be shown by an assertion."""
        try:
            return str(self.json["error"])
        except (ValueError, KeyError, TypeError):
            return f"no error: {self.status} {self.body[:200]!r}"

    @property
    def replayed(self) -> bool:
        return self.headers.get("idempotency-replayed") == "true"


class Client:
    """Not for use by two threads at once. Requests raise one of LOST when no whole answer came."""

    def __init__(self, host_port: str, *, timeout: float = 90.0, headers: Mapping[str, str] = NO_HEADERS) -> None:
        host, _, port = host_port.rpartition(":")
        self._connection = http.client.HTTPConnection(host, int(port), timeout=timeout)
        self._headers = dict(headers)

    def request(self, method: str, path: str, body: object = None, headers: Mapping[str, str] = NO_HEADERS) -> Answered:
        """Sends `body` as JSON unless it is bytes."""
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        all_headers = {**self._headers, **({} if sent is None else {"Content-Type": "application/json"}), **headers}
        try:
            self._connection.request(method, path, sent, all_headers)
            response = self._connection.getresponse()
            content = response.read()
        except BaseException:
            self._connection.close()
            raise
        return Answered(response.status, {name.lower(): value for name, value in response.getheaders()}, content)

    def get(self, path: str, headers: Mapping[str, str] = NO_HEADERS) -> Answered:
        return self.request("GET", path, headers=headers)

    def post(self, path: str, body: object = None, *, key: str | None = None) -> Answered:
        return self.request("POST", path, body, {} if key is None else {"Idempotency-Key": key})

    def patch(self, path: str, body: object) -> Answered:
        return self.request("PATCH", path, body)

    def delete(self, path: str) -> Answered:
        return self.request("DELETE", path)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
