"""Schemas of a contract as HTML: what a value is, and the fields of an object."""

from collections.abc import Mapping
from html import escape
from typing import Any

from openharbor.kit.http.markdown import inline, to_html

Schema = Mapping[str, Any]
LIMITS = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "maxProperties", "pattern", "default")
JOINED = {"oneOf": " or ", "anyOf": " or ", "allOf": " and "}


def schema_table(document: Mapping[str, Any], name: str, schema: Schema) -> str:
    """One named schema, with its own anchor."""
    rows = "".join(_field(field, one, schema) for field, one in _fields(document, schema).items())
    table = f"<table><tbody>{rows}</tbody></table>" if rows else f"<p>{type_of(schema)}</p>"
    return (
        f'<details id="schema-{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        f"{to_html(schema.get('description', ''), top=4)}{table}</details>"
    )


def type_of(schema: Schema | bool) -> str:
    """What a value of this schema is, in one line of HTML; named schemas as links."""
    if isinstance(schema, bool):
        return "anything"
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#schema-{escape(name)}">{escape(name)}</a>'
    for joint, word in JOINED.items():
        if joint in schema:
            return word.join(type_of(one) for one in schema[joint])
    return _plain(schema) + _limits(schema)


def _plain(schema: Schema) -> str:
    if "const" in schema:
        return f"<code>{escape(str(schema['const']))}</code>"
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    kind = schema.get("type", "object" if "properties" in schema else "anything")
    if kind == "array":
        return f"list of {type_of(schema.get('items', {}))}"
    kinds = kind if isinstance(kind, list) else [kind]
    told = " or ".join(str(one) for one in kinds)
    return f"{escape(told)} ({escape(schema['format'])})" if "format" in schema else escape(told)


def _limits(schema: Schema) -> str:
    told = ", ".join(f"{name} <code>{escape(str(schema[name]))}</code>" for name in LIMITS if name in schema)
    return f", {told}" if told else ""


def _fields(document: Mapping[str, Any], schema: Schema) -> dict[str, Schema]:
    """The fields of an object, those of the schemas that it is made of included."""
    fields: dict[str, Schema] = {}
    for part in schema.get("allOf", ()):
        if "$ref" in part:
            part = document["components"]["schemas"].get(part["$ref"].rpartition("/")[2], {})
        fields |= _fields(document, part)
    fields.update(schema.get("properties", {}))
    return fields


def _field(name: str, schema: Schema, parent: Schema) -> str:
    needed = "" if name in parent.get("required", ()) else " (optional)"
    described = inline(schema.get("description", "")) if isinstance(schema, Mapping) else ""
    return f"<tr><td><code>{escape(name)}</code>{needed}</td><td>{type_of(schema)}</td><td>{described}</td></tr>"
