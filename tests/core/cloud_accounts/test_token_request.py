"""What a token request asks, and how it is refused (accounts.yaml, create_token)."""

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openharbor.cloud.accounts.messages import TokenForm
from openharbor.cloud.accounts.scopes import is_scope_list, scope_list
from openharbor.cloud.accounts.token_request import TokenRequest, granted_scopes, read_request
from openharbor.kit.errors import Refusal

SECRET = "s3cr3t"


def form(**fields: str) -> TokenForm:
    good = {"grant_type": "client_credentials", "client_id": "acme", "client_secret": SECRET}
    return TokenForm(**{**good, **fields})


def basic(text: str) -> str:
    return f"Basic {b64encode(text.encode()).decode()}"


def refused(asked: TokenForm, authorization: str | None = None) -> Refusal:
    found = read_request(asked, authorization)
    assert isinstance(found, Refusal)
    return found


def read(asked: TokenForm, authorization: str | None = None) -> TokenRequest:
    found = read_request(asked, authorization)
    assert isinstance(found, TokenRequest)
    return found


def test_a_client_shows_itself_in_the_form_or_by_basic() -> None:
    by_form = read(form(scope="service_provider tower_access"))
    assert (by_form.client_id, by_form.secret, by_form.by_basic) == ("acme", SECRET, False)
    assert by_form.scopes == ("service_provider", "tower_access")
    by_basic = read(form(client_id="", client_secret=""), basic(f"acme:{SECRET}"))
    assert (by_basic.client_id, by_basic.secret, by_basic.by_basic, by_basic.scopes) == ("acme", SECRET, True, None)


def test_basic_credentials_are_form_encoded_before() -> None:
    found = read(form(client_id="", client_secret=""), basic("a%3Ab:x%25+y"))
    assert (found.client_id, found.secret) == ("a:b", "x% y")


def test_not_both_ways_at_once() -> None:
    assert refused(form(), basic("acme:x")).code == "invalid_request"
    assert refused(form(client_secret="", client_id="other"), basic("acme:x")).code == "invalid_request"
    assert read(form(client_secret=""), basic("acme:x")).by_basic


@pytest.mark.parametrize("fields", [{"client_id": ""}, {"client_secret": ""}, {"client_id": "", "client_secret": ""}])
def test_a_client_that_does_not_show_itself_is_unauthorized_without_a_challenge(fields: dict[str, str]) -> None:
    refusal = refused(form(**fields))
    assert (refusal.status, refusal.code, dict(refusal.details)) == (401, "invalid_client", {})


@pytest.mark.parametrize("header", ["Basic", "Basic !", "basic YQ==", f"Basic {'A' * 4000}", "Basic /w==", basic(":x")])
def test_broken_basic_credentials_are_challenged(header: str) -> None:
    refusal = refused(form(client_id="", client_secret=""), header)
    assert (refusal.status, refusal.details["challenge"]) == (401, 'Basic realm="harbor"')


def test_another_scheme_is_not_challenged() -> None:
    assert dict(refused(form(), "Bearer x").details) == {}


def test_grants() -> None:
    assert refused(form(grant_type="")).message == "Missing form parameter: grant_type"
    assert refused(form(grant_type="password")).code == "unsupported_grant_type"
    assert refused(form(grant_type="refresh_token")).message == "Missing form parameter: refresh_token"
    assert read(form(grant_type="refresh_token", refresh_token="r")).refresh_token == "r"


def test_without_scopes_a_client_gets_all_it_has_and_never_more() -> None:
    has = frozenset({"service_provider"})
    assert granted_scopes(None, has) == has
    refusal = granted_scopes(("service_provider", "tower_access", "openid"), has)
    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.code) == (400, "invalid_scope")
    assert refusal.message == "Invalid scopes: tower_access openid"
    assert isinstance(granted_scopes(("",), has), Refusal)


def test_scope_lists() -> None:
    assert scope_list(["tower_access", "service_provider", "tower_access", "x"]) == "service_provider tower_access"
    assert is_scope_list("tower_access service_provider")
    assert not any(map(is_scope_list, ["", " tower_access", "tower_access\n", "tower_access  tower_access", "all"]))


@given(
    st.fixed_dictionaries({"grant_type": st.sampled_from(["client_credentials", "refresh_token", "", "x"])}),
    st.fixed_dictionaries({name: st.text(max_size=5) for name in ("scope", "client_id", "client_secret")}),
    st.none() | st.text(max_size=30) | st.binary(max_size=20).map(lambda raw: f"Basic {b64encode(raw).decode()}"),
)
def test_whatever_is_sent_is_read_or_refused(grant: Any, fields: Any, header: str | None) -> None:
    found = read_request(TokenForm(**grant, **fields), header)
    if isinstance(found, Refusal):
        assert found.status in (400, 401)


def test_nothing_shows_a_secret() -> None:
    asked = form(refresh_token="r3fr3sh")
    shown = repr(asked) + repr(read(asked)) + repr(refused(asked, basic(f"acme:{SECRET}")))
    assert SECRET not in shown
    assert "r3fr3sh" not in shown
