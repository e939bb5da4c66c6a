"""The pages for people, and the commands in them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"<!-- (\w+): start -->(.*?)<!-- \1: end -->", re.DOTALL)


@dataclass(frozen=True)
class Curl:
    """One `curl` of a page: what it would send."""

    method: str
    url: str
    headers: dict[str, str]
    body: str | None


def commands(text: str) -> list[str]:
    """Every command line of the `sh` blocks, in order; a line that ends with a backslash goes on in the next one."""
    blocks = [block for language, block in FENCE.findall(text) if language == "sh"]
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def marked(text: str, name: str) -> str:
    """The part of a page between `<!-- name: start -->` and `<!-- name: end -->`."""
    found = {match.group(1): match.group(2) for match in MARK.finditer(text)}
    return found[name]


def unmarked(text: str) -> str:
    """A page without its marked parts."""
    return MARK.sub("", text)


def parse_curl(line: str) -> Curl:
    """Reads the few options of curl that the pages use. Raises ValueError for others."""
    words = iter(shlex.split(line, comments=True)[1:])
    method, url, body, headers = None, "", None, {}
    for word in words:
        if word in ("-s", "-i", "-sS"):
            continue
        if word == "-X":
            method = next(words)
        elif word == "-d":
            body = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(":")
            headers[name] = value.strip()
        elif word.startswith("-"):
            raise ValueError(f"this test does not know curl's {word}: {line}")
        else:
            url = word
    return Curl(method or ("POST" if body is not None else "GET"), url, headers, body)


def links(text: str) -> Iterator[str]:
    """Targets of the links in a page, code left out."""
    bare = re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))
    yield from re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", bare)


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings."""
    headings = re.findall(r"^#{1,6} (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}
