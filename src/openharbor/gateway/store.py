"""The SQL of the journal: one function a query. Rows in, structs out; no decisions."""

import msgspec

from openharbor.gateway.site import ApiKey, Device, Locker, Settings, Transaction
from openharbor.kit.database.face import Row
from openharbor.kit.database.face import Transaction as Tx

encode_json = msgspec.json.encode

# Transactions -----------------------------------------------------------


def insert_transaction(tx: Tx, transaction_id: str, locker_id: int, created_at: int) -> int:
    """Its row id. The table refuses a second active one with this id or on this locker."""
    row = tx.one(
        "INSERT INTO transactions (transaction_id, locker_id, created_at, open_count)"
        " VALUES (:transaction_id, :locker_id, :created_at, 0) RETURNING row_id",
        transaction_id=transaction_id,
        locker_id=locker_id,
        created_at=created_at,
    )
    assert row is not None  # noqa: S101  # RETURNING gives one row for each row inserted
    return int(row["row_id"])


def save_transaction(tx: Tx, transaction: Transaction) -> None:
    tx.execute(
        "UPDATE transactions SET last_opened_at = :last_opened_at, open_count = :open_count WHERE row_id = :row_id",
        row_id=transaction.row_id,
        last_opened_at=transaction.last_opened_at,
        open_count=transaction.open_count,
    )


def end_transaction(tx: Tx, row_id: int, released_at: int) -> None:
    tx.execute(
        "UPDATE transactions SET released_at = :released_at WHERE row_id = :row_id",
        row_id=row_id,
        released_at=released_at,
    )


def active_transactions(tx: Tx) -> list[Transaction]:
    """In the order of their creation. Reads the partial index, so finished ones cost nothing."""
    rows = tx.all(
        "SELECT row_id, transaction_id, locker_id, created_at, last_opened_at, open_count FROM transactions"
        " WHERE released_at IS NULL AND locker_id > 0 ORDER BY locker_id"
    )
    found = [
        Transaction(
            transaction_id=row["transaction_id"],
            locker_id=row["locker_id"],
            created_at=row["created_at"],
            row_id=row["row_id"],
            last_opened_at=row["last_opened_at"],
            open_count=row["open_count"],
        )
        for row in rows
    ]
    return sorted(found, key=lambda transaction: transaction.row_id)


# Lockers ----------------------------------------------------------------


def save_locker(tx: Tx, locker: Locker) -> None:
    """Everything of a locker that changes. Who holds it stands with the transaction."""
    tx.execute(
        "UPDATE lockers SET updated_at = :updated_at, out_of_service = :out_of_service, broken_lock = :broken_lock,"
        " reason_code = :reason_code, reason = :reason, failures_in_row = :failures_in_row,"
        " last_transaction_at = :last_transaction_at, last_opened_at = :last_opened_at, open_count = :open_count"
        " WHERE locker_id = :locker_id",
        locker_id=locker.locker_id,
        updated_at=locker.updated_at,
        out_of_service=int(locker.out_of_service),
        broken_lock=int(locker.broken_lock),
        reason_code=locker.reason_code,
        reason=locker.reason,
        failures_in_row=locker.failures_in_row,
        last_transaction_at=locker.last_transaction_at,
        last_opened_at=locker.last_opened_at,
        open_count=locker.open_count,
    )


def save_use(tx: Tx, locker: Locker) -> None:
    """What of a locker changes when it is given out or taken back; the rest stands as it was."""
    tx.execute(
        "UPDATE lockers SET updated_at = :updated_at, last_transaction_at = :last_transaction_at"
        " WHERE locker_id = :locker_id",
        locker_id=locker.locker_id,
        updated_at=locker.updated_at,
        last_transaction_at=locker.last_transaction_at,
    )


def all_lockers(tx: Tx) -> list[Locker]:
    """Every locker by id, as if none were held."""
    return [_locker(row) for row in tx.all("SELECT * FROM lockers ORDER BY locker_id")]


def _locker(row: Row) -> Locker:
    return Locker(
        locker_id=row["locker_id"],
        bank_id=row["bank_id"],
        bank_locker_number=row["bank_locker_number"],
        locker_type=row["locker_type"],
        is_low_locker=bool(row["is_low_locker"]),
        updated_at=row["updated_at"],
        out_of_service=bool(row["out_of_service"]),
        broken_lock=bool(row["broken_lock"]),
        reason_code=row["reason_code"],
        reason=row["reason"],
        failures_in_row=row["failures_in_row"],
        last_transaction_at=row["last_transaction_at"],
        last_opened_at=row["last_opened_at"],
        open_count=row["open_count"],
    )


