"""422 faults, in the words of the service-provider contract."""

from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Meta, UnsetType

import openharbor
from openharbor.kit.errors import FieldFault, Refusal
from openharbor.kit.http.decoding import body_decoder, form_decoder, headers_decoder, params_decoder, query_decoder
from openharbor.kit.http.faults import FAULT_WORDS, field_fault, field_faults

CONTRACT = Path(openharbor.__file__).parent / "contract" / "service-provider.yaml"
Event = Literal["LOCKER_ASSIGNED", "LOCKER_OPERATION", "LOCKER_RELEASED", "LOCKER_ALARM", "TOWER_SYNCED"]
Text = Annotated[str, Meta(min_length=1, max_length=3)]


class Kind(Enum):
    BOX = "box"
    LETTER = "letter"


class Note(msgspec.Struct):
    text: str

    def __post_init__(self) -> None:
        if len(self.text.encode()) > 500:
            raise ValueError("Value should have at most 500 bytes")


class Body(msgspec.Struct, rename="camel"):
    locker_type_id: Annotated[int, Meta(ge=1)]
    duration: Annotated[int, Meta(ge=1, le=86400)] | UnsetType = UNSET
    arc: Annotated[float, Meta(gt=0, lt=180)] | None = None
    text: Text = "abc"
    letter: Annotated[str, Meta(max_length=1)] = ""
    code: Annotated[str, Meta(pattern=r"^'?[0-9]+\Z")] = "1"
    urgent: bool = False
    events: Annotated[list[Event], Meta(max_length=2)] = []
    kinds: Annotated[list[Kind], Meta(min_length=1)] | UnsetType = UNSET
    one: Literal["link"] = "link"
    payload: dict[str, Any] = {}
    counts: dict[Text, int] = {}
    note: Note | None = None
    notes: list[Note] = []
    at: Annotated[datetime, Meta(tz=True)] | UnsetType = UNSET
    both: dict[str, Any] | str = ""
    told: Annotated[int, Meta(ge=5, description="must be five or more")] = 5


class Closed(msgspec.Struct, forbid_unknown_fields=True):
    limit: int = 1


class Query(msgspec.Struct):
    lat: Annotated[float, Meta(ge=-90, le=90)]
    skip: Annotated[int, Meta(ge=0)] = 0
    all: bool = False


class TowerPath(msgspec.Struct):
    tower_id: Annotated[str, Meta(pattern=r"^[0-9A-Fa-f]{16}\Z")] = "0" * 16
    locker_id: Annotated[int, Meta(ge=1, le=2**63 - 1)] = 1


class Headers(msgspec.Struct):
    key: Annotated[str, Meta(max_length=2)] = msgspec.field(default="", name="X-Key")


BODY = body_decoder(Body, FAULT_WORDS)
QUERY = query_decoder(Query, FAULT_WORDS)
PATH = params_decoder(TowerPath, FAULT_WORDS)


def only_fault(found: Any) -> FieldFault:
    assert isinstance(found, Refusal), found
    assert found.status == 422
    (fault,) = found.faults
    return fault


def body_fault(field: bytes, value: bytes) -> tuple[tuple[str | int, ...], str, str]:
    """The fault of one field, without the first step of its `loc`."""
    fault = only_fault(BODY(b'{"lockerTypeId":1,"%s":%s}' % (field, value)))
    assert fault.loc[0] == "body"
    return fault.loc[1:], fault.msg, fault.type


