"""Pages for people beside the operations: Starlette routes, with the headers that every page has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from openharbor.kit.errors import Refusal
from openharbor.kit.http.answers import PAGE_HEADERS, Header
from openharbor.kit.http.routing import not_offered

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

Send = Callable[[Any], Awaitable[None]]
Receive = Callable[[], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Page:
    """A route that answers this request."""

    route: BaseRoute

    async def serve(self, scope: Any, receive: Receive, send: Send, request_id: str) -> int | Exception:
        """Answers through the route; the status, or the error that came before anything was sent."""
        status: int | None = None

        async def send_page(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": _page_headers(message["headers"], request_id)}
            await send(message)

        try:
            await self.route.handle(scope, receive, send_page)
        except Exception as error:
            if status is not None:
                raise
            return error
        return 500 if status is None else status


Pages = Callable[[Any], Page | Refusal | None]


def make_pages(routes: Sequence[BaseRoute]) -> Pages:
    """Finds the page of a request: None without one, 405 where the path has other methods."""
    if not routes:
        return lambda _scope: None
    from starlette.routing import Match  # a service without pages starts without it

    def pages(scope: Any) -> Page | Refusal | None:
        offered: set[str] = set()
        for route in routes:
            match, child = route.matches(scope)
            if match is Match.FULL:
                scope.update(child)
                return Page(route)
            if match is Match.PARTIAL:
                offered |= getattr(route, "methods", None) or set()
        return not_offered(scope["method"], scope["path"], offered) if offered else None

    return pages


def _page_headers(headers: Sequence[Header], request_id: str) -> list[Header]:
    """A page may set a stricter or wider policy of its own."""
    given = {name.lower() for name, _ in headers}
    added = [(name, value) for name, value in PAGE_HEADERS if name not in given]
    return [*headers, *added, (b"x-request-id", request_id.encode("ascii"))]
