"""The SQL of a site's set-up: locker types, bank types, controllers and lockers, as `init` writes them."""

from collections.abc import Iterable

from openharbor.gateway.site import Association, BankType, Controller, Locker, LockerType, Settings
from openharbor.kit.database.face import Row
from openharbor.kit.database.face import Transaction as Tx


def insert_settings(tx: Tx, settings: Settings) -> None:
    tx.execute(
        "INSERT INTO settings (id, gateway_id, site_name, timezone, pulse_ms, door_left_open_seconds,"
        " open_detection_seconds) VALUES (1, :gateway_id, :site_name, :timezone, :pulse_ms, :door_left_open_seconds,"
        " :open_detection_seconds)",
        gateway_id=settings.gateway_id,
        site_name=settings.site_name,
        timezone=settings.timezone,
        pulse_ms=settings.pulse_ms,
        door_left_open_seconds=settings.door_left_open_seconds,
        open_detection_seconds=settings.open_detection_seconds,
    )


def insert_locker_types(tx: Tx, kinds: Iterable[LockerType]) -> None:
    rows: list[dict[str, object]] = [
        {
            "slug": kind.slug,
            "friendly_name": kind.friendly_name,
            "description": kind.description,
            "width_mm": kind.width_mm,
            "height_mm": kind.height_mm,
            "depth_mm": kind.depth_mm,
            "always_oos": int(kind.always_oos),
            "created_at": kind.created_at,
        }
        for kind in kinds
    ]
    tx.execute_many(
        "INSERT INTO locker_types (slug, friendly_name, description, width_mm, height_mm, depth_mm, always_oos,"
        " created_at) VALUES (:slug, :friendly_name, :description, :width_mm, :height_mm, :depth_mm, :always_oos,"
        " :created_at)",
        rows,
    )


def insert_bank_types(tx: Tx, banks: Iterable[BankType]) -> None:
    every = list(banks)
    rows: list[dict[str, object]] = [
        {
            "bank_type_id": bank.bank_type_id,
            "friendly_name": bank.friendly_name,
            "description": bank.description,
            "is_debug": int(bank.is_debug),
            "created_at": bank.created_at,
        }
        for bank in every
    ]
    tx.execute_many(
        "INSERT INTO bank_types (bank_type_id, friendly_name, description, is_debug, created_at)"
        " VALUES (:bank_type_id, :friendly_name, :description, :is_debug, :created_at)",
        rows,
    )
    places: list[dict[str, object]] = [
        {
            "bank_type_id": bank.bank_type_id,
            "bank_locker_number": place.bank_locker_number,
            "locker_type": place.locker_type,
            "is_low_locker": int(place.is_low_locker),
        }
        for bank in every
        for place in bank.associations
    ]
    tx.execute_many(
        "INSERT INTO bank_type_associations (bank_type_id, bank_locker_number, locker_type, is_low_locker)"
        " VALUES (:bank_type_id, :bank_locker_number, :locker_type, :is_low_locker)",
        places,
    )


def insert_controllers(tx: Tx, controllers: Iterable[Controller]) -> None:
    rows: list[dict[str, object]] = [
        {
            "controller_id": controller.controller_id,
            "name": controller.name,
            "driver": controller.driver,
            "address": controller.address,
            "bank_type_id": controller.bank_type_id,
            "commissioned": int(controller.commissioned),
            "created_at": controller.created_at,
        }
        for controller in controllers
    ]
    tx.execute_many(
        "INSERT INTO controllers (controller_id, name, driver, address, bank_type_id, commissioned, created_at,"
        " updated_at) VALUES (:controller_id, :name, :driver, :address, :bank_type_id, :commissioned, :created_at,"
        " :created_at)",
        rows,
    )


def insert_lockers(tx: Tx, lockers: Iterable[Locker]) -> None:
    rows: list[dict[str, object]] = [
        {
            "locker_id": locker.locker_id,
            "bank_id": locker.bank_id,
            "bank_locker_number": locker.bank_locker_number,
            "locker_type": locker.locker_type,
            "is_low_locker": int(locker.is_low_locker),
            "updated_at": locker.updated_at,
            "out_of_service": int(locker.out_of_service),
            "reason_code": locker.reason_code,
            "reason": locker.reason,
        }
        for locker in lockers
    ]
    tx.execute_many(
        "INSERT INTO lockers (locker_id, bank_id, bank_locker_number, locker_type, is_low_locker, updated_at,"
        " out_of_service, broken_lock, reason_code, reason, failures_in_row, open_count) VALUES (:locker_id, :bank_id,"
        " :bank_locker_number, :locker_type, :is_low_locker, :updated_at, :out_of_service, 0, :reason_code, :reason,"
        " 0, 0)",
        rows,
    )


def insert_admin(tx: Tx, password_hash: str, now: int) -> None:
    tx.execute(
        "INSERT INTO admin_user (name, password_hash, changed_at) VALUES ('admin', :password_hash, :now)",
        password_hash=password_hash,
        now=now,
    )


def all_locker_types(tx: Tx) -> list[LockerType]:
    """Smallest first."""
    rows = tx.all("SELECT * FROM locker_types")
    return sorted((_locker_type(row) for row in rows), key=lambda kind: kind.size)


def _locker_type(row: Row) -> LockerType:
    return LockerType(
        slug=row["slug"],
        friendly_name=row["friendly_name"],
        description=row["description"],
        width_mm=row["width_mm"],
        height_mm=row["height_mm"],
        depth_mm=row["depth_mm"],
        always_oos=bool(row["always_oos"]),
        created_at=row["created_at"],
    )


def all_bank_types(tx: Tx) -> list[BankType]:
    """By id, their associations by position."""
    places: dict[int, list[Association]] = {}
    for row in tx.all("SELECT * FROM bank_type_associations ORDER BY bank_type_id, bank_locker_number"):
        place = Association(row["bank_locker_number"], row["locker_type"], bool(row["is_low_locker"]))
        places.setdefault(row["bank_type_id"], []).append(place)
    return [
        BankType(
            bank_type_id=row["bank_type_id"],
            friendly_name=row["friendly_name"],
            description=row["description"],
            is_debug=bool(row["is_debug"]),
            created_at=row["created_at"],
            associations=tuple(places.get(row["bank_type_id"], ())),
        )
        for row in tx.all("SELECT * FROM bank_types ORDER BY bank_type_id")
    ]


def all_controllers(tx: Tx) -> list[Controller]:
    """By id."""
    return [
        Controller(
            controller_id=row["controller_id"],
            name=row["name"],
            driver=row["driver"],
            address=row["address"],
            bank_type_id=row["bank_type_id"],
            commissioned=bool(row["commissioned"]),
            created_at=row["created_at"],
        )
        for row in tx.all("SELECT * FROM controllers ORDER BY controller_id")
    ]
