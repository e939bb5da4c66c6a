"""Contract files: references brought in, and the page that people read."""

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from openharbor.kit.http.contract_file import load_contract
from openharbor.kit.http.docs_page import POLICY, STYLE, docs_page
from openharbor.kit.http.markdown import inline, to_html

MAIN = """
info: {title: Main <b>, version: 1.0.0, description: "## Words\\n\\n- one\\n- two"}
paths:
  /a:
    get:
      operationId: a
      responses:
        200: {description: ok, content: {application/json: {schema: {$ref: "other.yaml#/components/schemas/Locker"}}}}
        404: {$ref: "other.yaml#/components/responses/Gone"}
components:
  schemas:
    Error: {type: string}
"""
OTHER = """
components:
  responses:
    Gone: {description: gone, content: {application/json: {schema: {$ref: "#/components/schemas/Error"}}}}
  schemas:
    Locker: {type: object, properties: {next: {$ref: "#/components/schemas/Locker"}}}
    Error: {type: object, properties: {error: {type: string}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "main.yaml").write_text(MAIN)
    (tmp_path / "other.yaml").write_text(OTHER)
    return tmp_path


def test_what_a_contract_takes_from_another_file_is_brought_in_with_what_that_needs(folder: Path) -> None:
    document = load_contract(folder / "main.yaml")
    schemas = document["components"]["schemas"]
    responses = document["paths"]["/a"]["get"]["responses"]
    assert responses["404"] == {"$ref": "#/components/responses/Gone"}
    assert responses["200"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Locker"}
    assert schemas["Locker"]["properties"]["next"] == {"$ref": "#/components/schemas/Locker"}
    gone = document["components"]["responses"]["Gone"]["content"]["application/json"]["schema"]
    assert gone == {"$ref": "#/components/schemas/Error_other"}  # this contract has another Error
    assert schemas["Error"] == {"type": "string"}
    assert "error" in schemas["Error_other"]["properties"]


@pytest.mark.parametrize("pointer", ["/components/schemas/Nothing", "/paths/~1a", "/components/schemas"])
def test_a_reference_that_leads_nowhere_is_told(folder: Path, pointer: str) -> None:
    (folder / "main.yaml").write_text(MAIN.replace("/components/schemas/Locker", pointer))
    with pytest.raises(ValueError, match=r"other\.yaml#"):
        load_contract(folder / "main.yaml")


def test_a_file_that_is_no_contract_is_told(folder: Path) -> None:
    (folder / "main.yaml").write_text("- a list\n")
    with pytest.raises(ValueError, match=r"main\.yaml is not a contract"):
        load_contract(folder / "main.yaml")


def test_the_page_escapes_the_contract_and_its_style_is_the_one_that_the_policy_allows(folder: Path) -> None:
    page = docs_page(load_contract(folder / "main.yaml"), "/openapi.json")
    assert "<h1>Main &lt;b&gt; 1.0.0</h1>" in page
    assert 'href="#schema-Locker"' in page
    assert 'id="schema-Error_other"' in page
    assert re.findall(r"<style>(.*?)</style>", page, re.DOTALL) == [STYLE]
    assert f"'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'" in POLICY


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("one\ntwo\n\nthree", "<p>one two</p><p>three</p>"),
        ("## Head\ntext", "<h2>Head</h2><p>text</p>"),
        ("- a `b`\n  goes on\n- **c**", "<ul><li>a <code>b</code> goes on</li><li><strong>c</strong></li></ul>"),
        ("| a | b |\n|---|---|\n| 1 | `2` |",
         "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td><code>2</code></td></tr></tbody></table>"),
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_little_markdown_of_contracts_becomes_html(text: str, html: str) -> None:
    assert to_html(text) == html


def test_code_is_not_read_for_emphasis() -> None:
    assert inline("`**a**` **b**") == "<code>**a**</code> <strong>b</strong>"
