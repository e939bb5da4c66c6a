"""Which access tokens are believed (accounts.yaml, AccessTokenClaims)."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from openharbor.cloud.accounts.jws import PrivateKey, algorithm_of, base64url, sign, signature_of
from openharbor.cloud.accounts.tokens import (
    Issuer,
    Rejected,
    TrustedKey,
    Verified,
    claims_for,
    header_for,
    verify,
)

NOW = 1_795_427_999_250
OWN = Issuer("https://lockers.example.com/realms/harbor", "openharbor", own=True)
OTHER = Issuer("https://keycloak.example.com/realms/shop", "openharbor", own=False)
EDWARDS = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
PRIVATE: Mapping[str, PrivateKey] = {"ed": EDWARDS, "rsa": RSA, "other": STRANGER}
KEYS = {
    "ed": TrustedKey("ed", "EdDSA", EDWARDS.public_key(), OWN),
    "rsa": TrustedKey("rsa", "RS256", RSA.public_key(), OWN),
    "other": TrustedKey("other", "EdDSA", STRANGER.public_key(), OTHER),
}


def payload(**changes: Any) -> dict[str, Any]:
    """The claims of a good token; None leaves one out."""
    good = claims_for(
        OWN,
        client_id="acme-parcels",
        organization_id=12,
        scope="service_provider",
        now=NOW,
        lives_s=300,
        token_id="01JQ",
    )
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def foreign(**changes: Any) -> dict[str, Any]:
    good = {
        "iss": OTHER.url,
        "sub": "0b5e",
        "aud": ["account", "openharbor"],
        "azp": "acme",
        "scope": "openid service_provider",
        "exp": 1_795_428_299,
        "iat": 1_795_427_999,
        "typ": "Bearer",
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def token(claims: Mapping[str, Any], key: str = "ed", **header: Any) -> str:
    head = {**header_for(key, algorithm_of(PRIVATE[key])), **header}
    return sign({name: value for name, value in head.items() if value is not None}, claims, PRIVATE[key])


def reason(text: str, now: int = NOW) -> str:
    found = verify(text, KEYS.get, now)
    assert isinstance(found, Rejected), f"believed: {found}"
    return found.reason


def accepted(text: str, now: int = NOW) -> Verified:
    found = verify(text, KEYS.get, now)
    assert isinstance(found, Verified), found
    return found


@pytest.mark.parametrize("kid", ["ed", "rsa"])
def test_a_token_that_we_signed_says_whose_it_is_and_what_for(kid: str) -> None:
    found = accepted(token(payload(user_id="My test Run", tower_id="0100000000000014"), kid))
    assert (found.client_id, found.organization_id, found.scopes) == (
        "acme-parcels",
        12,
        frozenset({"service_provider"}),
    )
    assert (found.user_id, found.tower_id, found.expires_s) == ("My test Run", "0100000000000014", 1_795_428_299)


def test_a_token_is_good_until_the_second_it_expires() -> None:
    text = token(payload())
    accepted(text, 1_795_428_298_999)
    assert reason(text, 1_795_428_299_000) == "expired"


def test_a_token_may_be_a_minute_ahead_of_our_clock_and_no_more() -> None:
    second = NOW // 1000
    accepted(token(payload(iat=second + 60, exp=second + 360)))
    assert reason(token(payload(iat=second + 61, exp=second + 361))) == "from the future"


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": "https://lockers.example.org/realms/harbor"}, "issuer"),
        ({"iss": OTHER.url}, "issuer"),
        ({"aud": "another"}, "audience"),
        ({"aud": ["openharbor"]}, "claims"),
        ({"scope": ""}, "claims"),
        ({"scope": "service_provider  tower_access"}, "claims"),
        ({"scope": "service_provider admin"}, "claims"),
        ({"scope": "service_provider\n"}, "claims"),
        ({"exp": None}, "claims"),
        ({"iat": None}, "claims"),
        ({"jti": None}, "claims"),
        ({"sub": None}, "claims"),
        ({"sub": ""}, "claims"),
        ({"organization_id": None}, "claims"),
        ({"organization_id": "12"}, "claims"),
        ({"exp": "1795428299"}, "claims"),
        ({"exp": 1e300}, "claims"),
        ({"tower_id": "0100000000000014 "}, "claims"),
        ({"user_id": "x" * 129}, "claims"),
        ({"operator": True}, "claims"),
        ({"operator": 1, "organization_id": None}, "claims"),
    ],
)
def test_claims_beside_the_contract_are_refused(claims: dict[str, Any], why: str) -> None:
    assert reason(token(payload(**claims))) == why


def test_an_operator_s_token_names_no_organization() -> None:
    email = "technician@example.com"
    said = claims_for(
        OWN, client_id=email, organization_id=None, scope="tower_access", now=NOW, lives_s=3600, token_id="01JQ"
    )
    found = accepted(token(said))
    assert (found.client_id, found.subject, found.organization_id, found.operator) == (email, email, None, True)


def test_another_issuer_s_token_is_of_its_client_and_says_whom_it_was_made_for() -> None:
    found = accepted(token(foreign(), "other"))
    assert (found.client_id, found.subject, found.operator) == ("acme", "0b5e", False)
    assert accepted(token(foreign(operator=True), "other")).operator is False


@pytest.mark.parametrize("alg", ["none", "None", "HS256", "RS256", "ES256", "", None, 1, ["EdDSA"]])
def test_the_key_decides_on_the_algorithm(alg: object) -> None:
    assert reason(token(payload(), alg=alg)) == "another algorithm than its key's"


def test_a_token_without_a_signature_is_refused_whatever_it_says() -> None:
    for alg in ("none", "EdDSA"):
        head, body = (base64url(json.dumps(one).encode()) for one in (header_for("ed", "EdDSA"), payload()))
        head = base64url(json.dumps({"alg": alg, "kid": "ed", "typ": "JWT"}).encode())
        assert reason(f"{head}.{body}.")


def test_a_public_key_is_no_secret_to_sign_with() -> None:
    pem = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = base64url(json.dumps({"alg": "HS256", "kid": "rsa", "typ": "JWT"}).encode())
    signed = f"{head}.{base64url(json.dumps(payload()).encode())}"
    forged = f"{signed}.{base64url(hmac.digest(pem, signed.encode(), hashlib.sha256))}"
    assert reason(forged) == "another algorithm than its key's"


@pytest.mark.parametrize("kid", ["unknown", None, 7, ["ed"]])
def test_a_key_that_is_not_known_is_not_asked_for_elsewhere(kid: object) -> None:
    text = token(payload(), kid=kid, jku="https://evil.example/keys", jwk={"kty": "OKP"})
    assert reason(text) == "signed by a key that is not known"


def test_a_token_signed_by_another_of_our_keys_is_refused() -> None:
    head = header_for("ed", "EdDSA")
    assert reason(sign(head, payload(), STRANGER)) == "signature"


def test_a_key_counts_until_its_last_token_has_expired() -> None:
    retired = {"ed": TrustedKey("ed", "EdDSA", EDWARDS.public_key(), OWN, until=NOW)}
    assert isinstance(verify(token(payload()), retired.get, NOW - 1), Verified)
    assert isinstance(verify(token(payload()), retired.get, NOW), Rejected)


@pytest.mark.parametrize("typ", ["JWE", "logout+jwt", "", None, 3])
def test_another_kind_of_token_is_refused(typ: object) -> None:
    assert reason(token(payload(), typ=typ)) == "not an access token"


def test_a_header_that_must_be_understood_is_refused() -> None:
    assert reason(token(payload(), crit=["exp"], exp=1)) == "has a header that is not understood"


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c.d",
        "é.b.c",
        "e30.e30",
        "e30.e30.",
        "e30.e30.e30",
        "a" * 9000,
        "e30=.e30.e30",
        "[].e30.x",
    ],
)
def test_what_is_no_token_is_refused(text: str) -> None:
    assert reason(text)


def test_a_name_may_not_stand_twice() -> None:
    body = base64url(b'{"scope":"tower_access",' + json.dumps(payload()).encode()[1:])
    signed = f"{base64url(json.dumps(header_for('ed', 'EdDSA')).encode())}.{body}"
    assert reason(f"{signed}.{base64url(signature_of(EDWARDS, signed.encode()))}") == "is not JSON"


GOOD = {kid: token(payload(), kid) for kid in ("ed", "rsa")}
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.mark.parametrize("kid", ["ed", "rsa"])
def test_every_altered_character_is_refused(kid: str) -> None:
    good = GOOD[kid]
    for at, was in enumerate(good):
        lowest_bit = (
            ALPHABET[ALPHABET.index(was) ^ 1] if was != "." else "A"
        )  # of which the last characters have spare ones
        for instead in (lowest_bit, "=", "."):
            if instead != was:
                assert reason(good[:at] + instead + good[at + 1 :]), at


@given(at=st.integers(0, len(GOOD["ed"]) - 1), instead=st.characters(), length=st.integers(0, 2))
def test_a_token_changed_anywhere_is_refused(at: int, instead: str, length: int) -> None:
    changed = GOOD["ed"][:at] + instead + GOOD["ed"][at + length :]
    if changed != GOOD["ed"]:
        assert reason(changed)


@given(
    st.text()
    | st.lists(st.binary(max_size=40), min_size=3, max_size=3).map(lambda parts: ".".join(map(base64url, parts)))
)
def test_no_text_whatever_is_a_token_or_a_failure(text: str) -> None:
    assert reason(text)


def test_another_issuers_token_names_its_client_and_no_organization() -> None:
    found = accepted(token(foreign(), "other"))
    assert (found.client_id, found.organization_id, found.scopes) == ("acme", None, frozenset({"service_provider"}))
    assert accepted(token(foreign(azp=None, client_id="acme-2"), "other")).client_id == "acme-2"
    assert accepted(token(foreign(azp=None), "other", typ="at+jwt")).client_id == "0b5e"
    assert accepted(token(foreign(aud="openharbor", exp=1_795_428_299.5), "other", typ=None)).scopes


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": OWN.url}, "issuer"),
        ({"aud": ["account"]}, "audience"),
        ({"aud": None}, "claims"),
        ({"typ": "ID"}, "not an access token"),
        ({"typ": "Refresh"}, "not an access token"),
        ({"exp": 1_795_427_999}, "expired"),
        ({"nbf": 1_795_428_099}, "from the future"),
        ({"scope": ["service_provider"]}, "claims"),
    ],
)
def test_another_issuers_token_is_held_to_the_same_rules(claims: dict[str, Any], why: str) -> None:
    assert reason(token(foreign(**claims), "other")) == why


def test_another_issuer_cannot_speak_for_us() -> None:
    assert reason(token(payload(), "other")) == "issuer"


def test_we_do_not_sign_what_we_would_refuse() -> None:
    with pytest.raises(ValueError, match="tower_id"):
        claims_for(
            OWN,
            client_id="a",
            organization_id=1,
            scope="tower_access",
            now=NOW,
            lives_s=1,
            token_id="x",
            tower_id="0100",
        )
