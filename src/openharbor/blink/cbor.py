"""The CBOR of Blink: one map with integer keys, nothing that could be read in two ways (blink-protocol.md 2.1)."""

from collections.abc import Mapping
from typing import Any, Final, NoReturn

import cbor2

from openharbor.blink import refusals
from openharbor.blink.refusals import Rejected

LEAVES: Final = (int, bytes, str)  # bool is an int
DEEPEST: Final = 5  # containers in one another
Fields = dict[int, Any]

UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)
WIDTHS: Final = {24: 1, 25: 2, 26: 4, 27: 8}
SIMPLE_VALUES: Final = {20: False, 21: True, 22: None}  # null is no field's kind: 103 wherever it stands


def encode(fields: Mapping[int, Any]) -> bytes:
    """The map with ascending keys, everything in its shortest form, on all levels. Raises TypeError for other kinds."""
    return cbor2.dumps(_ascending(fields))


def encode_as_given(fields: Mapping[int, Any]) -> bytes:
    """The map with its outermost keys in the order given, as Harbor's SDK writes. Raises TypeError as `encode`."""
    return cbor2.dumps({key: _ascending(value) for key, value in fields.items()})


def _ascending(value: Any) -> Any:
    if isinstance(value, LEAVES):
        return value
    if isinstance(value, Mapping):
        return {key: _ascending(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_ascending(one) for one in value]
    raise TypeError(f"Blink has no {type(value).__name__}")


def decode(data: bytes) -> Fields:
    """The one map that `data` is. Raises Rejected 108 for everything that 2.1 does not allow."""
    if not data or data[0] >> 5 != MAP:
        _refuse("is no map")
    value, end = _item(data, 0, 1)
    if end != len(data):
        _refuse(f"goes on after byte {end}")
    fields: Fields = value
    return fields


def _item(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    """The item at `at` and where the next one begins. `depth`: of a container that may begin here."""
    major, argument, at = head(data, at)
    if major == UNSIGNED:
        return argument, at
    if major == NEGATIVE:
        return -1 - argument, at
    if major in (BYTES, TEXT):
        return _string(data, at, argument, major)
    if major == SIMPLE:
        return _simple(argument), at
    if major == TAG:
        _refuse("has a tag")
    if depth > DEEPEST:
        _refuse(f"is nested more than {DEEPEST} deep")
    # each entry takes a byte at least: a count that cannot be true is refused before any work
    if argument * (1 if major == ARRAY else 2) > len(data) - at:
        _refuse("ends early")
    return (_array if major == ARRAY else _map)(data, at, argument, depth)


def head(data: bytes, at: int) -> tuple[int, int, int]:
    """Major type, argument, and where the content begins. Raises Rejected 108."""
    if at >= len(data):
        _refuse("ends early")
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if info < 24:
        return major, info, at
    width = WIDTHS.get(info, 0)
    if width == 0 or major == SIMPLE:
        _refuse("has an indefinite length, a float or a reserved form")
    if at + width > len(data):
        _refuse("ends early")
    return major, int.from_bytes(data[at : at + width]), at + width


def _string(data: bytes, at: int, length: int, major: int) -> tuple[bytes | str, int]:
    end = at + length
    if end > len(data):
        _refuse("ends early")
    if major == BYTES:
        return data[at:end], end
    try:
        return data[at:end].decode(), end
    except UnicodeDecodeError:
        _refuse("has text that is not UTF-8")


def _simple(argument: int) -> bool | None:
    if argument not in SIMPLE_VALUES:
        _refuse("has a simple value that is no boolean")
    return SIMPLE_VALUES[argument]


def _array(data: bytes, at: int, count: int, depth: int) -> tuple[list[Any], int]:
    items = []
    for _ in range(count):
        item, at = _item(data, at, depth + 1)
        items.append(item)
    return items, at


def _map(data: bytes, at: int, count: int, depth: int) -> tuple[Fields, int]:
    fields: Fields = {}
    for _ in range(count):
        if at >= len(data) or data[at] >> 5 not in (UNSIGNED, NEGATIVE):
            _refuse("has a key that is no integer")
        key, at = _item(data, at, depth)
        if key in fields:
            _refuse(f"has key {key} twice")
        fields[key], at = _item(data, at, depth + 1)
    return fields, at


def _refuse(what: str) -> NoReturn:
    raise Rejected(refusals.MSG_CBOR_INVALID, f"the CBOR {what}")
