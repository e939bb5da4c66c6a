"""A figure beside its limit, and the one table of all."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True)
class Figure:
    """`limit` None: shown for what it tells, with nothing to keep to."""

    name: str
    measured: float
    unit: str
    limit: float | None = None
    bound: Literal["most", "least"] = "most"
    note: str = ""

    @property
    def ok(self) -> bool:
        if self.limit is None:
            return True
        return self.measured <= self.limit if self.bound == "most" else self.measured >= self.limit


def most(name: str, measured: float, limit: float, unit: str, note: str = "") -> Figure:
    """May be at most `limit`."""
    return Figure(name, measured, unit, limit, "most", note)


def least(name: str, measured: float, limit: float, unit: str, note: str = "") -> Figure:
    """Must be at least `limit`."""
    return Figure(name, measured, unit, limit, "least", note)


def table(figures: Sequence[Figure]) -> str:
    rows = [("figure", "measured", "limit", "ok", ""), *(row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        " | ".join(text.ljust(width) for text, width in zip(row[:4], widths, strict=True)) + f" | {row[4]}".rstrip(" |")
        for row in rows
    )


def row(figure: Figure) -> tuple[str, str, str, str, str]:
    sign = {"most": "≤", "least": "≥"}[figure.bound]
    limit = "" if figure.limit is None else f"{sign} {number(figure.limit)} {figure.unit}".strip()
    ok = "" if figure.limit is None else ("yes" if figure.ok else "NO")
    return figure.name, f"{number(figure.measured)} {figure.unit}".strip(), limit, ok, figure.note


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def as_json(figures: Sequence[Figure]) -> str:
    return json.dumps([{**asdict(figure), "ok": figure.ok} for figure in figures], indent=1)
