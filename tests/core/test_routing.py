"""Which operation a path means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openharbor.kit.http.routing import Found, find, make_routes, not_offered, nothing_at

ROUTES = make_routes(
    [
        ("GET", "/", "root"),
        ("GET", "/lockers", "list"),
        ("GET", "/lockers/{lockerId}", "get"),
        ("PATCH", "/lockers/{lockerId}", "update"),
        ("POST", "/lockers/open-all", "open-all"),
        ("GET", "/lockers/config", "config"),
        ("POST", "/lockers/{lockerId}/open", "open"),
        ("GET", "/{room}/config/open", "other"),
    ]
)


def found(path: str) -> tuple[list[str], dict[str, str]] | None:
    at = find(ROUTES, path)
    return None if at is None else (sorted(at.methods.values()), dict(at.params))


@pytest.mark.parametrize(
    ("path", "operations", "params"),
    [
        ("/", ["root"], {}),
        ("/lockers/2", ["get", "update"], {"lockerId": "2"}),
        ("/lockers/open-all", ["open-all"], {}),
        ("/lockers/open%2dall", ["open-all"], {}),
        ("/l%6Fckers/c%6fnfig", ["config"], {}),
        ("/lockers/a%3Ab/open", ["open"], {"lockerId": "a:b"}),
        ("/lockers/a%2Fopen", ["get", "update"], {"lockerId": "a/open"}),
        ("/lockers%2Fconfig", None, None),
        ("/lockers/config/open", ["open"], {"lockerId": "config"}),
        ("/towers/config/open", ["other"], {"room": "towers"}),
        ("/lockers/%FF", ["get", "update"], {"lockerId": "\ufffd"}),
        ("/lockers/", None, None),
        ("/lockers//open", None, None),
        ("/lockers/2/", None, None),
        ("", None, None),
        ("*", None, None),
    ],
)
def test_a_path_means_the_most_literal_operation_that_fits(
    path: str, operations: list[str] | None, params: dict[str, str] | None
) -> None:
    assert found(path) == (None if operations is None else (operations, params))


EITHER = make_routes(
    [("GET", "/", "root"), ("GET", "/lockers", "list"), ("GET", "/lockers/{lockerId}", "get")], either_slash=True
)


@pytest.mark.parametrize(
    ("path", "operation", "params"),
    [
        ("/", "root", {}),
        ("/lockers", "list", {}),
        ("/lockers/", "list", {}),
        ("/l%6fckers/", "list", {}),
        ("/lockers/2", "get", {"lockerId": "2"}),
        ("/lockers/2/", "get", {"lockerId": "2"}),
        ("/lockers/2%2F", "get", {"lockerId": "2/"}),
        ("/lockers//", None, {}),
        ("/lockers/2//", None, {}),
        ("//", None, {}),
        ("", None, {}),
    ],
)
def test_a_path_may_be_found_with_one_slash_more_at_its_end(
    path: str, operation: str | None, params: dict[str, str]
) -> None:
    at = find(EITHER, path)
    assert (None if at is None else at.methods["GET"]) == operation
    assert at is None or at.params == params


def test_a_path_that_is_found_either_way_is_given_without_the_slash() -> None:
    with pytest.raises(ValueError, match="GET /a/ is found with and without its slash"):
        make_routes([("GET", "/a/", 1)], either_slash=True)
    with pytest.raises(ValueError, match="GET /a is given twice"):
        make_routes([("GET", "/a", 1), ("GET", "/a", 2)], either_slash=True)
    assert find(make_routes([("GET", "/a/", 1)]), "/a/") is not None


@given(st.text(max_size=40))
def test_no_path_breaks_the_search(path: str) -> None:
    assert find(ROUTES, path) is None or isinstance(find(ROUTES, path), Found)


def test_the_same_operation_twice_is_a_defect() -> None:
    with pytest.raises(ValueError, match="GET /a is given twice"):
        make_routes([("GET", "/a", 1), ("GET", "/a", 2)])


def test_what_is_told_of_a_path_is_bounded() -> None:
    assert len(nothing_at("/" + "x" * 5000).details["path"]) == 200
    refusal = not_offered("P" * 500, "/" + "x" * 5000, ["POST", "GET"])
    assert len(refusal.message) < 300
    assert refusal.details == {"allow": "GET, POST"}
