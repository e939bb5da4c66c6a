"""What a gateway is set up from (site-file.md): the rules between the tables, and the site that they make."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from posixpath import normpath

import msgspec
from immutables import Map

from openharbor.boards import address as boards
from openharbor.boards.protocols.families import FAMILIES
from openharbor.gateway.messages import CreateLockerTypeRequest
from openharbor.gateway.service_state import ALWAYS_OOS_REASON
from openharbor.gateway.site import Association, BankType, Controller, Locker, LockerType, Settings, Site
from openharbor.gateway.site_state import free_by_type
from openharbor.gateway.site_tables import BankTypeTable, ControllerTable, Fault, Tables, given, read_tables
from openharbor.kit.timezones import is_timezone

Addresses = Mapping[int, boards.Address]  # by the position of the controller in the file


class SiteFile(msgspec.Struct, frozen=True):
    """A site without a fault. `warnings`: what will work, but perhaps not as meant."""

    site: Site
    warnings: tuple[str, ...]


def read_site_file(
    text: str, *, gateway_id: str, host_name: str, now: int, resolve: Callable[[str], str] = normpath
) -> SiteFile | tuple[Fault, ...]:
    """The site, or every fault. `gateway_id` and `host_name` are taken where the file gives none.

    `resolve` gives a device path without links, so that two names of one serial port are found out; its default asks
    no disk. The empty text gives an empty site.
    """
    tables, faults = read_tables(text)
    addresses, wrong = _addresses(tables.controllers)
    faults += [
        *wrong,
        *_timezone_faults(tables),
        *_twice("lockerTypes", "slug", {at: kind.slug for at, kind in tables.locker_types.items()}),
        *_twice("bankTypes", "bankTypeId", {at: _bank_id(at, bank) for at, bank in tables.bank_types.items()}),
        *_twice("controllers", "controllerId", {at: _board_id(at, one) for at, one in tables.controllers.items()}),
        *_association_faults(tables),
        *_controller_faults(tables, addresses),
        *(Fault("controllers", at, "address", said) for _, at, said in boards.conflicts(addresses, resolve)),
    ]
    if faults:
        return tuple(faults)
    return SiteFile(_site(tables, addresses, gateway_id, host_name[:100], now), _warnings(addresses))


def _addresses(controllers: Mapping[int, ControllerTable]) -> tuple[dict[int, boards.Address], list[Fault]]:
    addresses, faults = {}, []
    for at, controller in controllers.items():
        try:
            addresses[at] = boards.parse(controller.address)
        except boards.AddressError as error:
            faults.append(Fault("controllers", at, "address", str(error)))
    return addresses, faults


def most_locks(address: boards.Address) -> int:
    """How many locks the board may have; what its family may have where only the board knows."""
    return address.locks or FAMILIES[address.family].locks[-1]


def _warnings(addresses: Addresses) -> tuple[str, ...]:
    return tuple(f"controllers[{at}].address: {said}" for at, one in addresses.items() for said in boards.warnings(one))


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
        missing = next(number for number in count(1) if number not in numbers.values())
        if missing <= max(numbers.values()):
            message = f"must be numbered from 1 without gaps; {missing} is missing"
            yield Fault("bankTypes", at, "associations", message)
        for place, one in enumerate(bank.associations, start=1):
            if one.locker_type not in tables.named_locker_types:
                yield Fault(table, place, "lockerType", f"no locker type has the slug {one.locker_type}")


def _controller_faults(tables: Tables, addresses: Addresses) -> Iterator[Fault]:
    lockers = {_bank_id(at, bank): len(bank.associations) for at, bank in tables.bank_types.items()}
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
            message = f"the bank has {wanted} lockers, more than the locks of this board ({most_locks(address)})"
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
    banks = {_bank_id(at, bank): _bank_type(at, bank, now) for at, bank in tables.bank_types.items()}
    controllers = [_controller(at, one, addresses[at], now) for at, one in tables.controllers.items()]
    lockers = {locker.locker_id: locker for locker in number_lockers(controllers, banks, kinds, now)}
    return Site(
        settings=settings,
        locker_types=kinds,
        bank_types=banks,
        controllers={controller.controller_id: controller for controller in controllers},
        lockers=Map(lockers),
        transactions=Map(),
        devices={},
        api_keys={},
        free=free_by_type(lockers.values()),
    )


def _bank_id(at: int, bank: BankTypeTable) -> int:
    return given(bank.bank_type_id, at)


def _board_id(at: int, controller: ControllerTable) -> int:
    return given(controller.controller_id, at)


def _locker_type(kind: CreateLockerTypeRequest, now: int) -> LockerType:
    return LockerType(
        slug=kind.slug,
        friendly_name=kind.friendly_name,
        description=kind.description,
        width_mm=kind.width_mm,
        height_mm=kind.height_mm,
        depth_mm=kind.depth_mm,
        always_oos=kind.always_oos,
        created_at=now,
    )


def _bank_type(at: int, bank: BankTypeTable, now: int) -> BankType:
    places = sorted(bank.associations, key=lambda one: one.bank_locker_number)
    return BankType(
        bank_type_id=_bank_id(at, bank),
        friendly_name=bank.friendly_name,
        description=bank.description,
        is_debug=bank.is_debug,
        created_at=now,
        associations=tuple(Association(one.bank_locker_number, one.locker_type, one.is_low_locker) for one in places),
    )


def _controller(at: int, controller: ControllerTable, address: boards.Address, now: int) -> Controller:
    return Controller(
        controller_id=_board_id(at, controller),
        name=controller.name,
        driver=address.driver,
        address=str(address),
        bank_type_id=controller.bank_type_id,
        commissioned=controller.commissioned,
        created_at=now,
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
