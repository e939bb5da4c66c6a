"""The site as the API shows it. Pure: a site and what the boards say in, answer bodies out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from openharbor.boards.outcomes import BoardState
from openharbor.gateway import messages as m
from openharbor.gateway.service_state import available, door_open, operational, shown_reason
from openharbor.gateway.site import BankType, Controller, Live, Locker, LockerType, Settings, Site, Transaction
from openharbor.kit.http.timestamps import rfc3339

UNHEARD = BoardState(online=False, failure="The board has not been heard of yet")


def shown_time(at: int | None) -> str | None:
    return None if at is None else rfc3339(at)


def transaction_body(transaction: Transaction, locker: Locker) -> m.TransactionResponse:
    return m.TransactionResponse(
        transaction.transaction_id,
        transaction.locker_id,
        rfc3339(transaction.created_at),
        locker.locker_type,
        locker.bank_id,
        locker.bank_locker_number,
        shown_time(transaction.last_opened_at),
        transaction.open_count,
    )


def transaction_bodies(site: Site) -> list[m.TransactionResponse]:
    """The active ones, oldest first."""
    active = sorted(site.transactions.values(), key=lambda one: (one.created_at, one.row_id))
    return [transaction_body(one, site.lockers[one.locker_id]) for one in active]


def locker_body(locker: Locker, kind: LockerType, controller: Controller, live: Live | None) -> m.Locker:
    """One locker. It changed when the journal or the boards last said something new of it."""
    verdict = operational(locker, controller, live)
    reason_code, reason = shown_reason(locker, verdict)
    changed_at = locker.updated_at if live is None else max(locker.updated_at, live.changed_at)
    return m.Locker(
        locker_id=locker.locker_id,
        bank_id=locker.bank_id,
        bank_locker_number=locker.bank_locker_number,
        locker_type=m.LockerTypeSummary(kind.slug, kind.friendly_name),
        available=available(locker, works=verdict[0]),
        operational=verdict[0],
        out_of_service=locker.out_of_service,
        broken_lock=locker.broken_lock,
        door_open=door_open(locker, live),
        reason_code=reason_code,
        reason=reason,
        transaction_id=locker.transaction_id,
        is_low_locker=locker.is_low_locker,
        last_opened_at=shown_time(locker.last_opened_at),
        open_count=locker.open_count,
        updated_at=rfc3339(changed_at),
    )


def locker_type_bodies(site: Site, shown: Iterable[m.Locker]) -> list[m.LockerType]:
    """Every type, smallest first, with counts. `shown`: every locker."""
    total: Counter[str] = Counter()
    free: Counter[str] = Counter()
    for locker in shown:
        total[locker.locker_type.slug] += 1
        free[locker.locker_type.slug] += locker.available
    kinds = sorted(site.locker_types.values(), key=lambda kind: kind.size)
    return [_locker_type_body(kind, total[kind.slug], free[kind.slug]) for kind in kinds]


def _locker_type_body(kind: LockerType, count: int, free: int) -> m.LockerType:
    return m.LockerType(
        slug=kind.slug,
        friendly_name=kind.friendly_name,
        description=kind.description,
        width_mm=kind.width_mm,
        height_mm=kind.height_mm,
        depth_mm=kind.depth_mm,
        always_oos=kind.always_oos,
        locker_count=count,
        available_count=free,
        created_at=rfc3339(kind.created_at),
    )


def bank_type_body(bank: BankType) -> m.BankType:
    return m.BankType(
        bank.bank_type_id,
        bank.friendly_name,
        bank.description,
        bank.is_debug,
        len(bank.associations),
        rfc3339(bank.created_at),
    )


def bank_type_bodies(site: Site) -> list[m.BankType]:
    return [bank_type_body(site.bank_types[bank_type_id]) for bank_type_id in sorted(site.bank_types)]


def bank_type_with_associations(site: Site, bank: BankType) -> m.BankTypeWithAssociations:
    return m.BankTypeWithAssociations(
        bank.bank_type_id,
        bank.friendly_name,
        bank.description,
        bank.is_debug,
        len(bank.associations),
        rfc3339(bank.created_at),
        [
            m.BankTypeAssociation(place.bank_locker_number, _summary(site, place.locker_type), place.is_low_locker)
            for place in bank.associations
        ],
    )


def _summary(site: Site, slug: str) -> m.LockerTypeSummary:
    return m.LockerTypeSummary(slug, site.locker_types[slug].friendly_name)


def locker_config(site: Site) -> m.LockerConfig:
    """Layout and timing; changes only with the set-up or the settings."""
    return m.LockerConfig(
        site_name=site.settings.site_name,
        timezone=site.settings.timezone,
        total_lockers=len(site.lockers),
        banks=list(_banks(site)),
        pulse_ms=site.settings.pulse_ms,
    )


def lockers_by_bank(site: Site) -> dict[int, list[Locker]]:
    """Every bank with its lockers by position."""
    banks: dict[int, list[Locker]] = {controller_id: [] for controller_id in sorted(site.controllers)}
    for locker in sorted(site.lockers.values(), key=lambda locker: locker.bank_locker_number):
        banks[locker.bank_id].append(locker)
    return banks


def _banks(site: Site) -> Iterator[m.BankConfig]:
    for bank_id, lockers in lockers_by_bank(site).items():
        if lockers:
            controller = site.controllers[bank_id]
            yield m.BankConfig(
                bank_id=bank_id,
                name=controller.name,
                bank_type_id=controller.bank_type_id,
                controller_id=controller.controller_id,
                first_locker_id=min(locker.locker_id for locker in lockers),
                locker_count=len(lockers),
                lockers=[
                    m.BankLockerConfig(one.locker_id, one.bank_locker_number, one.locker_type, one.is_low_locker)
                    for one in lockers
                ],
            )


def lockers_health(shown: Iterable[m.Locker]) -> m.LockersHealth:
    """How many are in which state; one may count in several of the last three. `shown`: every locker."""
    every = list(shown)
    return m.LockersHealth(
        total=len(every),
        available=sum(one.available for one in every),
        assigned=sum(one.transaction_id is not None for one in every),
        out_of_service=sum(one.out_of_service for one in every),
        not_operational=sum(not one.operational for one in every),
    )


def controller_bodies(site: Site, boards: Mapping[int, BoardState]) -> list[m.LockController]:
    """Every controller by id."""
    counts = Counter(locker.bank_id for locker in site.lockers.values())
    return [
        _controller_body(site.controllers[key], boards.get(key, UNHEARD), counts[key])
        for key in sorted(site.controllers)
    ]


def _controller_body(controller: Controller, board: BoardState, count: int) -> m.LockController:
    failure = None if board.online else (board.failure or UNHEARD.failure or "")[:500]
    return m.LockController(
        controller_id=controller.controller_id,
        name=controller.name,
        driver=controller.driver,
        address=controller.address,
        online=board.online,
        last_seen_at=shown_time(board.last_seen_at),
        firmware_version=None if board.firmware is None else board.firmware[:64],
        locker_count=count,
        bank_id=controller.controller_id,
        failure_reason=failure,
    )


def settings_body(settings: Settings) -> m.SystemSettings:
    return m.SystemSettings(settings.pulse_ms, settings.door_left_open_seconds, settings.open_detection_seconds)
