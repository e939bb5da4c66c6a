"""What a gateway is set up from (site-file.md): the rules between the tables, and the site that they make."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from openharbor.boards import address as boards
from openharbor.gateway.fields import is_timezone
from openharbor.gateway.service_state import ALWAYS_OOS_REASON
from openharbor.gateway.site import BankType, Controller, Locker, LockerType, Settings, Site
from openharbor.gateway.site_state import free_by_type
from openharbor.gateway.site_tables import ControllerTable, Fault, Tables, given, read_tables

Addresses = Mapping[int, boards.Address]  # by the position of the controller in the file


class SiteFile(msgspec.Struct, frozen=True):
    """A site without a fault. `warnings`: what will work, but perhaps not as meant."""

    site: Site
    warnings: tuple[str, ...]


def read_site_file(text: str, *, gateway_id: str, host_name: str, now: int) -> SiteFile | tuple[Fault, ...]:
    """The site, or every fault. `gateway_id` and `host_name` are taken where the file gives none.

    The empty text gives an empty site.
    """
    tables, faults = read_tables(text)
    addresses, wrong = _addresses(tables.controllers)
    faults += [
        *wrong,
        *_timezone_faults(tables),
        *_twice("lockerTypes", "slug", {at: kind.slug for at, kind in tables.locker_types.items()}),
        *_twice("bankTypes", "bankTypeId", _ids_of_bank_types(tables.bank_types)),
        *_twice("controllers", "controllerId", _ids_of_controllers(tables.controllers)),
        *_association_faults(tables),
        *_controller_faults(tables, addresses),
    ]
    if faults:
        return tuple(faults)
    return SiteFile(_site(tables, addresses, gateway_id, host_name[:100], now), _warnings(tables, addresses))


def _addresses(controllers: Mapping[int, ControllerTable]) -> tuple[dict[int, boards.Address], list[Fault]]:
    addresses, faults = {}, []
    for at, controller in controllers.items():
        try:
            addresses[at] = boards.parse(controller.address)
        except boards.AddressError as error:
            faults.append(Fault("controllers", at, "address", str(error)))
    return addresses, faults


def _timezone_faults(tables: Tables) -> Iterator[Fault]:
    if not is_timezone(tables.site.timezone):
        yield Fault("", 0, "timezone", "must be an IANA time zone name")


def _twice(table: str, key: str, values: Mapping[int, str | int]) -> Iterator[Fault]:
    first: dict[str | int, int] = {}
    for at, value in values.items():
        if value in first:
            yield Fault(table, at, key, f"{value} is taken by {table}[{first[value]}]")
        first.setdefault(value, at)


def _association_faults(tables: Tables) -> Iterator[Fault]:
    for at, bank in tables.bank_types.items():
        table = f"bankTypes[{at}].associations"
        numbers = {place: one.bank_locker_number for place, one in enumerate(bank.associations, start=1)}
        yield from _twice(table, "bankLockerNumber", numbers)
        missing = set(range(1, max(numbers.values()) + 1 if len(numbers) else 1)) - set(numbers.values())
        if missing:
            yield Fault(
                "bankTypes", at, "associations", f"must be numbered from 1 without gaps; {min(missing)} is missing"
            )
        for place, one in enumerate(bank.associations, start=1):
            if one.locker_type not in tables.named_locker_types:
                yield Fault(table, place, "lockerType", f"no locker type has the slug {one.locker_type}")


def _controller_faults(tables: Tables, addresses: Addresses) -> Iterator[Fault]:
    lockers = {_bank_type_id(at, bank): len(bank.associations) for at, bank in tables.bank_types.items()}
    for at, controller in tables.controllers.items():
        wanted = lockers.get(controller.bank_type_id, 0)
        if controller.bank_type_id not in tables.named_bank_types:
            yield Fault("controllers", at, "bankTypeId", f"no bank type has the id {controller.bank_type_id}")
        address = addresses.get(at)
        if address is None:
            continue
        if given(controller.driver, address.driver) != address.driver:
            yield Fault("controllers", at, "driver", f"must be {address.driver}, the driver that the address names")
        if wanted > most_locks(address):
            message = f"the bank has {wanted} lockers, but this board has {most_locks(address)} locks"
            yield Fault("controllers", at, "bankTypeId", message)


def _site(tables: Tables, addresses: Addresses, gateway_id: str, host_name: str, now: int) -> Site:
    settings = Settings(
        gateway_id=given(tables.site.gateway_id, gateway_id),
        site_name=given(tables.site.site_name, host_name),
        timezone=tables.site.timezone,
        pulse_ms=tables.settings.pulse_ms,
        door_left_open_seconds=tables.settings.door_left_open_seconds,
        open_detection_seconds=tables.settings.open_detection_seconds,
    )
    kinds = {kind.slug: _locker_type(kind, now) for kind in tables.locker_types.values()}
    banks = {_bank_type_id(at, bank): _bank_type(at, bank, now) for at, bank in tables.bank_types.items()}
    controllers = [_controller(at, one, addresses[at], now) for at, one in tables.controllers.items()]
    lockers = {locker.locker_id: locker for locker in number_lockers(controllers, banks, kinds, now)}
    return Site(
        settings=settings,
        locker_types=kinds,
        bank_types=banks,
        controllers={controller.controller_id: controller for controller in controllers},
        lockers=lockers,
        transactions={},
        devices={},
        api_keys={},
        free=free_by_type(lockers.values()),
    )


def number_lockers(
    controllers: Iterable[Controller], banks: Mapping[int, BankType], kinds: Mapping[str, LockerType], now: int
) -> Iterator[Locker]:
    """The lockers of a new site, from 1 through the controllers in this order and, within a bank, by position."""
    places = (
        (controller, place) for controller in controllers for place in banks[controller.bank_type_id].associations
    )
    for locker_id, (controller, place) in enumerate(places, start=1):
        always_oos = kinds[place.locker_type].always_oos
        yield Locker(
            locker_id=locker_id,
            bank_id=controller.controller_id,
            bank_locker_number=place.bank_locker_number,
            locker_type=place.locker_type,
            is_low_locker=place.is_low_locker,
            updated_at=now,
            out_of_service=always_oos,
            reason_code="ALWAYS_OOS" if always_oos else None,
            reason=ALWAYS_OOS_REASON if always_oos else None,
        )
