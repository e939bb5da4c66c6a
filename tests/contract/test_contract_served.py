"""The running gateway serves its contract at /openapi.json and shows it at /docs."""

from collections.abc import Iterator
from typing import Any

import pytest

from harness.api import Api
from harness.virtual_site import running, virtual


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with running(tmp_path_factory.mktemp("served"), [virtual("contract", 2)]) as api:
        yield api


def test_openapi_json_is_the_contract_file(api: Api, contract: dict[str, Any]) -> None:
    answer = api.get("/openapi.json")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.body == _as_json(contract)


def test_the_docs_page_shows_every_operation(api: Api, contract: dict[str, Any]) -> None:
    answer = api.get("/docs")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/html")
    for path in contract["paths"]:
        assert path in answer.body, path


def test_the_root_leads_to_the_admin_page(api: Api) -> None:
    answer = api.get("/")
    assert (answer.status, answer.headers["location"]) == (307, "/admin")
    page = api.get("/admin")
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    assert page.body.startswith("<!doctype html>")


def test_an_unknown_path_is_not_found_and_a_method_that_a_path_lacks_is_not_allowed(api: Api) -> None:
    assert (api.get("/locker").status, api.get("/locker").error) == (404, "NOT_FOUND")
    answer = api.call("PUT", "/lockers/2")
    assert (answer.status, answer.error) == (405, "METHOD_NOT_ALLOWED")
    assert set(answer.headers["allow"].replace(" ", "").split(",")) >= {"GET", "PATCH"}


def test_a_literal_path_wins_over_one_with_a_parameter_for_every_method(api: Api) -> None:
    answer = api.get("/lockers/open-all")
    assert (answer.status, answer.error) == (405, "METHOD_NOT_ALLOWED")
    assert "POST" in answer.headers["allow"]


def _as_json(part: Any) -> Any:
    """YAML's keys as JSON has them."""
    if isinstance(part, dict):
        return {str(key): _as_json(value) for key, value in part.items()}
    return [_as_json(one) for one in part] if isinstance(part, list) else part
