"""A contract as a page for people: plain HTML out of the file, without a script and without anything from elsewhere."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html import escape
from typing import Any

import msgspec

from openharbor.kit.http.docs_schema import schema_table, type_of
from openharbor.kit.http.markdown import inline, to_html

Document = Mapping[str, Any]

METHODS = ("get", "post", "put", "patch", "delete")
STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; }
h2 { border-bottom: 1px solid var(--line); margin-top: 3rem; }
code, pre { font: 14px/1.45 ui-monospace, monospace; }
pre { background: var(--soft); overflow-x: auto; padding: .75rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
td, th { border: 1px solid var(--line); padding: .25rem .5rem; text-align: left; vertical-align: top; }
details { border: 1px solid var(--line); border-radius: .25rem; margin: .5rem 0; padding: .25rem .75rem; }
summary { cursor: pointer; padding: .25rem 0; }
.method { display: inline-block; font-weight: 700; min-width: 4.5rem; text-transform: uppercase; }
nav ul { columns: 18rem; }
"""
POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def docs_page(document: Document, json_path: str) -> str:
    """The page of a bundled contract; `json_path` is where the contract itself is."""
    info = document["info"]
    operations = list(_operations(document))
    tags = [tag["name"] for tag in document.get("tags", ())] or sorted({tag for tag, *_ in operations})
    parts = "".join(_tag(document, tag, operations) for tag in tags)
    schemas = document.get("components", {}).get("schemas", {})
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head><body>'
        f"<h1>{escape(info['title'])} {escape(str(info['version']))}</h1><p>{inline(info.get('summary', ''))} "
        f'The contract itself: <a href="{escape(json_path)}">openapi.json</a>.</p>{_below(document)}'
        f"{_contents(operations)}"
        f"{to_html(info.get('description', ''))}{parts}<h2>Schemas</h2>"
        f"{''.join(schema_table(document, name, schema) for name, schema in schemas.items())}</body></html>\n"
    )


Found = tuple[str, str, str, dict[str, Any]]


def _operations(document: Document) -> Iterator[Found]:
    for path, item in (*document["paths"].items(), *document.get("webhooks", {}).items()):
        for method in METHODS:
            if method in item:
                shared = item.get("parameters", [])
                operation = {**item[method], "parameters": [*shared, *item[method].get("parameters", [])]}
                yield operation.get("tags", ["Operations"])[0], method, path, operation


def _below(document: Document) -> str:
    """Where the paths begin, unless at the root."""
    places = [server["url"] for server in document.get("servers", ()) if server["url"].strip("/")]
    return f"<p>Paths are below <code>{escape(places[0])}</code>.</p>" if places else ""


def _contents(operations: list[Found]) -> str:
    links = (
        f'<li><a href="#{escape(operation["operationId"])}">{escape(operation.get("summary", path))}</a></li>'
        for _, _, path, operation in operations
    )
    return f"<nav><ul>{''.join(links)}</ul></nav>"


def _tag(document: Document, tag: str, operations: list[Found]) -> str:
    parts = (_operation(document, *found[1:]) for found in operations if found[0] == tag)
    return f"<h2>{escape(tag)}</h2>{''.join(parts)}"


def _operation(document: Document, method: str, path: str, operation: dict[str, Any]) -> str:
    scope = operation.get("x-required-scope")
    return (
        f'<details id="{escape(operation["operationId"])}"><summary><span class="method">{method}</span> '
        f"<code>{escape(path)}</code> {inline(operation.get('summary', ''))}</summary>"
        f"{to_html(operation.get('description', ''), top=4)}"
        f"{'' if scope is None else f'<p>Needs the scope <code>{escape(str(scope))}</code>.</p>'}"
        f"{_parameters(document, operation['parameters'])}{_body(document, operation.get('requestBody'))}"
        f"{''.join(_response(document, status, one) for status, one in operation.get('responses', {}).items())}"
        "</details>"
    )


def _parameters(document: Document, parameters: list[dict[str, Any]]) -> str:
    rows = ""
    for parameter in (followed(document, one) for one in parameters):
        needed = "" if parameter.get("required") else " (optional)"
        rows += (
            f"<tr><td><code>{escape(parameter['name'])}</code></td><td>{parameter['in']}{needed}</td>"
            f"<td>{type_of(parameter.get('schema', {}))}</td><td>{inline(parameter.get('description', ''))}</td></tr>"
        )
    return f"<h4>Parameters</h4><table><tbody>{rows}</tbody></table>" if rows else ""


def _body(document: Document, body: dict[str, Any] | None) -> str:
    if body is None:
        return ""
    body = followed(document, body)
    return f"<h4>Body</h4><p>{inline(body.get('description', ''))}</p>{_content(document, body.get('content', {}))}"


def _response(document: Document, status: str, response: dict[str, Any]) -> str:
    response = followed(document, response)
    told = inline(response.get("description", ""))
    content = _content(document, response.get("content", {}))
    return f"<details><summary><strong>{escape(status)}</strong> {told}</summary>{content}</details>"


def _content(document: Document, content: dict[str, Any]) -> str:
    html = ""
    for media_type, media in content.items():
        html += f"<p><code>{escape(media_type)}</code>: {type_of(media.get('schema', {}))}</p>"
        only = {"Example": {"value": media["example"]}} if "example" in media else {}
        for name, example in media.get("examples", only).items():
            example = followed(document, example)
            value = example.get("value")
            shown = value if isinstance(value, str) else msgspec.json.format(msgspec.json.encode(value)).decode()
            html += f"<p>{inline(example.get('summary', name))}</p><pre>{escape(shown)}</pre>"
    return html


def followed(document: Document, node: dict[str, Any]) -> dict[str, Any]:
    """The node, or what its `$ref` names in the document."""
    reference = node.get("$ref")
    if reference is None:
        return node
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return followed(document, found)
