"""Link tokens: what they say, and that nobody else can make one."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openharbor.cloud.links.link_tokens import make, verify

SECRET = bytes(range(32))


def test_a_token_says_its_request_in_base64url_and_is_signed() -> None:
    body, signature = make(SECRET, 56).split(".")
    assert body == "eyJyZXF1ZXN0X2lkIjo1Nn0"
    assert base64.urlsafe_b64decode(body + "=") == b'{"request_id":56}'
    assert len(base64.urlsafe_b64decode(signature + "=")) == 32


@given(st.integers(1, 2**63 - 1))
def test_what_was_made_is_good_under_its_secret_alone(request_id: int) -> None:
    token = make(SECRET, request_id)
    assert verify(SECRET, token) == request_id
    assert verify(bytes(32), token) is None


@given(st.data())
def test_a_token_with_one_character_changed_is_refused(data: st.DataObject) -> None:
    token = make(SECRET, 56)
    place = data.draw(st.integers(0, len(token) - 1))
    character = data.draw(st.sampled_from("ABCxyz019-_.").filter(lambda one: one != token[place]))
    assert verify(SECRET, token[:place] + character + token[place + 1 :]) is None


@pytest.mark.parametrize(
    "token",
    ["", ".", "a.b", "é.é", "eyJyZXF1ZXN0X2lkIjo1Nn0", "eyJyZXF1ZXN0X2lkIjo1Nn0.", "W10.x", "A" * 4000, "=.=", "\n"],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    assert verify(SECRET, token) is None


def test_padding_and_other_spellings_of_a_good_token_are_refused() -> None:
    token = make(SECRET, 56)
    for spelled in (token + "=", f" {token}", token + "\n", token.replace(".", "=.")):
        assert verify(SECRET, spelled) is None
