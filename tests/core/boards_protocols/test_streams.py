"""Every stream of the vectors gives its events however it is cut."""

from typing import Any

import pytest

from .vectors import items, play

STREAMS = list(items("streams"))


def chunks_of(item: dict[str, Any]) -> list[tuple[bytes, int]]:
    chunks = [bytes.fromhex(text) for text in item["chunks"]]
    return list(zip(chunks, item.get("gaps_ms", [0] * len(chunks)), strict=True))


def byte_by_byte(chunks: list[tuple[bytes, int]]) -> list[tuple[bytes, int]]:
    return [(bytes([byte]), 0 if at else gap) for chunk, gap in chunks for at, byte in enumerate(chunk)]


def cuts_of(chunks: list[tuple[bytes, int]]) -> list[list[tuple[bytes, int]]]:
    """In one piece and cut at every place; gaps fix the chunks they stand before."""
    if any(gap for _, gap in chunks):
        return []
    whole = b"".join(chunk for chunk, _ in chunks)
    return [[(whole, 0)], *([(whole[:at], 0), (whole[at:], 0)] for at in range(1, len(whole)))]


@pytest.mark.parametrize(("family", "item"), STREAMS)
def test_a_stream_gives_its_events_in_every_split(family: str, item: dict[str, Any]) -> None:
    chunks = chunks_of(item)
    for split in [chunks, byte_by_byte(chunks), *cuts_of(chunks)]:
        assert play(family, item, split) == (item["expect"], item["discarded"]), split
