"""The first schema. Written out, not taken from `gateway.tables`: a revision never changes once it was released."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TIME = sa.BigInteger()
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ACTIVE = sa.text("released_at IS NULL")
UNDER_WAY = sa.text("finished_at IS NULL")


def upgrade() -> None:
    _settings()
    _types()
    _banks()
    _transactions()
    _openings()
    _audit()
    _idempotency()
    _devices()
    _access()


def _settings() -> None:
    op.create_table(
        "settings",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("gateway_id", sa.Text(), nullable=False),
        sa.Column("site_name", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("pulse_ms", sa.Integer(), nullable=False),
        sa.Column("door_left_open_seconds", sa.Integer(), nullable=False),
        sa.Column("open_detection_seconds", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_settings"),
    )


def _types() -> None:
    op.create_table(
        "locker_types",
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("friendly_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("width_mm", sa.Integer(), nullable=False),
        sa.Column("height_mm", sa.Integer(), nullable=False),
        sa.Column("depth_mm", sa.Integer(), nullable=False),
        sa.Column("always_oos", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("slug", name="pk_locker_types"),
    )
    op.create_table(
        "bank_types",
        sa.Column("bank_type_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("friendly_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("is_debug", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("bank_type_id", name="pk_bank_types"),
    )
    op.create_table(
        "bank_type_associations",
        sa.Column("bank_type_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bank_locker_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("locker_type", sa.Text(), nullable=False),
        sa.Column("is_low_locker", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("bank_type_id", "bank_locker_number", name="pk_bank_type_associations"),
        sa.ForeignKeyConstraint(
            ["bank_type_id"], ["bank_types.bank_type_id"], name="fk_bank_type_associations_bank_type_id"
        ),
        sa.ForeignKeyConstraint(["locker_type"], ["locker_types.slug"], name="fk_bank_type_associations_locker_type"),
    )


def _banks() -> None:
    op.create_table(
        "controllers",
        sa.Column("controller_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("driver", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("bank_type_id", sa.Integer(), nullable=False),
        sa.Column("commissioned", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("controller_id", name="pk_controllers"),
        sa.ForeignKeyConstraint(["bank_type_id"], ["bank_types.bank_type_id"], name="fk_controllers_bank_type_id"),
        sa.UniqueConstraint("address", name="uq_controllers_address"),
    )
    op.create_table(
        "lockers",
        sa.Column("locker_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bank_id", sa.Integer(), nullable=False),
        sa.Column("bank_locker_number", sa.Integer(), nullable=False),
        sa.Column("locker_type", sa.Text(), nullable=False),
        sa.Column("is_low_locker", sa.Integer(), nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("out_of_service", sa.Integer(), nullable=False),
        sa.Column("broken_lock", sa.Integer(), nullable=False),
        sa.Column("reason_code", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("failures_in_row", sa.Integer(), nullable=False),
        sa.Column("last_transaction_at", TIME),
        sa.Column("last_opened_at", TIME),
        sa.Column("open_count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("locker_id", name="pk_lockers"),
        sa.ForeignKeyConstraint(["bank_id"], ["controllers.controller_id"], name="fk_lockers_bank_id"),
        sa.ForeignKeyConstraint(["locker_type"], ["locker_types.slug"], name="fk_lockers_locker_type"),
        sa.UniqueConstraint("bank_id", "bank_locker_number", name="uq_lockers_bank_id_bank_locker_number"),
    )


def _transactions() -> None:
    op.create_table(
        "transactions",
        sa.Column("row_id", ROW_ID, nullable=False),
        sa.Column("transaction_id", sa.Text(), nullable=False),
        sa.Column("locker_id", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("last_opened_at", TIME),
        sa.Column("open_count", sa.Integer(), nullable=False),
        sa.Column("released_at", TIME),
        sa.PrimaryKeyConstraint("row_id", name="pk_transactions"),
    )
    op.create_index(
        "one_active_per_locker",
        "transactions",
        ["locker_id"],
        unique=True,
        sqlite_where=ACTIVE,
        postgresql_where=ACTIVE,
    )
    op.create_index(
        "one_active_per_transaction",
        "transactions",
        ["transaction_id"],
        unique=True,
        sqlite_where=ACTIVE,
        postgresql_where=ACTIVE,
    )


def _openings() -> None:
    op.create_table(
        "openings",
        sa.Column("opening_id", ROW_ID, nullable=False),
        sa.Column("locker_id", sa.Integer(), nullable=False),
        sa.Column("transaction_row_id", sa.BigInteger()),
        sa.Column("actor_type", sa.Text(), nullable=False),
        sa.Column("actor_name", sa.Text()),
        sa.Column("key_space", sa.Text()),
        sa.Column("idempotency_key", sa.Text()),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("finished_at", TIME),
        sa.Column("outcome", sa.Text()),
        sa.Column("confirmed", sa.Integer()),
        sa.Column("door_open", sa.Integer()),
        sa.Column("attempts", sa.Integer()),
        sa.Column("error_code", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("duration_ms", sa.Integer()),
        sa.PrimaryKeyConstraint("opening_id", name="pk_openings"),
    )
    op.create_index(
        "openings_under_way", "openings", ["opening_id"], sqlite_where=UNDER_WAY, postgresql_where=UNDER_WAY
    )
    op.create_table(
        "pulses",
        sa.Column("pulse_id", ROW_ID, nullable=False),
        sa.Column("opening_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("fired_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("pulse_id", name="pk_pulses"),
        sa.UniqueConstraint("opening_id", "attempt", name="uq_pulses_opening_id_attempt"),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("actor_type", sa.Text(), nullable=False),
        sa.Column("actor_name", sa.Text()),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("success", sa.Integer(), nullable=False),
        sa.Column("locker_id", sa.Integer()),
        sa.Column("transaction_id", sa.Text()),
        sa.Column("controller_id", sa.Integer()),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )


def _idempotency() -> None:
    op.create_table(
        "idempotency",
        sa.Column("record_id", ROW_ID, nullable=False),
        sa.Column("key_space", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("headers", sa.Text()),
        sa.Column("body", sa.Text()),
        sa.PrimaryKeyConstraint("record_id", name="pk_idempotency"),
        sa.UniqueConstraint("key_space", "idempotency_key", name="uq_idempotency_key_space_idempotency_key"),
    )


def _devices() -> None:
    op.create_table(
        "devices",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("device_type", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("firmware_version", sa.Text()),
        sa.Column("ip_address", sa.Text(), nullable=False),
        sa.Column("message", sa.Text()),
        sa.Column("metrics", sa.Text(), nullable=False),
        sa.Column("device_time", TIME),
        sa.Column("last_heartbeat_at", TIME, nullable=False),
        sa.Column("registered_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("device_id", name="pk_devices"),
    )


def _access() -> None:
    op.create_table(
        "api_keys",
        sa.Column("key_id", ROW_ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME),
        sa.Column("revoked_at", TIME),
        sa.PrimaryKeyConstraint("key_id", name="pk_api_keys"),
        sa.UniqueConstraint("digest", name="uq_api_keys_digest"),
    )
    op.create_table(
        "admin_user",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_admin_user"),
    )
