"""What a link's fields may be (service-provider.yaml, ReturnUrl, LinkPayload, clientInfo)."""

from typing import Any

import msgspec
import pytest

from openharbor.cloud.links.inputs import Texts, texts_of
from openharbor.cloud.links.messages import PickupLockerRequest
from openharbor.kit.errors import Refusal


def read(**fields: Any) -> Texts | Refusal:
    return read_raw(msgspec.json.encode({"lockerId": 1, **fields}))


def read_raw(raw: bytes) -> Texts | Refusal:
    return texts_of(msgspec.json.decode(raw, type=PickupLockerRequest), raw)


def fault(given: Texts | Refusal) -> tuple[object, str]:
    assert isinstance(given, Refusal)
    assert given.status == 422
    return given.faults[0].loc, given.faults[0].msg


def test_everything_has_a_default() -> None:
    assert read() == Texts("", "", "{}")


def test_a_payload_is_kept_as_it_was_given_without_the_space_between_its_parts() -> None:
    raw = b'{"lockerId":1, "payload": { "b": 1.10, "a" : [ 12345678901234567890123, "\\u0000 x" ] } }'
    assert read_raw(raw) == Texts("", "", '{"b":1.10,"a":[12345678901234567890123,"\\u0000 x"]}')


def test_a_payload_has_4096_bytes() -> None:
    text = "é" * 2044
    assert isinstance(read(payload={"p": text}), Texts)
    assert fault(read(payload={"p": text + "x"})) == (("body", "payload"), "Value should have at most 4096 bytes")


def test_client_info_has_500_bytes() -> None:
    assert isinstance(read(clientInfo="é" * 250), Texts)
    assert fault(read(clientInfo="é" * 251)) == (("body", "clientInfo"), "Value should have at most 500 bytes")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://shop.example.com/dropped-off?order=1042",
        "http://localhost:3000/#done",
        "https://[2001:db8::1]/x",
        "https://h/" + "a" * 2038,
    ],
)
def test_a_return_url_is_empty_or_leads_to_a_host(url: str) -> None:
    assert read(returnUrl=url) == Texts(url, "", "{}")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("shop.example.com", "String should match pattern '^https?://'"),
        ("javascript:alert(1)//https://", "String should match pattern '^https?://'"),
        ("HTTPS://shop.example.com", "String should match pattern '^https?://'"),
        (" https://shop.example.com", "String should match pattern '^https?://'"),
        ("https://", "Input should be a valid URL"),
        ("https:///path", "Input should be a valid URL"),
        ("https://a b", "Input should be a valid URL"),
        ("https://a\n", "Input should be a valid URL"),
        ("https://a:99999/", "Input should be a valid URL"),
        ("https://[::1/", "Input should be a valid URL"),
        ("https://h/" + "a" * 2039, "String should have at most 2048 characters"),
    ],
)
def test_any_other_return_url_is_refused(url: str, message: str) -> None:
    assert fault(read(returnUrl=url)) == (("body", "returnUrl"), message)
