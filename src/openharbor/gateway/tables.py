"""The gateway's tables. Times are ms since 1970 (UTC), flags are 0 or 1, JSON is text: the same rows on every database.

Indexes are few on purpose: creating a transaction is the hot path.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from openharbor.kit.idempotency import idempotency_table

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

Time = BigInteger
RowId = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER numbers itself there

settings = Table(
    "settings",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # one row: 1
    Column("gateway_id", Text, nullable=False),
    Column("site_name", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("pulse_ms", Integer, nullable=False),
    Column("door_left_open_seconds", Integer, nullable=False),
    Column("open_detection_seconds", Integer, nullable=False),
)

locker_types = Table(
    "locker_types",
    metadata,
    Column("slug", Text, primary_key=True),
    Column("friendly_name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("width_mm", Integer, nullable=False),
    Column("height_mm", Integer, nullable=False),
    Column("depth_mm", Integer, nullable=False),
    Column("always_oos", Integer, nullable=False),
    Column("created_at", Time, nullable=False),
)

bank_types = Table(
    "bank_types",
    metadata,
    Column("bank_type_id", Integer, primary_key=True, autoincrement=False),
    Column("friendly_name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("is_debug", Integer, nullable=False),
    Column("created_at", Time, nullable=False),
)

bank_type_associations = Table(
    "bank_type_associations",
    metadata,
    Column("bank_type_id", Integer, ForeignKey("bank_types.bank_type_id"), primary_key=True, autoincrement=False),
    Column("bank_locker_number", Integer, primary_key=True, autoincrement=False),
    Column("locker_type", Text, ForeignKey("locker_types.slug"), nullable=False),
    Column("is_low_locker", Integer, nullable=False),
)

controllers = Table(
    "controllers",
    metadata,
    Column("controller_id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("driver", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("bank_type_id", Integer, ForeignKey("bank_types.bank_type_id"), nullable=False),
    Column("commissioned", Integer, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("updated_at", Time, nullable=False),
    UniqueConstraint("address"),
)

lockers = Table(
    "lockers",
    metadata,
    Column("locker_id", Integer, primary_key=True, autoincrement=False),
    Column("bank_id", Integer, ForeignKey("controllers.controller_id"), nullable=False),
    Column("bank_locker_number", Integer, nullable=False),
    Column("locker_type", Text, ForeignKey("locker_types.slug"), nullable=False),
    Column("is_low_locker", Integer, nullable=False),
    Column("updated_at", Time, nullable=False),
    Column("out_of_service", Integer, nullable=False),
    Column("broken_lock", Integer, nullable=False),
    Column("reason_code", Text),
    Column("reason", Text),
    Column("failures_in_row", Integer, nullable=False),
    Column("last_transaction_at", Time),
    Column("last_opened_at", Time),
    Column("open_count", BigInteger, nullable=False),
    UniqueConstraint("bank_id", "bank_locker_number"),  # no two lockers on one lock
)

transactions = Table(
    "transactions",
    metadata,
    Column("row_id", RowId, primary_key=True),
    Column("transaction_id", Text, nullable=False),
    Column("locker_id", Integer, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("last_opened_at", Time),
    Column("open_count", Integer, nullable=False),
    Column("released_at", Time),  # null: active
)

ACTIVE = text("released_at IS NULL")
UNDER_WAY = text("finished_at IS NULL")

# The last word on who has a locker: one active transaction a locker, one active row an id.
Index("one_active_per_locker", transactions.c.locker_id, unique=True, sqlite_where=ACTIVE, postgresql_where=ACTIVE)
Index(
    "one_active_per_transaction",
    transactions.c.transaction_id,
    unique=True,
    sqlite_where=ACTIVE,
    postgresql_where=ACTIVE,
)

openings = Table(
    "openings",
    metadata,
    Column("opening_id", RowId, primary_key=True),
    Column("locker_id", Integer, nullable=False),
    Column("transaction_row_id", BigInteger),
    Column("actor_type", Text, nullable=False),
    Column("actor_name", Text),
    Column("key_space", Text),
    Column("idempotency_key", Text),
    Column("started_at", Time, nullable=False),
    Column("finished_at", Time),  # null: under way, or the gateway stopped meanwhile
    Column("outcome", Text),
    Column("confirmed", Integer),
    Column("door_open", Integer),
    Column("attempts", Integer),
    Column("error_code", Text),
    Column("reason", Text),
    Column("duration_ms", Integer),
)

Index("openings_under_way", openings.c.opening_id, sqlite_where=UNDER_WAY, postgresql_where=UNDER_WAY)

pulses = Table(
    "pulses",
    metadata,
    Column("pulse_id", RowId, primary_key=True),
    Column("opening_id", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("fired_at", Time, nullable=False),
    UniqueConstraint("opening_id", "attempt"),  # one attempt fires once
)

audit = Table(
    "audit",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=False),
    Column("at", Time, nullable=False),
    Column("actor_type", Text, nullable=False),
    Column("actor_name", Text),
    Column("action", Text, nullable=False),
    Column("success", Integer, nullable=False),
    Column("locker_id", Integer),
    Column("transaction_id", Text),
    Column("controller_id", Integer),
    Column("details", Text, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

idempotency = idempotency_table(metadata)

devices = Table(
    "devices",
    metadata,
    Column("device_id", Text, primary_key=True),
    Column("device_type", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("firmware_version", Text),
    Column("ip_address", Text, nullable=False),
    Column("message", Text),
    Column("metrics", Text, nullable=False),
    Column("device_time", Time),
    Column("last_heartbeat_at", Time, nullable=False),
    Column("registered_at", Time, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", RowId, primary_key=True),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time),
    Column("revoked_at", Time),  # rows stay: an id given again would share the Idempotency-Keys of the old one
    UniqueConstraint("digest"),
)

admin_user = Table(
    "admin_user",
    metadata,
    Column("name", Text, primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("changed_at", Time, nullable=False),
)

LASTING = text("cleared_at IS NULL")
OPEN = text("cleared_at IS NULL OR acknowledged_at IS NULL")
UNSENT = text("finished_at IS NULL")

alarms = Table(
    "alarms",
    metadata,
    Column("alarm_id", RowId, primary_key=True),
    Column("cause", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("locker_id", Integer),
    Column("controller_id", Integer),
    Column("device_id", Text),
    Column("raised_at", Time, nullable=False),
    Column("cleared_at", Time),  # null: the cause holds
    Column("acknowledged_at", Time),
    Column("acknowledged_by", Text),
    Column("note", Text),
)

# The last word on duplicates: one alarm of a cause lasts at a time.
Index("one_lasting_per_cause", alarms.c.cause, unique=True, sqlite_where=LASTING, postgresql_where=LASTING)
Index("alarms_open", alarms.c.alarm_id, sqlite_where=OPEN, postgresql_where=OPEN)

alarm_webhooks = Table(
    "alarm_webhooks",
    metadata,
    Column("row_id", RowId, primary_key=True),
    Column("message_id", Text, nullable=False),
    Column("subject", Text, nullable=False),  # those of one subject are sent one after another
    Column("body", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Time, nullable=False),
    Column("finished_at", Time),  # null: to be sent
    Column("delivered", Integer),
    UniqueConstraint("message_id"),
)

Index("alarm_webhooks_unsent", alarm_webhooks.c.row_id, sqlite_where=UNSENT, postgresql_where=UNSENT)

door_marks = Table(
    "door_marks",
    metadata,
    Column("locker_id", Integer, primary_key=True, autoincrement=False),
    Column("door_open", Integer, nullable=False),
    Column("seen_at", Time, nullable=False),
    Column("last_opening_id", BigInteger, nullable=False),  # the highest number given by then
)
