"""The Local API as many callers see it: a connection for each call, so that threads may share one `Api`."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

PATIENCE_S = 120.0  # above the 92 s that an open may take at worst


@dataclass(frozen=True)
class Reply:
    """One answer. `body`: the decoded JSON, the text of another kind, None where there is none."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def error(self) -> str:
        """The error code; "" where the body is none."""
        return str(self.body.get("error", "")) if isinstance(self.body, dict) else ""

    @property
    def replayed(self) -> bool:
        return self.headers.get("idempotency-replayed") == "true"


@dataclass(frozen=True)
class Api:
    """One server, and the headers of every call to it."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def with_key(self, key: str) -> "Api":
        return Api(self.url, {**self.headers, "X-API-Key": key})

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Reply:
        """One request; `body` goes as JSON unless it is bytes. Header names have underscores: `Idempotency_Key="…"`."""
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        coded = {name: value.encode() for name, value in sent.items()}
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body=content, headers=coded)
            answer = connection.getresponse()
            return _reply(answer, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Reply:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: object = None, **headers: str) -> Reply:
        return self.call("POST", path, body, **headers)

    def patch(self, path: str, body: object, **headers: str) -> Reply:
        return self.call("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Reply:
        return self.call("DELETE", path, **headers)


def _reply(answer: http.client.HTTPResponse, content: bytes) -> Reply:
    headers = {name.lower(): value for name, value in answer.getheaders()}
    body: Any = content.decode() if content else None
    if body is not None and headers.get("content-type", "").startswith("application/json"):
        body = json.loads(body)
    return Reply(answer.status, headers, body)