@pytest.mark.parametrize(
    ("field", "value", "loc", "msg", "kind"),
    [
        (b"duration", b"86401", ("duration",), "Input should be less than or equal to 86400", "less_than_equal"),
        (b"duration", b"0", ("duration",), "Input should be greater than or equal to 1", "greater_than_equal"),
        (b"duration", b'"5"', ("duration",), "Input should be a valid integer", "int_type"),
        (b"duration", b"null", ("duration",), "Input should be a valid integer", "int_type"),
        (b"duration", b"true", ("duration",), "Input should be a valid integer", "int_type"),
        (b"duration", b"1.5", ("duration",),
         "Input should be a valid integer, got a number with a fractional part", "int_from_float"),
        (b"duration", b"1e999", ("duration",), "Input should be a finite number", "finite_number"),
        (b"duration", b"9" * 40, ("duration",), "Input should be less than or equal to 86400", "less_than_equal"),
        (b"arc", b"0", ("arc",), "Input should be greater than 0", "greater_than"),
        (b"arc", b"180", ("arc",), "Input should be less than 180", "less_than"),
        (b"arc", b'"x"', ("arc",), "Input should be a valid number", "float_type"),
        (b"text", b'""', ("text",), "String should have at least 1 character", "string_too_short"),
        (b"text", b'"abcd"', ("text",), "String should have at most 3 characters", "string_too_long"),
        (b"letter", b'"ab"', ("letter",), "String should have at most 1 character", "string_too_long"),
        (b"text", b"5", ("text",), "Input should be a valid string", "string_type"),
        (b"code", b'"x"', ("code",), "String should match pattern '^'?[0-9]+$'", "string_pattern_mismatch"),
        (b"code", b'"1\\n"', ("code",), "String should match pattern '^'?[0-9]+$'", "string_pattern_mismatch"),
        (b"urgent", b"1", ("urgent",), "Input should be a valid boolean", "bool_type"),
        (b"events", b"{}", ("events",), "Input should be a valid list", "list_type"),
        (b"events", b'["LOCKER_ALARM",5]', ("events", 1),
         "Input should be 'LOCKER_ASSIGNED', 'LOCKER_OPERATION', 'LOCKER_RELEASED', 'LOCKER_ALARM' or 'TOWER_SYNCED'",
         "enum"),
        (b"events", b'["TOWER_SYNCED","TOWER_SYNCED","TOWER_SYNCED"]', ("events",),
         "List should have at most 2 items", "too_long"),
        (b"kinds", b'["crate"]', ("kinds", 0), "Input should be 'box' or 'letter'", "enum"),
        (b"kinds", b"[]", ("kinds",), "List should have at least 1 item", "too_short"),
        (b"one", b'"x"', ("one",), "Input should be 'link'", "enum"),
        (b"payload", b"[]", ("payload",), "Input should be a valid dictionary", "dict_type"),
        (b"counts", b'{"a":"x"}', ("counts",), "Input should be a valid integer", "int_type"),
        (b"counts", b'{"abcd":1}', ("counts",), "String should have at most 3 characters", "string_too_long"),
        (b"note", b"5", ("note",),
         "Input should be a valid dictionary or object to extract fields from", "model_attributes_type"),
        (b"note", b"{}", ("note", "text"), "Field required", "missing"),
        (b"notes", b'[{"text":""},{"text":"%s"}]' % (b"x" * 501), ("notes", 1),
         "Value should have at most 500 bytes", "value_error"),
        (b"at", b'"x"', ("at",), "Input should be a valid datetime", "datetime_parsing"),
        (b"at", b'"2026-01-01T00:00:00"', ("at",), "Input should have timezone info", "timezone_aware"),
        (b"at", b"[]", ("at",), "Input should be a valid datetime", "datetime_type"),
        (b"both", b"5", ("both",), "Input should be a valid string", "string_type"),
        (b"told", b"4", ("told",), "Input should be greater than or equal to 5", "greater_than_equal"),
    ],
)  # fmt: skip
def test_a_field_of_a_body_is_told_by_its_place_a_text_and_a_kind(
    field: bytes, value: bytes, loc: tuple[str | int, ...], msg: str, kind: str
) -> None:
    assert body_fault(field, value) == (loc, msg, kind)


@pytest.mark.parametrize(
    ("raw", "loc", "msg", "kind"),
    [
        (b"{}", ("body", "lockerTypeId"), "Field required", "missing"),
        (b"[]", ("body",),
         "Input should be a valid dictionary or object to extract fields from", "model_attributes_type"),
        (b"null", ("body",),
         "Input should be a valid dictionary or object to extract fields from", "model_attributes_type"),
        (b"{x", ("body", 1), "JSON decode error", "json_invalid"),
        (b"{", ("body", 1), "JSON decode error", "json_invalid"),
        (b'{"lockerTypeId":1} x', ("body", 20), "JSON decode error", "json_invalid"),
        (b'{"x":"\xff"}', ("body", 6), "JSON decode error", "json_invalid"),
        (b'{"payload":{"x":' + b"[" * 5000 + b"]" * 5000 + b"}}", ("body", 0), "JSON decode error", "json_invalid"),
    ],
)  # fmt: skip
def test_a_body_as_a_whole_is_told(raw: bytes, loc: tuple[str | int, ...], msg: str, kind: str) -> None:
    found = only_fault(BODY(raw))
    assert (found.loc[: len(loc)], found.msg, found.type) == (loc, msg, kind)


def test_unknown_fields_are_ignored_unless_the_struct_forbids_them() -> None:
    assert isinstance(BODY(b'{"lockerTypeId":1,"other":2}'), Body)
    found = only_fault(body_decoder(Closed, FAULT_WORDS)(b'{"other":2}'))
    assert found == FieldFault(("body", "other"), "Extra inputs are not permitted", "extra_forbidden")


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"", FieldFault(("query", "lat"), "Field required", "missing")),
        (b"lat=91", FieldFault(("query", "lat"), "Input should be less than or equal to 90", "less_than_equal")),
        (b"lat=north", FieldFault(("query", "lat"),
                                  "Input should be a valid number, unable to parse string as a number",
                                  "float_parsing")),
        (b"lat=1&skip=x", FieldFault(("query", "skip"),
                                     "Input should be a valid integer, unable to parse string as an integer",
                                     "int_parsing")),
        (b"lat=1&all=maybe", FieldFault(("query", "all"),
                                        "Input should be a valid boolean, unable to interpret input",
                                        "bool_parsing")),
        (b"lat=1&lat=2", FieldFault(("query", "lat"), "Input should be given once", "value_error")),
        (b"&" * 101, FieldFault(("query",), "Input must have at most 100 parameters", "value_error")),
    ],
)  # fmt: skip
def test_a_parameter_of_a_query_is_told(raw: bytes, fault: FieldFault) -> None:
    assert only_fault(QUERY(raw)) == fault


