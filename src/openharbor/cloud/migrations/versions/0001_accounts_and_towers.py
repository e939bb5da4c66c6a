"""Accounts, places and towers.

Written out, not taken from `cloud.tables`: a revision never changes once it was released.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

BIG = sa.BigInteger()


def upgrade() -> None:
    _number_blocks()
    _secrets()
    _organizations()
    _clients()
    _refresh_tokens()
    _refresh_tokens_indexes()
    _signing_keys()
    _operators()
    _locker_types()
    _locations()
    _towers()
    _tower_organizations()
    _tower_keys()
    _tower_commands()
    _tower_events()


def _number_blocks() -> None:
    op.create_table(
        "number_blocks",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("next", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_number_blocks"),
    )


def _secrets() -> None:
    op.create_table(
        "secrets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_secrets"),
    )


def _organizations() -> None:
    op.create_table(
        "organizations",
        sa.Column("id", BIG, nullable=False, autoincrement=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_organizations"),
        sa.UniqueConstraint("key", name="uq_organizations_key"),
        sa.UniqueConstraint("name", name="uq_organizations_name"),
    )


def _clients() -> None:
    op.create_table(
        "clients",
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("organization_id", BIG, nullable=False),
        sa.Column("secret_digest", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("revoked_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("client_id", name="pk_clients"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_clients_organization_id"),
    )
    op.create_index("ix_clients_organization_id", "clients", ["organization_id"])


def _refresh_tokens() -> None:
    op.create_table(
        "refresh_tokens",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("expires_at", BIG, nullable=False),
        sa.Column("used_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("digest", name="pk_refresh_tokens"),
        sa.ForeignKeyConstraint(["client_id"], ["clients.client_id"], name="fk_refresh_tokens_client_id"),
    )


def _refresh_tokens_indexes() -> None:
    op.create_index("ix_refresh_tokens_client_id", "refresh_tokens", ["client_id"])
    op.create_index("ix_refresh_tokens_expires_at", "refresh_tokens", ["expires_at"])
    op.create_index("ix_refresh_tokens_family", "refresh_tokens", ["family"])


def _signing_keys() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("public_jwk", sa.Text(), nullable=False),
        sa.Column("sealed_private", sa.Text(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("signs_from", BIG, nullable=False),
        sa.Column("retired_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("kid", name="pk_signing_keys"),
    )


def _operators() -> None:
    op.create_table(
        "operators",
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("email", name="pk_operators"),
    )


def _locker_types() -> None:
    op.create_table(
        "locker_types",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("width_mm", sa.Integer(), nullable=False),
        sa.Column("height_mm", sa.Integer(), nullable=False),
        sa.Column("depth_mm", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_locker_types"),
        sa.UniqueConstraint("name", name="uq_locker_types_name"),
    )


def _locations() -> None:
    op.create_table(
        "locations",
        sa.Column("id", BIG, nullable=False, autoincrement=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("lat", sa.Float(53), nullable=True),
        sa.Column("lon", sa.Float(53), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("address1", sa.Text(), nullable=False),
        sa.Column("address2", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("zip", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("access_hours", sa.Text(), nullable=True),
        sa.Column("timezone", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_locations"),
        sa.UniqueConstraint("key", name="uq_locations_key"),
    )


def _towers() -> None:
    op.create_table(
        "towers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("location_id", BIG, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("access", sa.Text(), nullable=False),
        sa.Column("for_test", sa.Integer(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("tower_model_id", sa.Integer(), nullable=False),
        sa.Column("firmware_version", sa.Text(), nullable=True),
        sa.Column("last_visit_at", BIG, nullable=True),
        sa.Column("synced_s", BIG, nullable=True),
        sa.Column("rotation", sa.Integer(), nullable=True),
        sa.Column("next_command", BIG, nullable=False, server_default="1"),
        sa.Column("next_event", BIG, nullable=False, server_default="1"),
        sa.Column("epoch", BIG, nullable=False, server_default="1"),
        sa.Column("corrections", sa.Text(), nullable=False, server_default="[]"),
        sa.PrimaryKeyConstraint("id", name="pk_towers"),
        sa.CheckConstraint("access IN ('public', 'private')", name=op.f("ck_towers_access")),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name="fk_towers_location_id"),
    )
    op.create_index("ix_towers_location_id", "towers", ["location_id"])


def _tower_organizations() -> None:
    op.create_table(
        "tower_organizations",
        sa.Column("tower_id", sa.Text(), nullable=False),
        sa.Column("organization_id", BIG, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("tower_id", "organization_id", name="pk_tower_organizations"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name="fk_tower_organizations_organization_id"
        ),
        sa.ForeignKeyConstraint(["tower_id"], ["towers.id"], name="fk_tower_organizations_tower_id"),
    )
    op.create_index("ix_tower_organizations_organization_id", "tower_organizations", ["organization_id"])


def _tower_keys() -> None:
    op.create_table(
        "tower_keys",
        sa.Column("tower_id", sa.Text(), nullable=False),
        sa.Column("rotation", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sealed_root", sa.Text(), nullable=True),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("changed_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("tower_id", "rotation", name="pk_tower_keys"),
        sa.ForeignKeyConstraint(["tower_id"], ["towers.id"], name="fk_tower_keys_tower_id"),
    )


def _tower_commands() -> None:
    op.create_table(
        "tower_commands",
        sa.Column("tower_id", sa.Text(), nullable=False),
        sa.Column("command_id", BIG, nullable=False, autoincrement=False),
        sa.Column("packet_type", sa.Integer(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("locker_number", sa.Integer(), nullable=True),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("done_at", BIG, nullable=True),
        sa.Column("result", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("tower_id", "command_id", name="pk_tower_commands"),
        sa.ForeignKeyConstraint(["tower_id"], ["towers.id"], name="fk_tower_commands_tower_id"),
    )


def _tower_events() -> None:
    op.create_table(
        "tower_events",
        sa.Column("tower_id", sa.Text(), nullable=False),
        sa.Column("epoch", BIG, nullable=False, autoincrement=False),
        sa.Column("event_id", BIG, nullable=False, autoincrement=False),
        sa.Column("packet_type", sa.Integer(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("tower_time_s", BIG, nullable=False),
        sa.Column("received_at", BIG, nullable=False),
        sa.Column("applied_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("tower_id", "epoch", "event_id", name="pk_tower_events"),
        sa.ForeignKeyConstraint(["tower_id"], ["towers.id"], name="fk_tower_events_tower_id"),
    )
