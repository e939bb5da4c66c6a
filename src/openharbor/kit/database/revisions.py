"""A room's Alembic revisions: which of them a database lacks, and running those. Imports Alembic when it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openharbor.kit.errors import Failed

if TYPE_CHECKING:
    from alembic.script import Script, ScriptDirectory
    from sqlalchemy import Connection


class SchemaTooNew(Failed):
    """A newer release has changed the database; this code would not understand it."""

    def __init__(self, database: str, revision: str) -> None:
        super().__init__(
            f"{database} was written by a newer release (schema {revision}); install that release, or restore a backup"
        )
        self.revision = revision


def missing(database: str, script: ScriptDirectory, stored: str | None) -> list[Script]:
    """The revisions after the stored one, oldest first. `database`: its name, for people. Raises SchemaTooNew."""
    from alembic.script.revision import ResolutionError

    try:
        if stored is not None:
            script.revision_map.get_revision(stored)
    except ResolutionError:
        raise SchemaTooNew(database, stored or "") from None
    return list(reversed(list(script.iterate_revisions("head", stored or "base"))))


def run_each(connection: Connection, script: ScriptDirectory, revisions: list[Script]) -> None:
    """Runs them in the transaction of the connection, and notes each as done."""
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    context = MigrationContext.configure(connection)
    with Operations.context(context):
        for revision in revisions:
            revision.module.upgrade()
            context.stamp(script, revision.revision)