# Settings ---------------------------------------------------------------


def save_settings(tx: Tx, settings: Settings) -> None:
    tx.execute(
        "UPDATE settings SET site_name = :site_name, timezone = :timezone, pulse_ms = :pulse_ms,"
        " door_left_open_seconds = :door_left_open_seconds, open_detection_seconds = :open_detection_seconds"
        " WHERE id = 1",
        site_name=settings.site_name,
        timezone=settings.timezone,
        pulse_ms=settings.pulse_ms,
        door_left_open_seconds=settings.door_left_open_seconds,
        open_detection_seconds=settings.open_detection_seconds,
    )


def the_settings(tx: Tx) -> Settings | None:
    """None: no site was founded in this database."""
    row = tx.one("SELECT * FROM settings WHERE id = 1")
    if row is None:
        return None
    return Settings(
        gateway_id=row["gateway_id"],
        site_name=row["site_name"],
        timezone=row["timezone"],
        pulse_ms=row["pulse_ms"],
        door_left_open_seconds=row["door_left_open_seconds"],
        open_detection_seconds=row["open_detection_seconds"],
    )


# Devices ----------------------------------------------------------------

DEVICE_COLUMNS = (
    "device_id, device_type, status, firmware_version, ip_address, message, metrics, device_time,"
    " last_heartbeat_at, registered_at"
)


def save_device(tx: Tx, device: Device) -> None:
    """Adds the device, or puts this in place of what was known of it."""
    tx.execute(
        f"INSERT INTO devices ({DEVICE_COLUMNS})"  # noqa: S608  # the columns stand above
        " VALUES (:device_id, :device_type, :status, :firmware_version, :ip_address, :message, :metrics, :device_time,"
        " :last_heartbeat_at, :registered_at)"
        " ON CONFLICT (device_id) DO UPDATE SET device_type = excluded.device_type, status = excluded.status,"
        " firmware_version = excluded.firmware_version, ip_address = excluded.ip_address, message = excluded.message,"
        " metrics = excluded.metrics, device_time = excluded.device_time,"
        " last_heartbeat_at = excluded.last_heartbeat_at",
        device_id=device.device_id,
        device_type=device.device_type,
        status=device.status,
        firmware_version=device.firmware_version,
        ip_address=device.ip_address,
        message=device.message,
        metrics=encode_json(device.metrics).decode(),
        device_time=device.device_time,
        last_heartbeat_at=device.last_heartbeat_at,
        registered_at=device.registered_at,
    )


def all_devices(tx: Tx) -> list[Device]:
    return [
        Device(
            device_id=row["device_id"],
            device_type=row["device_type"],
            status=row["status"],
            firmware_version=row["firmware_version"],
            ip_address=row["ip_address"],
            message=row["message"],
            metrics=msgspec.json.decode(row["metrics"], type=dict[str, float]),
            device_time=row["device_time"],
            last_heartbeat_at=row["last_heartbeat_at"],
            registered_at=row["registered_at"],
        )
        for row in tx.all("SELECT * FROM devices ORDER BY device_id")
    ]


# API keys ---------------------------------------------------------------


def insert_api_key(tx: Tx, key: ApiKey) -> int:
    """Its number; numbers are never given again."""
    row = tx.one(
        "INSERT INTO api_keys (name, prefix, digest, scopes, created_at, expires_at)"
        " VALUES (:name, :prefix, :digest, :scopes, :created_at, :expires_at) RETURNING key_id",
        name=key.name,
        prefix=key.prefix,
        digest=key.digest,
        scopes=encode_json(sorted(key.scopes)).decode(),
        created_at=key.created_at,
        expires_at=key.expires_at,
    )
    assert row is not None  # noqa: S101  # RETURNING gives one row for each row inserted
    return int(row["key_id"])


def end_api_key(tx: Tx, key_id: int, revoked_at: int) -> None:
    tx.execute(
        "UPDATE api_keys SET revoked_at = :revoked_at WHERE key_id = :key_id", key_id=key_id, revoked_at=revoked_at
    )


def valid_api_keys(tx: Tx) -> list[ApiKey]:
    """Those not revoked, expired ones included, by number."""
    return [
        ApiKey(
            key_id=row["key_id"],
            name=row["name"],
            digest=row["digest"],
            scopes=frozenset(msgspec.json.decode(row["scopes"], type=list[str])),
            created_at=row["created_at"],
            expires_at=row["expires_at"],
            prefix=row["prefix"],
        )
        for row in tx.all("SELECT * FROM api_keys WHERE revoked_at IS NULL ORDER BY key_id")
    ]
