"""What towers report: the event ids that wait behind a gap, since when, and the commands that wait for a tower.

Written out, not taken from `cloud.tables`: a revision never changes once it was released.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

BIG = sa.BigInteger()


def upgrade() -> None:
    op.add_column("towers", sa.Column("covered", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("towers", sa.Column("gap_since", BIG, nullable=True))
    op.add_column("towers", sa.Column("gap_told_at", BIG, nullable=True))
    waits = sa.text("gap_since IS NOT NULL AND gap_told_at IS NULL")
    op.create_index("ix_towers_gap_since", "towers", ["gap_since"], sqlite_where=waits, postgresql_where=waits)
    waiting = sa.text("done_at IS NULL")
    op.create_index(
        "ix_tower_commands_waiting",
        "tower_commands",
        ["tower_id", "command_id"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
