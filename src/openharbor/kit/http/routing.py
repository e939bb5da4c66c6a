"""Which operation a path means. A literal path wins over one with a parameter, for every method."""

from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar
from urllib.parse import unquote

import msgspec

from openharbor.kit.errors import Refusal

T = TypeVar("T")
NO_PARAMS: dict[str, str] = {}
LONGEST_SHOWN = 200

Segments = tuple[str, ...]


class Template(msgspec.Struct, Generic[T], frozen=True):
    """A path with parameters: `{name}` segments take any text of at least one character."""

    segments: Segments
    methods: Mapping[str, T]


class Routes(msgspec.Struct, Generic[T], frozen=True):
    """Literal paths at one look; templates by their number of segments, the more literal ones first."""

    literal: Mapping[str, Mapping[str, T]]
    templates: Mapping[int, tuple[Template[T], ...]]


class Found(msgspec.Struct, Generic[T], frozen=True):
    """What a path offers, and the path's parameters, decoded."""

    methods: Mapping[str, T]
    params: Mapping[str, str]


def make_routes(entries: Iterable[tuple[str, str, T]], *, either_slash: bool = False) -> Routes[T]:
    """Routes from (method, path, target). `either_slash`: each is also found with a slash at its end.

    Raises ValueError when one is given twice, or with such a slash where it is found with one anyway.
    """
    paths: dict[str, dict[str, T]] = {}
    for method, path, target in entries:
        if either_slash and path.endswith("/") and path != "/":
            raise ValueError(f"{method} {path} is found with and without its slash: give it without")
        for each in (path, f"{path}/") if either_slash and path != "/" else (path,):
            if paths.setdefault(each, {}).setdefault(method, target) is not target:
                raise ValueError(f"{method} {path} is given twice")
    templates: dict[int, list[Template[T]]] = {}
    for path, methods in sorted(paths.items(), key=lambda entry: _weight(entry[0])):
        if "{" in path:
            segments = tuple(path.split("/"))
            templates.setdefault(len(segments), []).append(Template(segments, methods))
    literal = {path: methods for path, methods in paths.items() if "{" not in path}
    return Routes(literal, {count: tuple(found) for count, found in templates.items()})


def find(routes: Routes[T], raw_path: str) -> Found[T] | None:
    """What stands at a path as it came, percent-encoded. Segments are decoded one by one: `%2F` divides nothing."""
    methods = routes.literal.get(raw_path)
    if methods is not None:
        return Found(methods, NO_PARAMS)
    segments = tuple(raw_path.split("/"))
    if "%" in raw_path:
        segments = tuple(map(unquote, segments))
        methods = None if any("/" in one for one in segments) else routes.literal.get("/".join(segments))
        if methods is not None:
            return Found(methods, NO_PARAMS)
    for template in routes.templates.get(len(segments), ()):
        params = _match(template.segments, segments)
        if params is not None:
            return Found(template.methods, params)
    return None


def nothing_at(path: str) -> Refusal:
    shown = path[:LONGEST_SHOWN]
    return Refusal("NOT_FOUND", 404, f"There is nothing at {shown}", {"path": shown})


def not_offered(method: str, path: str, methods: Iterable[str]) -> Refusal:
    """405, with what the path does offer."""
    message = f"{method[:20]} is not offered at {path[:LONGEST_SHOWN]}"
    return Refusal("METHOD_NOT_ALLOWED", 405, message, {"allow": ", ".join(sorted(methods))})


def _weight(path: str) -> list[bool]:
    return [segment.startswith("{") for segment in path.split("/")]


def _match(template: Segments, segments: Segments) -> dict[str, str] | None:
    params: dict[str, str] = {}
    for wanted, given in zip(template, segments, strict=True):
        if wanted[:1] == "{":
            if not given:
                return None
            params[wanted[1:-1]] = given
        elif wanted != given:
            return None
    return params
