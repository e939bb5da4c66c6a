"""Lockers, who holds them, and what providers are told.

Written out, not taken from `cloud.tables`: a revision never changes once it was released.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

BIG = sa.BigInteger()
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _lockers()
    _assignments()
    _reservations()
    _open_tokens()
    _links()
    _webhook_endpoints()
    _webhook_deliveries()
    _webhook_deliveries_indexes()
    _audit()


def _lockers() -> None:
    op.create_table(
        "lockers",
        sa.Column("id", BIG, nullable=False, autoincrement=False),
        sa.Column("tower_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type_id", sa.Integer(), nullable=False),
        sa.Column("low", sa.Integer(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("door_sensor", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False, server_default="6"),
        sa.Column("holder_id", BIG, nullable=True),
        sa.Column("due_at", BIG, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_lockers"),
        sa.CheckConstraint("(status IN (2, 3, 4, 5)) = (holder_id IS NOT NULL)", name=op.f("ck_lockers_held")),
        sa.ForeignKeyConstraint(["holder_id"], ["organizations.id"], name="fk_lockers_holder_id"),
        sa.ForeignKeyConstraint(["tower_id"], ["towers.id"], name="fk_lockers_tower_id"),
        sa.ForeignKeyConstraint(["type_id"], ["locker_types.id"], name="fk_lockers_type_id"),
        sa.UniqueConstraint("tower_id", "name", name="uq_lockers_tower_id_name"),
        sa.UniqueConstraint("tower_id", "number", name="uq_lockers_tower_id_number"),
    )
    op.create_index(
        "ix_lockers_due_at",
        "lockers",
        ["due_at"],
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_lockers_holder_id",
        "lockers",
        ["holder_id"],
        sqlite_where=sa.text("holder_id IS NOT NULL"),
        postgresql_where=sa.text("holder_id IS NOT NULL"),
    )


def _assignments() -> None:
    op.create_table(
        "assignments",
        sa.Column("id", BIG, nullable=False, autoincrement=False),
        sa.Column("locker_id", BIG, nullable=False),
        sa.Column("organization_id", BIG, nullable=False),
        sa.Column("since", BIG, nullable=False),
        sa.Column("ended_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_assignments"),
        sa.ForeignKeyConstraint(["locker_id"], ["lockers.id"], name="fk_assignments_locker_id"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_assignments_organization_id"),
    )
    op.create_index(
        "uq_assignments_under_way",
        "assignments",
        ["locker_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _reservations() -> None:
    op.create_table(
        "reservations",
        sa.Column("id", BIG, nullable=False, autoincrement=False),
        sa.Column("locker_id", BIG, nullable=False),
        sa.Column("organization_id", BIG, nullable=False),
        sa.Column("duration_s", sa.Integer(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("expires_at", BIG, nullable=False),
        sa.Column("ended_at", BIG, nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_reservations"),
        sa.ForeignKeyConstraint(["locker_id"], ["lockers.id"], name="fk_reservations_locker_id"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_reservations_organization_id"),
    )
    op.create_index("ix_reservations_locker_id", "reservations", ["locker_id"])


def _open_tokens() -> None:
    op.create_table(
        "open_tokens",
        sa.Column("id", BIG, nullable=False, autoincrement=False),
        sa.Column("locker_id", BIG, nullable=False),
        sa.Column("organization_id", BIG, nullable=False),
        sa.Column("assignment_id", BIG, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("generation", BIG, nullable=False),
        sa.Column("rotation", sa.Integer(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("expires_s", BIG, nullable=False),
        sa.Column("client_info", sa.Text(), nullable=False),
        sa.Column("link_id", BIG, nullable=True),
        sa.Column("settled", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_open_tokens"),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignments.id"], name="fk_open_tokens_assignment_id"),
        sa.ForeignKeyConstraint(["locker_id"], ["lockers.id"], name="fk_open_tokens_locker_id"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_open_tokens_organization_id"),
    )
    op.create_index(
        "ix_open_tokens_unsettled",
        "open_tokens",
        ["locker_id"],
        sqlite_where=sa.text("settled IS NULL"),
        postgresql_where=sa.text("settled IS NULL"),
    )


def _links() -> None:
    op.create_table(
        "links",
        sa.Column("id", BIG, nullable=False, autoincrement=False),
        sa.Column("organization_id", BIG, nullable=False),
        sa.Column("locker_id", BIG, nullable=False),
        sa.Column("tower_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("expires_at", BIG, nullable=False),
        sa.Column("return_url", sa.Text(), nullable=False),
        sa.Column("client_info", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("keypad_intent", sa.Text(), nullable=True),
        sa.Column("persist_keypad_code", sa.Integer(), nullable=False),
        sa.Column("keypad_code", sa.Text(), nullable=True),
        sa.Column("code_in_force", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_links"),
        sa.ForeignKeyConstraint(["locker_id"], ["lockers.id"], name="fk_links_locker_id"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_links_organization_id"),
    )
    op.create_index("ix_links_locker_id", "links", ["locker_id"])


def _webhook_endpoints() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", BIG, nullable=False, autoincrement=False),
        sa.Column("organization_id", BIG, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Integer(), nullable=False),
        sa.Column("sealed_secret", sa.Text(), nullable=False),
        sa.Column("sealed_previous", sa.Text(), nullable=True),
        sa.Column("previous_until", BIG, nullable=True),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("updated_at", BIG, nullable=False),
        sa.Column("deleted_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_endpoints"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_webhook_endpoints_organization_id"),
    )
    op.create_index("ix_webhook_endpoints_organization_id", "webhook_endpoints", ["organization_id"])


def _webhook_deliveries() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("endpoint_id", BIG, nullable=False),
        sa.Column("lane", sa.Text(), nullable=True),
        sa.Column("sequence", BIG, nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("tower_id", sa.Text(), nullable=False),
        sa.Column("locker_id", BIG, nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("next_attempt_at", BIG, nullable=True),
        sa.Column("claimed_until", BIG, nullable=True),
        sa.Column("attempts", sa.Text(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("finished_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_deliveries"),
        sa.ForeignKeyConstraint(["endpoint_id"], ["webhook_endpoints.id"], name="fk_webhook_deliveries_endpoint_id"),
    )


def _webhook_deliveries_indexes() -> None:
    op.create_index(
        "ix_webhook_deliveries_due",
        "webhook_deliveries",
        ["endpoint_id", "next_attempt_at"],
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.create_index("ix_webhook_deliveries_endpoint_id", "webhook_deliveries", ["endpoint_id", "created_at"])
    op.create_index(
        "ix_webhook_deliveries_finished",
        "webhook_deliveries",
        ["status", "finished_at"],
        sqlite_where=sa.text("finished_at IS NOT NULL"),
        postgresql_where=sa.text("finished_at IS NOT NULL"),
    )
    op.create_index(
        "ix_webhook_deliveries_lane",
        "webhook_deliveries",
        ["endpoint_id", "lane", "sequence"],
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("organization_id", BIG, nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("tower_id", sa.Text(), nullable=True),
        sa.Column("locker_id", BIG, nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
