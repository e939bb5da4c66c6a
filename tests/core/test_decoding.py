"""Typed requests out of bytes: no input is anything but a value or a refusal that names the field."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, Meta, UnsetType

from openharbor.kit.errors import Refusal
from openharbor.kit.http.decoding import body_decoder, headers_decoder, params_decoder, query_decoder


class Inner(msgspec.Struct, rename="camel"):
    bank_id: Annotated[int, Meta(ge=1)]


class Body(msgspec.Struct, rename="camel"):
    parcel_id: Annotated[str, Meta(min_length=1, max_length=8, pattern=r"^[a-z0-9]+\Z")]
    weight: Annotated[int, Meta(ge=1, le=100)] | UnsetType = UNSET
    ratio: float | UnsetType = UNSET
    fragile: bool = False
    kind: Literal["box", "letter"] | UnsetType = UNSET
    at: Annotated[datetime, Meta(tz=True)] | UnsetType = UNSET
    inner: list[Inner] | UnsetType = UNSET
    anything: Any = UNSET


class Query(msgspec.Struct, rename="camel"):
    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    ratio: float | UnsetType = UNSET
    open: bool | UnsetType = UNSET
    since: Annotated[datetime, Meta(tz=True)] | UnsetType = UNSET
    slug: Annotated[str, Meta(pattern=r"^[a-z]+\Z")] | UnsetType = UNSET


class Path(msgspec.Struct, rename="camel"):
    locker_id: Annotated[int, Meta(ge=1)]


class Headers(msgspec.Struct):
    key: Annotated[str, Meta(pattern=r"^[!-~]{1,255}\Z")] | UnsetType = msgspec.field(
        default=UNSET, name="Idempotency-Key"
    )


BODY, QUERY, PATH, HEADERS = body_decoder(Body), query_decoder(Query), params_decoder(Path), headers_decoder(Headers)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
fields = st.sampled_from(["parcelId", "weight", "ratio", "fragile", "kind", "at", "inner", "anything", "other"])


def is_value_or_told_refusal(found: Any, shape: type) -> bool:
    if isinstance(found, Refusal):
        return (found.status, found.code) == (400, "INVALID_REQUEST") and len(found.details) == 1
    return isinstance(found, shape)


@given(st.binary(max_size=200))
def test_no_bytes_are_more_than_a_refusal(raw: bytes) -> None:
    assert is_value_or_told_refusal(BODY(raw), Body)


@settings(max_examples=300)
@given(st.dictionaries(fields, json_values, max_size=9), st.booleans(), st.binary(max_size=3), st.integers(0, 400))
def test_no_json_is_more_than_a_value_or_a_refusal(
    body: dict[str, Any], ascii_only: bool, dirt: bytes, at: int
) -> None:
    raw = json.dumps(body, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    for sent in (raw, raw[:at] + dirt + raw[at:]):
        assert is_value_or_told_refusal(BODY(sent), Body)


@given(st.binary(max_size=100) | st.text(max_size=100).map(lambda text: f"limit={text}&since={text}".encode()))
def test_no_query_is_more_than_a_value_or_a_refusal(raw: bytes) -> None:
    assert is_value_or_told_refusal(QUERY(raw), Query)


@given(st.text(max_size=40))
def test_no_path_and_no_header_is_more_than_a_value_or_a_refusal(text: str) -> None:
    assert is_value_or_told_refusal(PATH({"lockerId": text}), Path)
    assert is_value_or_told_refusal(HEADERS({"idempotency-key": text}), Headers)


@given(st.integers())
def test_a_whole_number_is_one_however_it_is_written(number: int) -> None:
    for text in (str(number), f"{number}.0", f"{number}e0"):
        found = BODY(f'{{"parcelId":"a","weight":{text}}}'.encode())
        if 1 <= number <= 100:
            assert (found.weight, type(found.weight)) == (number, int)
        else:
            assert found.details == {"weight": "must be 1 to 100"}


def test_a_fraction_stays_a_fraction_beside_a_whole_number() -> None:
    found = BODY(b'{"parcelId":"a","weight":2.0,"ratio":3.0,"anything":[1.5,{"x":4.0}]}')
    assert (found.weight, found.ratio, found.anything) == (2, 3.0, [1.5, {"x": 4}])


@pytest.mark.parametrize(
    ("raw", "message", "details"),
    [
        (b"{}", "parcelId is required", {"parcelId": "is required"}),
        (b'{"parcelId":5}', "parcelId is malformed", None),
        (b'{"parcelId":"a","weight":0}', "weight is out of range", {"weight": "must be 1 to 100"}),
        (b'{"parcelId":"a","kind":"x"}', "kind is not known", {"kind": "must be box or letter"}),
        (b'{"parcelId":"a","inner":[{"bankId":0}]}', "inner[0].bankId is out of range",
         {"inner[0].bankId": "must be an integer of at least 1"}),
        (b'{"parcelId":"a","at":"2026-03-02T13:00:00"}', "at is malformed",
         {"at": "must be an RFC 3339 date and time with its offset"}),
        (b"[]", "The body is malformed", {"body": "must be an object"}),
        (b"", "The body is not valid JSON", {"body": "is cut off, or holds half of a surrogate pair"}),
        (b'\n{"a" 1}', "The body is not valid JSON", {"body": "expected ':' at line 2, column 6"}),
        (b'{"parcelId":"a","x":"\\ud800"}', None, None),
        (b'{"parcelId":"a"} {}', "The body is not valid JSON", {"body": "has more after its end"}),
        (b"\xef\xbb\xbf{}", "The body is not valid JSON", {"body": "expected a value at line 1, column 1"}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_words(raw: bytes, message: str | None, details: dict[str, str] | None) -> None:
    found = BODY(raw)
    if message is not None:
        assert found.message == message
    if details is not None:
        assert found.details == details


def test_deep_nesting_and_huge_numbers_are_refused_or_ignored_but_break_nothing() -> None:
    deep = b"[" * 30_000 + b"]" * 30_000
    for field in (b"anything", b"other", b"weight"):
        assert is_value_or_told_refusal(BODY(b'{"parcelId":"a","%s":%s}' % (field, deep)), Body)
        assert is_value_or_told_refusal(BODY(b'{"parcelId":"a","%s":%s}' % (field, b"9" * 60_000)), Body)
    assert is_value_or_told_refusal(
        BODY(b'{"parcelId":"a","weight":2.0,"anything":' + b"[" * 900 + b"]" * 900 + b"}"), Body
    )


def test_of_a_name_given_twice_in_a_body_the_last_counts() -> None:
    assert BODY(b'{"parcelId":"a","parcelId":"b"}').parcel_id == "b"


@pytest.mark.parametrize("text", ["", "0", "-1", "01", "+1", " 1", "1 ", "1_0", "1.0", "1e2", "٣", "0x1", "9" * 2000])
def test_a_number_in_a_path_is_decimal_digits(text: str) -> None:
    assert PATH({"lockerId": text}).details == {"lockerId": "must be an integer of at least 1"}


def test_a_query_is_read_strictly_and_its_unknown_parameters_are_ignored() -> None:
    found = QUERY(b"limit=5&x=1&x=2&open=false&since=2026-03-02T14:00:00%2B01:00&ratio=1.5")
    assert (found.limit, found.open, found.ratio) == (5, False, 1.5)
    assert found.since.isoformat() == "2026-03-02T14:00:00+01:00"
    assert QUERY(b"slug=a%0A").details == {"slug": "must be text of the form ^[a-z]+\\Z"}
    assert QUERY(b"ratio=inf").details == {"ratio": "must be a number"}
    assert QUERY(b"limit=1&limit=1").details == {"limit": "must be given once"}
    assert QUERY(b"&".join(b"a=1" for _ in range(101))).details == {"query": "must have at most 100 parameters"}
    assert QUERY(b"").limit == 10
