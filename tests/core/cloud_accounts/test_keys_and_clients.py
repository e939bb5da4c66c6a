"""Keys that sign, keys of others, and the secrets of clients."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openharbor.cloud.accounts import signing_keys
from openharbor.cloud.accounts.clients import digest_of, is_authentic, new_client, secret_text, slug
from openharbor.cloud.accounts.issuer_keys import jwks_address, read_keys
from openharbor.cloud.accounts.jwk import from_jwk
from openharbor.cloud.accounts.jws import Malformed
from openharbor.cloud.accounts.operators import checked_email, hash_password, is_password
from openharbor.cloud.accounts.signing_keys import (
    LISTED_AFTER_MS,
    SigningKey,
    listed_at,
    make_key,
    read_private_key,
    signer_at,
)
from openharbor.cloud.accounts.store import Client
from openharbor.cloud.accounts.tokens import Issuer
from openharbor.kit.errors import Failed

NOW = 1_795_427_999_000
PRIVATE = signing_keys.new_private_key("EdDSA")


def key(kid: str, signs_from: int, retired_at: int | None = None) -> SigningKey:
    return SigningKey(kid, {"kid": kid}, PRIVATE, signs_from, retired_at)


def test_the_key_that_signs_is_the_last_to_have_begun() -> None:
    old, new = key("old", 0, retired_at=NOW + 10), key("new", NOW + 10)
    for keys in ([old, new], [new, old]):
        assert signer_at(keys, NOW) is old
        assert signer_at(keys, NOW + 9) is old
        assert signer_at(keys, NOW + 10) is new


def test_a_key_is_listed_before_it_signs_and_until_its_last_token_has_expired() -> None:
    old, new = key("old", 0, retired_at=NOW + 10), key("new", NOW + 10)
    assert listed_at([old, new], NOW) == [old, new]
    assert listed_at([old, new], NOW + 10) == [new, old]
    last = NOW + 10 + LISTED_AFTER_MS
    assert listed_at([old, new], last - 1) == [new, old]
    assert listed_at([old, new], last) == [new]


@given(st.lists(st.tuples(st.integers(0, 50), st.none() | st.integers(0, 100)), max_size=6), st.integers(0, 120))
def test_whatever_keys_there_are_the_signer_is_listed_first(rows: list[tuple[int, int | None]], now: int) -> None:
    keys = [key(str(number), begun, retired) for number, (begun, retired) in enumerate(rows)]
    signer = signer_at(keys, now)
    if signer is not None:
        assert listed_at(keys, now)[0] is signer
        assert signer.signs_from <= now


@pytest.mark.parametrize("algorithm", ["EdDSA", "RS256"])
def test_a_key_is_published_as_the_contract_says_and_its_private_half_can_be_read_again(algorithm: Any) -> None:
    made = make_key(algorithm, b"\x01\x02\x03\x04", NOW)
    assert re.fullmatch(r"2026-11-23-(ed25519|rsa)-01020304", made.kid)
    read = from_jwk(made.jwk)
    assert read is not None
    assert read == (made.kid, read_private_key(made.private).public_key())
    assert set(made.jwk) == {"kty", "kid", "use", "alg"} | ({"crv", "x"} if algorithm == "EdDSA" else {"n", "e"})
    assert made.jwk["alg"] == algorithm
    assert made.private.hex() not in repr(made)
    assert "private" not in repr(made)


ED = make_key("EdDSA", b"abcd", NOW).jwk
ISSUER = Issuer("https://sso.example/realms/x", "openharbor", own=False)


def test_of_anothers_keys_only_those_for_signing_as_we_know_it_are_taken() -> None:
    others = [
        {**ED, "kid": "enc", "use": "enc"},
        {"kty": "EC", "kid": "ec", "crv": "P-256", "alg": "ES256", "x": "AA", "y": "AA"},
        {**ED, "kid": "hs", "kty": "oct", "k": "AAAA"},
        {**ED, "kid": 7},
        "no key",
    ]
    assert set(read_keys({"keys": [*others, ED]}, ISSUER)) == {ED["kid"]}


@pytest.mark.parametrize(
    "keys",
    [{}, {"keys": []}, {"keys": "x"}, {"keys": [ED] * 101}, {"keys": [{**ED, "x": "AA"}]}, {"keys": [{**ED, "x": 5}]}],
)
def test_a_key_set_that_cannot_be_used_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        read_keys(keys, ISSUER)


@pytest.mark.parametrize("bits", [512, 1024])
def test_short_rsa_keys_are_refused(bits: int) -> None:
    rsa = {"kty": "RSA", "kid": "r", "n": "v" * (bits // 6), "e": "AQAB"}
    with pytest.raises(Malformed):
        from_jwk(rsa)


def test_discovery_names_its_issuer_and_keys_that_are_as_safe() -> None:
    about = {"issuer": ISSUER.url, "jwks_uri": "https://sso.example/certs"}
    assert jwks_address(about, ISSUER.url) == "https://sso.example/certs"
    for wrong in ({"issuer": "https://evil.example"}, {"jwks_uri": "http://sso.example/certs"}, {"jwks_uri": 5}):
        with pytest.raises(Malformed):
            jwks_address({**about, **wrong}, ISSUER.url)


def test_a_client_is_known_by_its_secret_until_it_is_revoked() -> None:
    secret = secret_text(bytes(range(32)))
    client = Client("acme", 12, digest_of(secret), frozenset({"tower_access"}))
    assert is_authentic(client, secret)
    assert not is_authentic(client, secret[:-1])
    assert not is_authentic(None, secret)
    assert not is_authentic(Client("acme", 12, digest_of(secret), frozenset(), revoked_at=1), secret)
    assert digest_of(secret) not in repr(client)


def test_a_client_secret_has_256_random_bits() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", secret_text(bytes(range(32))))
    with pytest.raises(ValueError, match="32"):
        secret_text(bytes(31))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Acme Parcels", "acme-parcels"),
        ("  Ünïcode & Söhne  ", "n-code-s-hne"),
        ("日本", "client"),
        ("a" * 99, "a" * 40),
    ],
)
def test_a_client_is_named_after_its_organization(name: str, expected: str) -> None:
    assert slug(name) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"organization": " "},
        {"organization": "x" * 201},
        {"client_id": "-a"},
        {"client_id": "a b"},
        {"scopes": []},
        {"scopes": ["admin"]},
    ],
)
def test_a_client_that_cannot_be_is_refused_in_words(wrong: dict[str, Any]) -> None:
    given_fields = {"organization": "Acme", **wrong}
    with pytest.raises(Failed, match="must be"):
        new_client(given_fields.pop("organization"), 1, secret="s", random=bytes(4), **given_fields)


def test_passwords_are_kept_by_argon2() -> None:
    kept = hash_password("correct horse battery")
    assert kept.startswith("$argon2id$")
    assert is_password(kept, "correct horse battery")
    assert not is_password(kept, "correct horse batterz")
    assert not is_password("no hash", "correct horse battery")
    with pytest.raises(Failed, match="12 to 256"):
        hash_password("short")


def test_addresses_are_kept_in_lower_case() -> None:
    assert checked_email(" Ops@Example.COM ") == "ops@example.com"
    for wrong in ("ops", "@x", "a@", "a b@c", "a@b\n@c", "x" * 70 + "@y"):
        with pytest.raises(Failed):
            checked_email(wrong)
