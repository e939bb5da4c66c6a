"""The cloud's tables. Times are ms since 1970 (UTC), flags are 0 or 1, JSON is text: the same rows on every database.

A locker's row holds its whole state as JSON (`state`); the columns beside it are what queries and constraints need.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

Id = BigInteger  # drawn from kit.database.numbers, or given
RowId = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER numbers itself there
Time = BigInteger

number_blocks = Table(
    "number_blocks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("next", BigInteger, nullable=False),
)

secrets = Table(  # of the installation, sealed under the master key
    "secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("sealed", Text, nullable=False),
)

organizations = Table(
    "organizations",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("key", Text, unique=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", Time, nullable=False),
)

clients = Table(
    "clients",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("organization_id", Id, ForeignKey("organizations.id"), nullable=False, index=True),
    Column("secret_digest", Text, nullable=False),  # SHA-256 of 256 random bits
    Column("scopes", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("revoked_at", Time),
    Column("claims", Text, nullable=False, server_default="[]"),  # JSON list: its staff claims
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("family", Text, nullable=False, index=True),  # of the tokens that replaced one another
    Column("client_id", Text, ForeignKey("clients.client_id"), nullable=False, index=True),
    Column("scopes", Text, nullable=False),
    Column("user_id", Text),
    Column("expires_at", Time, nullable=False, index=True),
    Column("used_at", Time),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("algorithm", Text, nullable=False),
    Column("public_jwk", Text, nullable=False),
    Column("sealed_private", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("signs_from", Time, nullable=False),
    Column("retired_at", Time),
)

operators = Table(
    "operators",
    metadata,
    Column("email", Text, primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("created_at", Time, nullable=False),
)

locker_types = Table(
    "locker_types",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    Column("display_name", Text, nullable=False),
    Column("description", Text),
    Column("width_mm", Integer, nullable=False),
    Column("height_mm", Integer, nullable=False),
    Column("depth_mm", Integer, nullable=False),
)

locations = Table(
    "locations",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("lat", Float(53)),
    Column("lon", Float(53)),
    Column("description", Text),
    Column("address1", Text, nullable=False),
    Column("address2", Text),
    Column("city", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("zip", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("notes", Text),
    Column("access_hours", Text),
    Column("timezone", Text),
)

UNTOLD_GAP = text("gap_since IS NOT NULL AND gap_told_at IS NULL")
towers = Table(
    "towers",
    metadata,
    Column("id", Text, primary_key=True),  # 16 lower-case hex digits
    Column("location_id", Id, ForeignKey("locations.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("access", Text, nullable=False),  # public or private
    Column("for_test", Integer, nullable=False),
    Column("system_id", Integer, nullable=False),
    Column("tower_model_id", Integer, nullable=False),
    Column("firmware_version", Text),
    Column("last_visit_at", Time),
    Column("synced_s", BigInteger),
    Column("rotation", Integer),  # newest confirmed key; null: not provisioned
    Column("next_command", BigInteger, nullable=False, server_default="1"),
    Column("next_event", BigInteger, nullable=False, server_default="1"),
    Column("epoch", BigInteger, nullable=False, server_default="1"),
    Column("corrections", Text, nullable=False, server_default="[]"),
    Column("covered", Text, nullable=False, server_default="[]"),  # JSON: [first id, count], behind a gap
    Column("gap_since", Time),  # null: no event is missing
    Column("gap_told_at", Time),  # of its alarm
    Index("ix_towers_gap_since", "gap_since", sqlite_where=UNTOLD_GAP, postgresql_where=UNTOLD_GAP),
    CheckConstraint("access IN ('public', 'private')", name="access"),
)

tower_organizations = Table(
    "tower_organizations",
    metadata,
    Column("tower_id", Text, ForeignKey("towers.id"), primary_key=True),
    Column("organization_id", Id, ForeignKey("organizations.id"), primary_key=True),
    Index("ix_tower_organizations_organization_id", "organization_id"),
)

tower_keys = Table(
    "tower_keys",
    metadata,
    Column("tower_id", Text, ForeignKey("towers.id"), primary_key=True),
    Column("rotation", Integer, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),  # installing, active, sunset, revoked
    Column("sealed_root", Text),  # null once revoked
    Column("created_at", Time, nullable=False),
    Column("changed_at", Time, nullable=False),
)

WAITING = text("done_at IS NULL")
tower_commands = Table(
    "tower_commands",
    metadata,
    Column("tower_id", Text, ForeignKey("towers.id"), primary_key=True),
    Column("command_id", BigInteger, primary_key=True, autoincrement=False),
    Column("packet_type", Integer, nullable=False),
    Column("fields", Text, nullable=False),  # JSON: field id to value, bytes as {"hex": "…"}
    Column("locker_number", Integer),
    Column("created_at", Time, nullable=False),
    Column("done_at", Time),
    Column("result", Integer),  # null: no event told
    Index("ix_tower_commands_waiting", "tower_id", "command_id", sqlite_where=WAITING, postgresql_where=WAITING),
)

tower_events = Table(
    "tower_events",
    metadata,
    Column("tower_id", Text, ForeignKey("towers.id"), primary_key=True),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", BigInteger, primary_key=True, autoincrement=False),
    Column("packet_type", Integer, nullable=False),
    Column("fields", Text, nullable=False),
    Column("tower_time_s", BigInteger, nullable=False),
    Column("received_at", Time, nullable=False),
    Column("applied_at", Time),
)

lockers = Table(
    "lockers",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("tower_id", Text, ForeignKey("towers.id"), nullable=False),
    Column("number", Integer, nullable=False),  # on the wire (#70)
    Column("name", Text, nullable=False),
    Column("type_id", Integer, ForeignKey("locker_types.id"), nullable=False),
    Column("low", Integer, nullable=False),
    Column("port", Integer, nullable=False),
    Column("door_sensor", Text, nullable=False),
    Column("status", Integer, nullable=False, server_default="6"),
    Column("holder_id", Id, ForeignKey("organizations.id")),
    Column("due_at", Time),  # end of the reservation or link hold
    Column("state", Text, nullable=False),
    UniqueConstraint("tower_id", "number"),
    UniqueConstraint("tower_id", "name"),
    CheckConstraint("(status IN (2, 3, 4, 5)) = (holder_id IS NOT NULL)", name="held"),
    Index(
        "ix_lockers_holder_id",
        "holder_id",
        sqlite_where=text("holder_id IS NOT NULL"),
        postgresql_where=text("holder_id IS NOT NULL"),
    ),
    Index(
        "ix_lockers_due_at",
        "due_at",
        sqlite_where=text("due_at IS NOT NULL"),
        postgresql_where=text("due_at IS NOT NULL"),
    ),
)

UNDER_WAY = text("ended_at IS NULL")
assignments = Table(
    "assignments",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("locker_id", Id, ForeignKey("lockers.id"), nullable=False),
    Column("organization_id", Id, ForeignKey("organizations.id"), nullable=False),
    Column("since", Time, nullable=False),
    Column("ended_at", Time),
    # the last word on who has a locker
    Index("uq_assignments_under_way", "locker_id", unique=True, sqlite_where=UNDER_WAY, postgresql_where=UNDER_WAY),
)

reservations = Table(
    "reservations",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("locker_id", Id, ForeignKey("lockers.id"), nullable=False, index=True),
    Column("organization_id", Id, ForeignKey("organizations.id"), nullable=False),
    Column("duration_s", Integer, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False),
    Column("ended_at", Time),
    Column("end_reason", Text),  # used, cancelled, expired, ended
)

open_tokens = Table(
    "open_tokens",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("locker_id", Id, ForeignKey("lockers.id"), nullable=False),
    Column("organization_id", Id, ForeignKey("organizations.id"), nullable=False),
    Column("assignment_id", Id, ForeignKey("assignments.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("rotation", Integer, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("expires_s", BigInteger, nullable=False),
    Column("client_info", Text, nullable=False),
    Column("link_id", Id),
    Column("settled", Text),  # how; null: not yet
    Index(
        "ix_open_tokens_unsettled",
        "locker_id",
        sqlite_where=text("settled IS NULL"),
        postgresql_where=text("settled IS NULL"),
    ),
)

links = Table(
    "links",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("organization_id", Id, ForeignKey("organizations.id"), nullable=False),
    Column("locker_id", Id, ForeignKey("lockers.id"), nullable=False, index=True),
    Column("tower_id", Text, nullable=False),
    Column("kind", Text, nullable=False),  # dropoff or pickup
    Column("status", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False),
    Column("return_url", Text, nullable=False),
    Column("client_info", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("keypad_intent", Text),
    Column("persist_keypad_code", Integer, nullable=False),
    Column("keypad_code", Text),
    Column("code_in_force", Integer, nullable=False),
)

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("organization_id", Id, ForeignKey("organizations.id"), nullable=False, index=True),
    Column("url", Text, nullable=False),
    Column("events", Text, nullable=False),  # JSON list; empty: all
    Column("description", Text, nullable=False),
    Column("enabled", Integer, nullable=False),
    Column("sealed_secret", Text, nullable=False),
    Column("sealed_previous", Text),
    Column("previous_until", Time),
    Column("created_at", Time, nullable=False),
    Column("updated_at", Time, nullable=False),
    Column("deleted_at", Time),  # the row goes when its deliveries are gone
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Text, primary_key=True),  # msg_ and a ULID: the webhook-id
    Column("endpoint_id", Id, ForeignKey("webhook_endpoints.id"), nullable=False),
    Column("lane", Text),  # what is strictly in order; null: a test, outside any order
    Column("sequence", BigInteger, nullable=False),  # order within the lane
    Column("event", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("tower_id", Text, nullable=False),
    Column("locker_id", Id),
    Column("body", Text, nullable=False),
    Column("status", Text, nullable=False),  # pending, delivered, dead
    Column("created_at", Time, nullable=False),
    Column("next_attempt_at", Time),
    Column("claimed_until", Time),
    Column("attempts", Text, nullable=False),  # JSON list
    Column("failed", Integer, nullable=False, server_default="0"),  # attempts since it was queued, or asked for again
    Column("finished_at", Time),
    Index("ix_webhook_deliveries_endpoint_id", "endpoint_id", "created_at"),
    Index(
        "ix_webhook_deliveries_due",
        "endpoint_id",
        "next_attempt_at",
        sqlite_where=text("next_attempt_at IS NOT NULL"),
        postgresql_where=text("next_attempt_at IS NOT NULL"),
    ),
    Index(
        "ix_webhook_deliveries_lane",
        "endpoint_id",
        "lane",
        "sequence",
        sqlite_where=text("status = 'pending'"),
        postgresql_where=text("status = 'pending'"),
    ),
    Index(
        "ix_webhook_deliveries_finished",
        "status",
        "finished_at",
        sqlite_where=text("finished_at IS NOT NULL"),
        postgresql_where=text("finished_at IS NOT NULL"),
    ),
)

# Without an index of its own: every token would write to another page of it, and it is read by hand.
audit = Table(
    "audit",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("at", Time, nullable=False),
    Column("actor", Text, nullable=False),  # client:acme, operator:…, worker, command line
    Column("organization_id", Id),
    Column("action", Text, nullable=False),
    Column("tower_id", Text),
    Column("locker_id", Id),
    Column("outcome", Text, nullable=False),  # the row of locker-states.md 4, or the refusal
    Column("details", Text, nullable=False),
)
