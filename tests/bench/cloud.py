"""The cloud: minting on PostgreSQL beside the same statements run bare, on SQLite beside a constant; and reading."""

from functools import partial
from pathlib import Path

from harness import postgres

from . import cloud_reads
from .cloud_beside import serving_bare, serving_constant
from .cloud_mints import answer_bytes, compared, mint_beside, mint_constant, rounds, serving
from .cloud_site import new_site
from .figures import Figure

ROUNDS = 7
POSTGRES_SHARE, SQLITE_SHARE = 0.75, 0.35


def measure(directory: Path) -> list[Figure]:
    return [*on_postgres(directory / "cloud-postgres"), *on_sqlite(directory / "cloud-sqlite")]


def on_postgres(directory: Path) -> list[Figure]:
    with postgres.running(fsync=True) as server:
        site = new_site(directory, server.database("bench"))
        with serving(site) as served, serving_bare(site, answer_bytes(site, served)) as bare:
            minted = rounds(site, served, partial(mint_beside, site, bare), ROUNDS)
            return [
                *compared("PostgreSQL", "the bare handler", minted, POSTGRES_SHARE),
                *cloud_reads.figures(site, served, "PostgreSQL"),
            ]


def on_sqlite(directory: Path) -> list[Figure]:
    site = new_site(directory)
    with serving(site) as served, serving_constant(answer_bytes(site, served)) as constant:
        minted = rounds(site, served, partial(mint_constant, site, constant), ROUNDS)
        return [
            *compared("SQLite", "the constant", minted, SQLITE_SHARE),
            *cloud_reads.figures(site, served, "SQLite"),
        ]
