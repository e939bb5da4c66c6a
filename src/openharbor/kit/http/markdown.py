"""The little Markdown that contracts are written in, as HTML: paragraphs, headings, lists, tables, emphasis, code."""

import re
from collections.abc import Iterator
from html import escape

CODE = re.compile(r"`([^`]+)`")
STRONG = re.compile(r"\*\*([^*]+)\*\*")
BULLET = re.compile(r"[-*] +")
HEADING = re.compile(r"(#{1,6}) +(.*)")
RULER = re.compile(r"\|[\s:|-]+\|?")


def to_html(text: str, top: int = 2) -> str:
    """The text as HTML, everything escaped; `##` becomes a heading of level `top`."""
    blocks = (block.strip("\n") for block in re.split(r"\n\s*\n", text.strip()))
    return "".join(_block(block, top) for block in blocks if block)


def inline(text: str) -> str:
    """One line of text: code and emphasis, everything escaped."""
    parts = CODE.split(text)
    return "".join(
        f"<code>{escape(part)}</code>" if number % 2 else STRONG.sub(r"<strong>\1</strong>", escape(part))
        for number, part in enumerate(parts)
    )


def _block(block: str, top: int) -> str:
    lines = block.splitlines()
    heading = HEADING.fullmatch(lines[0])
    if heading:
        level = min(6, max(1, len(heading[1]) - 2 + top))
        rest = "\n".join(lines[1:])
        return f"<h{level}>{inline(heading[2])}</h{level}>" + (_block(rest, top) if rest else "")
    if BULLET.match(lines[0]):
        return "<ul>" + "".join(f"<li>{inline(item)}</li>" for item in _items(lines)) + "</ul>"
    if lines[0].startswith("|"):
        return _table(lines)
    return f"<p>{inline(' '.join(line.strip() for line in lines))}</p>"


def _items(lines: list[str]) -> Iterator[str]:
    item = ""
    for line in lines:
        if BULLET.match(line):
            if item:
                yield item
            item = BULLET.sub("", line, count=1)
        else:
            item = f"{item} {line.strip()}"
    yield item


def _table(lines: list[str]) -> str:
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines if not RULER.fullmatch(line)
    ]
    head = "".join(f"<th>{inline(cell)}</th>" for cell in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{inline(cell)}</td>" for cell in row) + "</tr>" for row in rows[1:])
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
