"""Typed requests out of bytes: bodies, path and query parameters, headers. A refusal names the field and its limit.

Contract: "Conventions" and the INVALID_REQUEST examples. Unknown fields and parameters are ignored unless a struct
forbids them. A name given twice in a JSON object counts the last time; a query parameter or header that an operation
knows may be given once. As in JSON Schema, 2.0 is an integer.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from msgspec import inspect

from openharbor.kit.errors import Refusal
from openharbor.kit.field_rules import Problem, explain, rule_of, shape_of
from openharbor.kit.field_texts import reader_of

DecodeText = Callable[[Mapping[str, str]], Any]
DecodeBytes = Callable[[bytes], Any]

MOST_PARAMETERS = 100
BYTE = re.compile(r"JSON is malformed: (.*) \(byte (\d+)\)")
CUT_OFF = "is cut off, or holds half of a surrogate pair"
MORE = "has more after its end"
TOO_DEEP = "is nested too deeply"
BODY_MISSING = Refusal("INVALID_REQUEST", 400, "The body is required", {"body": "is required"})


def body_decoder(shape: type) -> DecodeBytes:
    """Decodes a JSON body into `shape`, or gives a Refusal."""
    decode: DecodeBytes = msgspec.json.Decoder(shape).decode
    tree = shape_of(shape)

    def decode_body(raw: bytes) -> Any:
        try:
            if not raw.isascii():
                raw.decode()  # what the struct does not know is skipped unread, and must be UTF-8 all the same
            return decode(raw)
        except msgspec.ValidationError as error:
            return _second_reading(raw, str(error), shape, tree)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return not_json(_where(error, raw))
        except RecursionError:
            return not_json(TOO_DEEP)

    return decode_body


def params_decoder(shape: type) -> DecodeText:
    """Decodes path parameters, percent-decoded already."""
    decode = _text_decoder(shape)

    def decode_params(texts: Mapping[str, str]) -> Any:
        found = decode(texts)
        return _refusal(found) if isinstance(found, Problem) else found

    return decode_params


def headers_decoder(shape: type) -> DecodeText:
    """Decodes the headers that an operation knows; its struct names them as the contract does."""
    decode = _text_decoder(shape)
    names = {field.encode_name.lower(): field.encode_name for field in msgspec.structs.fields(shape)}

    def decode_headers(headers: Mapping[str, str]) -> Any:
        found = decode({names[name]: value for name, value in headers.items() if name in names})
        return _refusal(found) if isinstance(found, Problem) else found

    return decode_headers


def query_decoder(shape: type) -> DecodeBytes:
    """Decodes a query string. A parameter that the operation knows may be given once."""
    decode = _text_decoder(shape)
    names = frozenset(field.encode_name for field in msgspec.structs.fields(shape))

    def decode_query(raw: bytes) -> Any:
        texts = _parameters(raw, names) if raw else {}
        found = texts if isinstance(texts, Problem) else decode(texts)
        if isinstance(found, Problem):
            return malformed("A query parameter is malformed", found.field, found.rule)
        return found

    return decode_query


def malformed(message: str, field: str, rule: str) -> Refusal:
    """400 INVALID_REQUEST."""
    return Refusal("INVALID_REQUEST", 400, message, {field: rule})


def not_json(why: str) -> Refusal:
    return malformed("The body is not valid JSON", "body", why)


def _parameters(raw: bytes, names: frozenset[str]) -> dict[str, str] | Problem:
    texts: dict[str, str] = {}
    try:
        pairs = parse_qsl(raw.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError:
        return Problem("query", f"must have at most {MOST_PARAMETERS} parameters", "malformed")
    for name, text in pairs:
        if name in names:
            if name in texts:
                return Problem(name, "must be given once", "malformed")
            texts[name] = text
    return texts


def _text_decoder(shape: type) -> Callable[[Mapping[str, str]], Any]:
    """From texts to the struct: each field's text is read by its type first, strictly."""
    tree = shape_of(shape)
    fields = tree.fields if isinstance(tree, inspect.StructType) else ()
    readers = {field.encode_name: (reader, field.type) for field in fields if (reader := reader_of(field.type))}

    def decode(texts: Mapping[str, str]) -> Any:
        values: dict[str, object] = dict(texts)
        for name, (read, node) in readers.items():
            if name in texts:
                try:
                    values[name] = read(texts[name])
                except ValueError:
                    return Problem(name, rule_of(node), "malformed")
        try:
            return msgspec.convert(values, shape)
        except msgspec.ValidationError as error:
            return explain(str(error), tree)

    return decode


def _second_reading(raw: bytes, error: str, shape: type, tree: inspect.Type) -> Any:
    """Reads once more with integral floats as integers, if that was the fault; else tells the fault."""
    if "got `float`" in error:
        try:
            return msgspec.convert(_with_integers(msgspec.json.decode(raw)), shape)
        except msgspec.ValidationError as second:
            error = str(second)
        except (msgspec.DecodeError, RecursionError):
            return not_json(TOO_DEEP)
    return _refusal(explain(error, tree))


def _with_integers(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_with_integers(one) for one in value]
    return {name: _with_integers(one) for name, one in value.items()} if isinstance(value, dict) else value


def _refusal(problem: Problem) -> Refusal:
    field = problem.field
    if not field:
        return malformed("The body is malformed", "body", problem.rule)
    if problem.fault == "unknown":
        return malformed("Unknown field in the request", field, problem.rule)
    told = {"missing": "is required", "range": "is out of range", "choice": "is not known"}
    return malformed(f"{field} {told.get(problem.fault, 'is malformed')}", field, problem.rule)


def _where(error: Exception, raw: bytes) -> str:
    """What is wrong with the bytes, by line and column, both from 1."""
    if isinstance(error, UnicodeDecodeError):
        return f"is not UTF-8 at {_place(raw, error.start)}"
    found = BYTE.fullmatch(str(error))
    if found is None:
        return CUT_OFF
    if found[1] == "trailing characters":
        return MORE
    what = "expected a value" if found[1] == "invalid character" and _wants_value(raw, int(found[2])) else found[1]
    return f"{what} at {_place(raw, int(found[2]))}"


def _wants_value(raw: bytes, at: int) -> bool:
    before = raw[:at].rstrip()
    return not before or before[-1:] in b":,["


def _place(raw: bytes, at: int) -> str:
    line, column = raw.count(b"\n", 0, at) + 1, at - raw.rfind(b"\n", 0, at)
    return f"line {line}, column {column}"
