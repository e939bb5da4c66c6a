"""Settings of a service: flags, then the environment, then a TOML file, then defaults (cli.md).

A service's settings are a msgspec struct; its fields carry their ranges and, as `Meta(description="must be …")`, the
words that an error tells. A field `max_body` is the flag `--max-body`, the variable `<prefix>MAX_BODY` and the key
`max_body` (or `max-body`) of the service's table in the file.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import inspect

from openharbor.kit.errors import Failed
from openharbor.kit.field_rules import explain, rule_of, shape_of
from openharbor.kit.field_texts import reader_of
from openharbor.kit.masking import MASK, is_secret_name

T = TypeVar("T", bound=msgspec.Struct)

USAGE = 2
LARGEST_FILE = 1_048_576
LISTS = (inspect.VarTupleType, inspect.ListType, inspect.SetType, inspect.FrozenSetType)


class Given(NamedTuple):
    """A value, and where it was given."""

    value: object
    source: str


def resolve(
    shape: type[T],
    *,
    table: str,
    flags: Mapping[str, object],
    config: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> T:
    """The settings of the service `table` ("gateway"): a flag that is None was not given.

    Raises Failed (exit code 2) with the setting, its value, where it was given and what it must be.
    """
    tree = shape_of(shape)
    fields = tree.fields if isinstance(tree, inspect.StructType) else ()
    given = {
        **_from_file(config, table, [field.name for field in fields]),
        **_from_environment(fields, table, environ),
        **{name: Given(value, f"--{_dashed(name)}") for name, value in flags.items() if value is not None},
    }
    try:
        return msgspec.convert({name: one.value for name, one in given.items()}, shape)
    except msgspec.ValidationError as error:
        problem = explain(str(error), tree)
    name = problem.field.partition("[")[0].partition(".")[0]
    raise _fault(name, given.get(name, Given(None, _dashed(name))), problem.rule)


def variable(table: str, name: str) -> str:
    """The environment variable of a setting."""
    return f"OPENHARBOR_{table.upper()}_{name.upper()}"


def _from_environment(fields: tuple[inspect.Field, ...], table: str, environ: Mapping[str, str]) -> dict[str, Given]:
    given = {}
    for field in fields:
        source = variable(table, field.name)
        text = environ.get(source)
        if text is not None:
            given[field.name] = Given(_read(field, Given(text, source)), source)
    return given


def _read(field: inspect.Field, given: Given) -> object:
    """A value out of a variable; lists are separated by commas."""
    text = str(given.value)
    if isinstance(_bare(field.type), LISTS):
        return [one.strip() for one in text.split(",") if one.strip()]
    read = reader_of(field.type)
    try:
        return text if read is None else read(text.strip())
    except ValueError:
        raise _fault(field.name, given, rule_of(field.type)) from None


def _bare(node: inspect.Type) -> inspect.Type:
    return _bare(node.type) if isinstance(node, inspect.Metadata) else node


def _from_file(config: Path | None, table: str, names: list[str]) -> dict[str, Given]:
    if config is None:
        return {}
    values = _load(config).get(table, {})
    if not isinstance(values, dict):
        raise Failed(f"{config}: {table} must be a table", USAGE)
    given = {key.replace("-", "_"): Given(value, f"{config}, [{table}] {key}") for key, value in values.items()}
    unknown = sorted(given.keys() - set(names))
    if unknown:
        raise Failed(f"{given[unknown[0]].source}: is not a setting; there are {', '.join(sorted(names))}", USAGE)
    return given


def _load(config: Path) -> dict[str, Any]:
    try:
        if config.stat().st_size > LARGEST_FILE:
            raise Failed(f"{config}: a settings file has at most {LARGEST_FILE} bytes", USAGE)
        return tomllib.loads(config.read_text(encoding="utf-8"))
    except OSError as error:
        raise Failed(f"{config}: cannot be read: {error.strerror}", USAGE) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Failed(f"{config}: is not TOML: {error}", USAGE) from error


def _fault(name: str, given: Given, rule: str) -> Failed:
    shown = "" if given.value is None else f" = {MASK if is_secret_name(name) else repr(given.value)[:100]}"
    return Failed(f"{given.source}{shown}: {rule}", USAGE)


def _dashed(name: str) -> str:
    return name.replace("_", "-")
