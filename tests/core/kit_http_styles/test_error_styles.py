"""How each contract tells errors: the same refusal as three bodies."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openharbor.kit.errors import Refusal
from openharbor.kit.http.error_styles import DETAIL_STYLE, GATEWAY_STYLE, OAUTH_STYLE, ErrorStyle, render_refusal
from openharbor.kit.http.faults import field_fault

STYLES = (GATEWAY_STYLE, DETAIL_STYLE, OAUTH_STYLE)


def rendered(style: ErrorStyle, refusal: Refusal) -> tuple[int, dict[str, str], Any]:
    status, headers, body = render_refusal(style, refusal, 0)
    return status, {name.decode(): value.decode() for name, value in headers}, json.loads(body)


@pytest.mark.parametrize(
    ("refusal", "detail"),
    [
        (Refusal("X", 409, "Locker is not available"), "Locker is not available"),
        (Refusal("X", 404, "Locker not found"), "Locker not found"),
        (Refusal("X", 422, "No faults are known"), "No faults are known"),
        (Refusal("X", 413, "The body is larger than allowed"), "Request Entity Too Large"),
        (Refusal("X", 500, "The cloud failed"), "Internal Server Error"),
        (Refusal("X", 503, "The cloud cannot write", retry_after=5), "Service Unavailable"),
        (DETAIL_STYLE.nothing_at("/secret"), "Not Found"),
        (DETAIL_STYLE.busy(8), "Service Unavailable"),
    ],
)
def test_the_service_provider_contract_has_a_detail(refusal: Refusal, detail: str) -> None:
    status, _, body = rendered(DETAIL_STYLE, refusal)
    assert (status, body) == (refusal.status, {"detail": detail})


def test_the_service_provider_contract_lists_faults() -> None:
    status, _, body = rendered(DETAIL_STYLE, field_fault(("body", "events", 0), "Input should be 'X'", "enum"))
    assert status == 422
    assert body == {"detail": [{"loc": ["body", "events", 0], "msg": "Input should be 'X'", "type": "enum"}]}


@pytest.mark.parametrize(
    ("refusal", "error", "description"),
    [
        (Refusal("invalid_scope", 400, "Invalid scopes: x"), "invalid_scope", "Invalid scopes: x"),
        (Refusal("invalid_client", 401, "Invalid client"), "invalid_client", "Invalid client"),
        (Refusal("UNAUTHORIZED", 401, "Who?"), "invalid_client", "Who?"),
        (Refusal("NOT_FOUND", 404, "Not Found"), "invalid_request", "Not Found"),
        (Refusal("X", 413, "Long"), "invalid_request", "Request Entity Too Large"),
        (Refusal("RATE_LIMITED", 429, "Too many failed requests"), "temporarily_unavailable",
         "Too many failed requests"),
        (Refusal("INTERNAL_ERROR", 500, "The cloud failed"), "server_error", "Internal server error"),
        (Refusal("STORAGE_UNAVAILABLE", 503, "x"), "temporarily_unavailable", "Service unavailable"),
        (Refusal("invalid_grant", 400, 'a"b\\c\u00e9\n'), "invalid_grant", "a?b?c??"),
    ],
)  # fmt: skip
def test_the_accounts_contract_has_an_oauth_error(refusal: Refusal, error: str, description: str) -> None:
    status, headers, body = rendered(OAUTH_STYLE, refusal)
    assert (status, body) == (refusal.status, {"error": error, "error_description": description})
    assert headers["cache-control"] == "no-store"


def test_each_contract_has_its_own_challenge() -> None:
    refusal = Refusal("invalid_client", 401, "Invalid client")
    assert rendered(GATEWAY_STYLE, refusal)[1]["www-authenticate"] == 'Bearer realm="openharbor"'
    assert rendered(DETAIL_STYLE, refusal)[1]["www-authenticate"] == "Bearer"
    assert "www-authenticate" not in rendered(OAUTH_STYLE, refusal)[1]
    after_basic = Refusal("invalid_client", 401, "Invalid client", {"challenge": 'Basic realm="harbor"'})
    assert rendered(OAUTH_STYLE, after_basic)[1]["www-authenticate"] == 'Basic realm="harbor"'


def test_the_number_of_a_defect_is_in_a_header_where_the_body_has_no_place_for_it() -> None:
    refusal = Refusal("INTERNAL_ERROR", 500, "Failed", {"incident": "ab12cd34"})
    assert rendered(GATEWAY_STYLE, refusal)[2]["details"] == {"incident": "ab12cd34"}
    assert "x-incident" not in rendered(GATEWAY_STYLE, refusal)[1]
    for style in (DETAIL_STYLE, OAUTH_STYLE):
        assert rendered(style, refusal)[1]["x-incident"] == "ab12cd34"


@given(st.text(max_size=50), st.sampled_from([400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503]), st.text())
def test_every_refusal_can_be_told_in_every_style(code: str, status: int, message: str) -> None:
    refusal = Refusal(code, status, message.encode("utf-8", "replace").decode(), retry_after=3)
    for style in STYLES:
        told, headers, _ = rendered(style, refusal)
        assert (told, headers["retry-after"], headers["content-type"]) == (status, "3", "application/json")
