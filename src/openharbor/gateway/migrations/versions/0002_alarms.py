"""Alarms, the webhooks that tell of them, and how each door was last seen.

Written out, not taken from `gateway.tables`: a revision never changes once it was released.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TIME = sa.BigInteger()
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _alarms()
    _alarm_webhooks()
    _door_marks()


def _alarms() -> None:
    op.create_table(
        "alarms",
        sa.Column("alarm_id", ROW_ID, nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("locker_id", sa.Integer()),
        sa.Column("controller_id", sa.Integer()),
        sa.Column("device_id", sa.Text()),
        sa.Column("raised_at", TIME, nullable=False),
        sa.Column("cleared_at", TIME),
        sa.Column("acknowledged_at", TIME),
        sa.Column("acknowledged_by", sa.Text()),
        sa.Column("note", sa.Text()),
        sa.PrimaryKeyConstraint("alarm_id", name="pk_alarms"),
    )
    lasting, is_open = sa.text("cleared_at IS NULL"), sa.text("cleared_at IS NULL OR acknowledged_at IS NULL")
    op.create_index(
        "one_lasting_per_cause", "alarms", ["cause"], unique=True, sqlite_where=lasting, postgresql_where=lasting
    )
    op.create_index("alarms_open", "alarms", ["alarm_id"], sqlite_where=is_open, postgresql_where=is_open)


def _alarm_webhooks() -> None:
    op.create_table(
        "alarm_webhooks",
        sa.Column("row_id", ROW_ID, nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("finished_at", TIME),
        sa.Column("delivered", sa.Integer()),
        sa.PrimaryKeyConstraint("row_id", name="pk_alarm_webhooks"),
        sa.UniqueConstraint("message_id", name="uq_alarm_webhooks_message_id"),
    )
    unsent = sa.text("finished_at IS NULL")
    op.create_index("alarm_webhooks_unsent", "alarm_webhooks", ["row_id"], sqlite_where=unsent, postgresql_where=unsent)


def _door_marks() -> None:
    op.create_table(
        "door_marks",
        sa.Column("locker_id", sa.Integer(), nullable=False),
        sa.Column("door_open", sa.Integer(), nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("last_opening_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("locker_id", name="pk_door_marks"),
    )
