"""On which line of a TOML file each table and key stands; the file itself is read by `tomllib`, which does not say.

Keys inside inline tables and arrays have the line of the key that holds them. For a file that `tomllib` accepts.
"""

import re
from collections.abc import Iterator, Mapping

Path = tuple[str | int, ...]
Lines = Mapping[Path, int]

KEY_PART = re.compile(r'[ \t]*(?:([A-Za-z0-9_-]+)|"((?:[^"\\\n]|\\.)*)"|\'([^\'\n]*)\')[ \t]*')
SKIPPED = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
STRINGS = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"(?!")|""(?!"))?'  # up to two quotes more belong to it
    r"|'''.*?'''(?:'(?!')|''(?!'))?"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*",
    re.DOTALL,
)
PLAIN = re.compile(r"[^\"'#\[\]{}\n]+")
ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)")
ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}


def lines_of(text: str) -> dict[Path, int]:
    """Line numbers from 1 by path, positions in arrays of tables from 0: ("locations", 0, "towers", 1, "id")."""
    lines: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    line, counted = 1, 0
    for start, header, names in _statements(text):
        line, counted = line + text.count("\n", counted, start), start
        if header:
            table = _table(names, counts, starts_another=header == 2)
            if header == 2:
                lines.setdefault(table[:-1], line)
            lines.setdefault(table, line)
        else:
            for depth in range(1, len(names) + 1):
                lines.setdefault(table + names[:depth], line)
    return lines


def line_of(lines: Lines, path: Path) -> int:
    """Of the path, or of what holds it; 1 for the whole file."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _statements(text: str) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Where each begins, the number of its brackets (0: a key with a value) and its names."""
    at = SKIPPED.match(text).end()  # type: ignore[union-attr]  # it matches the empty text too
    while at < len(text):
        brackets = 2 if text.startswith("[[", at) else int(text.startswith("[", at))
        names, end = _names(text, at + brackets)
        if not names:
            return  # nothing that tomllib would have accepted
        yield at, brackets, names
        end = _end_of_value(text, end + (brackets or 1))
        at = SKIPPED.match(text, end).end()  # type: ignore[union-attr]


def _names(text: str, at: int) -> tuple[tuple[str, ...], int]:
    """The parts of a dotted key, and where it ends."""
    names: list[str] = []
    while (part := KEY_PART.match(text, at)) is not None:
        names.append(part[1] or (_unescaped(part[2]) if part[2] is not None else part[3] or ""))
        at = part.end()
        if not text.startswith(".", at):
            break
        at += 1
    return tuple(names), at


def _unescaped(text: str) -> str:
    def character(found: re.Match[str]) -> str:
        code = found[1]
        return chr(int(code[1:], 16)) if len(code) > 1 else ESCAPED.get(code, code)

    return ESCAPE.sub(character, text)


def _end_of_value(text: str, at: int) -> int:
    """The end of the line on which a value ends: brackets are closed and strings are over."""
    depth = 0
    while at < len(text):
        if found := PLAIN.match(text, at) or STRINGS.match(text, at):
            at = found.end()
            continue
        if text[at] == "\n" and depth <= 0:
            return at
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(text[at], 0)
        at += 1
    return at


def _table(names: tuple[str, ...], counts: dict[Path, int], *, starts_another: bool) -> Path:
    """The path of a table header; a name of an array of tables means its last table."""
    path: Path = ()
    for name in names[:-1]:
        path += (name,)
        if path in counts:
            path += (counts[path] - 1,)
    path += names[-1:]
    if not starts_another:
        return path
    counts[path] = counts.get(path, 0) + 1
    return (*path, counts[path] - 1)
