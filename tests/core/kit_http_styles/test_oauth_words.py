"""Forms, and what the token endpoint says of those that do not fit (accounts.yaml; RFC 6749)."""

from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Meta, UnsetType

from openharbor.kit.errors import Refusal
from openharbor.kit.http.decoding import body_decoder, form_decoder, query_decoder
from openharbor.kit.http.oauth_words import OAUTH_WORDS


class TokenRequest(msgspec.Struct):
    grant_type: str
    client_id: Annotated[str, Meta(min_length=1, max_length=8)] | UnsetType = UNSET
    lives: int | UnsetType = UNSET


FORM = form_decoder(TokenRequest, OAUTH_WORDS)


def told(found: Any) -> tuple[int, str, str]:
    assert isinstance(found, Refusal), found
    return found.status, found.code, found.message


@pytest.mark.parametrize(
    ("raw", "request_"),
    [
        (b"grant_type=client_credentials", TokenRequest("client_credentials")),
        (b"grant_type=a&client_id=b%20c+d", TokenRequest("a", "b c d")),
        (b"grant_type=%C3%A9&lives=5", TokenRequest("\u00e9", UNSET, 5)),
        (b"grant_type=a&client_id=", TokenRequest("a")),
        (b"grant_type=a&other=1&other=2", TokenRequest("a")),
        (b"grant_type=a&&", TokenRequest("a")),
    ],
)
def test_a_form_is_read_and_a_parameter_without_a_value_counts_as_left_out(raw: bytes, request_: TokenRequest) -> None:
    assert FORM(raw) == request_


@pytest.mark.parametrize(
    ("raw", "description"),
    [
        (b"", "Missing form parameter: grant_type"),
        (b"grant_type=", "Missing form parameter: grant_type"),
        (b"grant_type", "Missing form parameter: grant_type"),
        (b'{"grant_type":"a"}', "Missing form parameter: grant_type"),
        (b"grant_type=a&grant_type=a", "Repeated form parameter: grant_type"),
        (b"grant_type=a&client_id=123456789", "Invalid form parameter: client_id"),
        (b"grant_type=a&lives=x", "Invalid form parameter: lives"),
        (b"grant_type=%zz", "The form is not form encoded in UTF-8"),
        (b"grant_type=%", "The form is not form encoded in UTF-8"),
        (b"grant_type=%ff", "The form is not form encoded in UTF-8"),
        (b"grant_type=\xff", "The form is not form encoded in UTF-8"),
        (b"&" * 100, "The form must have at most 100 parameters"),
    ],
)
def test_a_form_that_does_not_fit_is_an_invalid_request(raw: bytes, description: str) -> None:
    assert told(FORM(raw)) == (400, "invalid_request", description)


def test_other_parts_of_a_request_are_told_in_the_same_way() -> None:
    query, body = query_decoder(TokenRequest, OAUTH_WORDS), body_decoder(TokenRequest, OAUTH_WORDS)
    assert told(query(b""))[2] == "Missing query parameter: grant_type"
    assert told(body(b"{}"))[2] == "Missing field: grant_type"
    assert told(body(b"[]"))[2] == "Invalid body"
    assert told(body(b"{"))[2] == "The body is cut off, or holds half of a surrogate pair"


@given(st.binary(max_size=80) | st.text(max_size=30).map(lambda text: f"grant_type={text}".encode()))
def test_no_form_is_more_than_a_request_or_a_refusal(raw: bytes) -> None:
    found = FORM(raw)
    assert isinstance(found, TokenRequest) or told(found)[:2] == (400, "invalid_request")
