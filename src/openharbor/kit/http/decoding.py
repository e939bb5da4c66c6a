"""Typed requests out of bytes: bodies, forms, path and query parameters, headers. A refusal names the field.

Which words a refusal has is the contract's matter (`wording`). Unknown fields and parameters are ignored unless a
struct forbids them. A name given twice in a JSON object counts the last time; a parameter or header that an operation
knows may be given once. As in JSON Schema, 2.0 is an integer.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from msgspec import inspect

from openharbor.kit.errors import Refusal
from openharbor.kit.field_rules import shape_of
from openharbor.kit.field_texts import reader_of
from openharbor.kit.http.wording import GATEWAY_WORDS, Part, Words

DecodeText = Callable[[Mapping[str, str]], Any]
DecodeBytes = Callable[[bytes], Any]

MOST_PARAMETERS = 100
BYTE = re.compile(r"JSON is malformed: (.*) \(byte (\d+)\)")
CUT_OFF = "is cut off, or holds half of a surrogate pair"
MORE = "has more after its end"
TOO_DEEP = "is nested too deeply"
NOT_FORM = "is not form encoded in UTF-8"
BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def body_decoder(shape: type, words: Words = GATEWAY_WORDS) -> DecodeBytes:
    """Decodes a JSON body into `shape`, or gives a Refusal."""
    decode: DecodeBytes = msgspec.json.Decoder(shape).decode
    tree = shape_of(shape)

    def decode_body(raw: bytes) -> Any:
        try:
            if not raw.isascii():
                raw.decode()  # what the struct does not know is skipped unread, and must be UTF-8 all the same
            return decode(raw)
        except msgspec.ValidationError as error:
            return _second_reading(raw, str(error), shape, tree, words)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return words.not_json(*_where(error, raw))
        except RecursionError:
            return words.not_json(TOO_DEEP, 0)

    return decode_body


def params_decoder(shape: type, words: Words = GATEWAY_WORDS) -> DecodeText:
    """Decodes path parameters, percent-decoded already."""
    return _text_decoder(shape, "path", words)


def headers_decoder(shape: type, words: Words = GATEWAY_WORDS) -> DecodeText:
    """Decodes the headers that an operation knows; its struct names them as the contract does."""
    decode = _text_decoder(shape, "header", words)
    names = {field.encode_name.lower(): field.encode_name for field in msgspec.structs.fields(shape)}

    def decode_headers(headers: Mapping[str, str]) -> Any:
        return decode({names[name]: value for name, value in headers.items() if name in names})

    return decode_headers


def query_decoder(shape: type, words: Words = GATEWAY_WORDS) -> DecodeBytes:
    """Decodes a query string. A parameter that the operation knows may be given once."""
    decode = _text_decoder(shape, "query", words)
    names = frozenset(field.encode_name for field in msgspec.structs.fields(shape))

    def decode_query(raw: bytes) -> Any:
        if not raw:
            return decode({})
        pairs = _pairs(raw.decode("ascii", "replace"), "query", words)
        texts = pairs if isinstance(pairs, Refusal) else _once(pairs, names, "query", words)
        return texts if isinstance(texts, Refusal) else decode(texts)

    return decode_query


def form_decoder(shape: type, words: Words = GATEWAY_WORDS) -> DecodeBytes:
    """Decodes an application/x-www-form-urlencoded body. A parameter without a value counts as left out.

    RFC 6749, section 3.2: that, and that no parameter may be given twice.
    """
    decode = _text_decoder(shape, "form", words)
    names = frozenset(field.encode_name for field in msgspec.structs.fields(shape))

    def decode_form(raw: bytes) -> Any:
        if BROKEN_ESCAPE.search(raw):
            return words.malformed("form", NOT_FORM)
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            return words.malformed("form", NOT_FORM)
        pairs = _pairs(text, "form", words, "strict")
        texts = pairs if isinstance(pairs, Refusal) else _once(pairs, names, "form", words)
        return texts if isinstance(texts, Refusal) else decode({name: text for name, text in texts.items() if text})

    return decode_form


def _pairs(text: str, part: Part, words: Words, errors: str = "replace") -> list[tuple[str, str]] | Refusal:
    if text.count("&") >= MOST_PARAMETERS:
        return words.malformed(part, f"must have at most {MOST_PARAMETERS} parameters")
    try:
        return parse_qsl(text, keep_blank_values=True, errors=errors)
    except UnicodeDecodeError:
        return words.malformed(part, NOT_FORM)


def _once(
    pairs: Iterable[tuple[str, str]], names: frozenset[str], part: Part, words: Words
) -> dict[str, str] | Refusal:
    texts: dict[str, str] = {}
    for name, text in pairs:
        if name in names:
            if name in texts:
                return words.repeated(part, name)
            texts[name] = text
    return texts


def _text_decoder(shape: type, part: Part, words: Words) -> DecodeText:
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
                    return words.unreadable(part, name, node)
        try:
            return msgspec.convert(values, shape)
        except msgspec.ValidationError as error:
            return words.misfit(part, str(error), tree)

    return decode


def _second_reading(raw: bytes, error: str, shape: type, tree: inspect.Type, words: Words) -> Any:
    """Reads once more with integral floats as integers, if that was the fault; else tells the fault."""
    if "got `float`" in error:
        try:
            return msgspec.convert(_with_integers(msgspec.json.decode(raw)), shape)
        except msgspec.ValidationError as second:
            error = str(second)
        except (msgspec.DecodeError, RecursionError):
            return words.not_json(TOO_DEEP, 0)
    return words.misfit("body", error, tree)


def _with_integers(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_with_integers(one) for one in value]
    return {name: _with_integers(one) for name, one in value.items()} if isinstance(value, dict) else value


def _where(error: Exception, raw: bytes) -> tuple[str, int]:
    """What is wrong with the bytes, by line and column, both from 1; and at which byte, from 0."""
    if isinstance(error, UnicodeDecodeError):
        return f"is not UTF-8 at {_place(raw, error.start)}", error.start
    found = BYTE.fullmatch(str(error))
    if found is None:
        return CUT_OFF, len(raw)
    at = int(found[2])
    if found[1] == "trailing characters":
        return MORE, at
    what = "expected a value" if found[1] == "invalid character" and _wants_value(raw, at) else found[1]
    return f"{what} at {_place(raw, at)}", at


def _wants_value(raw: bytes, at: int) -> bool:
    before = raw[:at].rstrip()
    return not before or before[-1:] in b":,["


def _place(raw: bytes, at: int) -> str:
    line, column = raw.count(b"\n", 0, at) + 1, at - raw.rfind(b"\n", 0, at)
    return f"line {line}, column {column}"