@pytest.mark.parametrize(
    ("texts", "fault"),
    [
        ({"tower_id": "xyz"}, FieldFault(("path", "tower_id"), "String should match pattern '^[0-9A-Fa-f]{16}$'",
                                         "string_pattern_mismatch")),
        ({"tower_id": "0" * 16 + "\n"}, FieldFault(("path", "tower_id"),
                                                   "String should match pattern '^[0-9A-Fa-f]{16}$'",
                                                   "string_pattern_mismatch")),
        ({"locker_id": "0"}, FieldFault(("path", "locker_id"), "Input should be greater than or equal to 1",
                                        "greater_than_equal")),
        ({"locker_id": "9" * 19}, FieldFault(("path", "locker_id"),
                                             "Input should be less than or equal to 9223372036854775807",
                                             "less_than_equal")),
        ({"locker_id": "a"}, FieldFault(("path", "locker_id"),
                                        "Input should be a valid integer, unable to parse string as an integer",
                                        "int_parsing")),
    ],
)  # fmt: skip
def test_a_parameter_of_a_path_is_told(texts: dict[str, str], fault: FieldFault) -> None:
    assert only_fault(PATH(texts)) == fault


def test_headers_and_forms_are_told_by_their_own_places() -> None:
    found = only_fault(headers_decoder(Headers, FAULT_WORDS)({"x-key": "abc"}))
    assert found == FieldFault(("header", "X-Key"), "String should have at most 2 characters", "string_too_long")
    found = only_fault(form_decoder(Query, FAULT_WORDS)(b"skip=1"))
    assert found == FieldFault(("body", "lat"), "Field required", "missing")


def test_a_check_of_a_handlers_own_is_told_alike() -> None:
    refusal = field_fault(("body", "url"), "URL scheme should be https", "url_scheme")
    assert (refusal.status, refusal.faults) == (
        422,
        (FieldFault(("body", "url"), "URL scheme should be https", "url_scheme"),),
    )
    two = field_faults([*refusal.faults, FieldFault(("body", "events", 0), "no", "enum")])
    assert len(two.faults) == 2
    with pytest.raises(ValueError, match="needs a fault"):
        field_faults([])


def examples(node: Any) -> list[dict[str, Any]]:
    """Each fault that stands in the contract as an example."""
    if isinstance(node, list):
        return [fault for one in node for fault in examples(one)]
    if not isinstance(node, dict):
        return []
    if node.keys() == {"loc", "msg", "type"} and isinstance(node["msg"], str):
        return [node]
    return [fault for one in node.values() for fault in examples(one)]


class Examples(msgspec.Struct):
    duration: Annotated[int, Meta(le=86400)] = 1
    events: list[Event] = []


class LongExamples(msgspec.Struct):
    duration: Annotated[int, Meta(le=2592000)] = 1
    url: Annotated[str, Meta(pattern="^https")] = "https"


class TypeNeeded(msgspec.Struct):
    lockerTypeId: int  # noqa: N815  # the contract's name


class DurationNeeded(msgspec.Struct):
    duration: int


def test_each_example_of_a_fault_in_the_contract_is_what_a_decoder_tells_or_a_handler_may_tell() -> None:
    def read(shape: type, raw: bytes) -> FieldFault:
        return only_fault(body_decoder(shape, FAULT_WORDS)(raw))

    told = [
        read(Examples, b'{"duration":86401}'),
        read(Examples, b'{"events":["X"]}'),
        read(LongExamples, b'{"duration":2592001}'),
        read(TypeNeeded, b"{}"),
        read(DurationNeeded, b"{}"),
        read(Examples, b"{x"),
        only_fault(PATH({"tower_id": "x"})),
        only_fault(field_fault(("body", "client_info"), "Value should have at most 500 bytes")),
        only_fault(field_fault(("body", "url"), "URL resolves to an address that is not allowed")),
        only_fault(field_fault(("body", "url"), "URL scheme should be https", "url_scheme")),
    ]
    wanted = [
        FieldFault(tuple(one["loc"]), one["msg"], one["type"]) for one in examples(yaml.safe_load(CONTRACT.read_text()))
    ]
    assert wanted, "no example was found: the search is broken"
    assert [fault for fault in wanted if fault not in told] == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(Body.__struct_encode_fields__), json_values, max_size=9))
def test_whatever_comes_is_a_value_or_one_fault_of_a_field_with_few_words(body: dict[str, Any]) -> None:
    found = BODY(msgspec.json.encode(body))
    if not isinstance(found, Body):
        fault = only_fault(found)
        assert fault.msg
        assert len(fault.msg) < 300
        assert fault.loc[0] == "body"


@given(st.binary(max_size=60))
def test_no_bytes_are_more_than_a_fault(raw: bytes) -> None:
    for decode, shape in ((BODY, Body), (QUERY, Query), (form_decoder(Query, FAULT_WORDS), Query)):
        found = decode(raw)
        assert isinstance(found, shape) or only_fault(found).msg
