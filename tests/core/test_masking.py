"""No secret is logged: neither by the name of its field nor by its looks."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openharbor.kit.masking import is_secret_name, mask, mask_field, mask_text

KEY = "ohgw_" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "name",
    ["key", "api_key", "X-API-Key", "apiKey", "tower_key", "secret", "client_secret", "sessionToken", "TOKEN",
     "password", "admin_password", "Authorization", "Set-Cookie", "pin"],
)  # fmt: skip
def test_a_field_with_the_name_of_a_secret_is_masked(name: str) -> None:
    assert is_secret_name(name)
    assert mask_field(name, "open sesame") == "***"


@pytest.mark.parametrize("name", ["key_id", "keyName", "monkey", "tokens_left", "lockerId", "", "keyboard", "pinned"])
def test_a_field_that_only_sounds_like_one_is_not(name: str) -> None:
    assert not is_secret_name(name)
    assert mask_field(name, "7") == "7"


@pytest.mark.parametrize("text", [KEY, f"key {KEY} sent", f"Bearer {KEY}", "authorization: Basic dXNlcjpwYXNz"])
def test_what_looks_like_a_secret_is_masked_in_any_text(text: str) -> None:
    masked = mask_text(text)
    assert "***" in masked
    assert "0123456789" not in masked
    assert "dXNlcjpwYXNz" not in masked


values = st.recursive(
    st.just(KEY) | st.text(max_size=5) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "token"]), inner, max_size=3)
    ),
)


@given(values)
def test_a_secret_is_masked_however_deep_it_lies(value: object) -> None:
    assert KEY not in json.dumps(mask(value))
