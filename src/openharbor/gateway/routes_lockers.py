"""HTTP of lockers, locker types and bank types: decode, call one function, answer."""

from functools import partial

from openharbor.gateway import messages as m
from openharbor.gateway import views
from openharbor.gateway.allocation import unknown_locker_type
from openharbor.gateway.lockers import change_service_state, unknown_locker
from openharbor.gateway.parts import GatewayParts, Reply
from openharbor.gateway.requests import service_change_of
from openharbor.gateway.routes_transactions import keyed
from openharbor.gateway.shown_lockers import matching
from openharbor.kit.errors import Refusal
from openharbor.kit.http.operation import Answer, Call, Operation


def operations(parts: GatewayParts) -> list[Operation]:
    """Everything below /lockers, /locker-types and /bank-types."""
    return [*_locker_operations(parts), *_type_operations(parts)]


def _locker_operations(parts: GatewayParts) -> list[Operation]:
    one, params = "/lockers/{lockerId}", m.LockerPath
    return [
        Operation("listLockers", "GET", "/lockers", partial(_list, parts), "read", query=m.LockerFilter),
        Operation("getLockerConfig", "GET", "/lockers/config", partial(_config, parts), "read"),
        Operation(
            "openAllLockers",
            "POST",
            "/lockers/open-all",
            partial(_open_all, parts),
            "maintenance",
            body=m.OpenAllLockersRequest,
            body_optional=True,
            changes_state=True,
        ),
        Operation("getLocker", "GET", one, partial(_get, parts), "read", params=params),
        Operation(
            "updateLocker",
            "PATCH",
            one,
            partial(_update, parts),
            "maintenance",
            params=params,
            body=m.UpdateLockerRequest,
            changes_state=True,
        ),
        Operation(
            "openLockerById",
            "POST",
            f"{one}/open",
            partial(_open, parts),
            "maintenance",
            params=params,
            headers=m.IdempotencyHeaders,
            changes_state=True,
        ),
    ]


def _type_operations(parts: GatewayParts) -> list[Operation]:
    kind, bank = "/locker-types/{slug}", "/bank-types/{bankTypeId}"
    return [
        Operation("listLockerTypes", "GET", "/locker-types", partial(_kinds, parts), "read"),
        Operation("getLockerType", "GET", kind, partial(_kind, parts), "read", params=m.LockerTypePath),
        Operation("listBankTypes", "GET", "/bank-types", partial(_banks, parts), "read"),
        Operation("getBankType", "GET", bank, partial(_bank, parts), "read", params=m.BankTypePath),
    ]


async def _list(parts: GatewayParts, call: Call) -> Reply:
    return Answer(200, matching(parts.shown.every(parts.keeper.site, parts.live()), call.query))


async def _get(parts: GatewayParts, call: Call) -> Reply:
    site, locker_id = parts.keeper.site, call.params.locker_id
    if locker_id not in site.lockers:
        return unknown_locker(locker_id)
    return Answer(200, parts.shown.one(site, parts.live(), locker_id).json)


async def _config(parts: GatewayParts, _call: Call) -> Reply:
    return Answer(200, views.locker_config(parts.keeper.site))


async def _update(parts: GatewayParts, call: Call) -> Reply:
    change = service_change_of(call.body)
    if isinstance(change, Refusal):
        return change
    changed = await parts.keeper.change(
        partial(
            change_service_state,
            locker_id=call.params.locker_id,
            change=change,
            caller=call.caller,
            now=call.received_at,
        )
    )
    return changed if isinstance(changed, Refusal) else Answer(200, m.OperationResponse(True))


async def _open(parts: GatewayParts, call: Call) -> Reply:
    locker_id = call.params.locker_id
    key = keyed(call, f"/lockers/{locker_id}/open")
    return await parts.opening.open_by_locker(locker_id, key, call.caller, call.received_at)


async def _open_all(parts: GatewayParts, call: Call) -> Reply:
    return await parts.opening.open_all(call.body, call.caller, call.received_at)


async def _kinds(parts: GatewayParts, _call: Call) -> Reply:
    site = parts.keeper.site
    return Answer(200, views.locker_type_bodies(site, parts.shown.bodies(site, parts.live())))


async def _kind(parts: GatewayParts, call: Call) -> Reply:
    site, slug = parts.keeper.site, call.params.slug
    if slug not in site.locker_types:
        return unknown_locker_type(slug)
    kinds = views.locker_type_bodies(site, parts.shown.bodies(site, parts.live()))
    return Answer(200, next(kind for kind in kinds if kind.slug == slug))


async def _banks(parts: GatewayParts, _call: Call) -> Reply:
    return Answer(200, views.bank_type_bodies(parts.keeper.site))


async def _bank(parts: GatewayParts, call: Call) -> Reply:
    site, bank_type_id = parts.keeper.site, call.params.bank_type_id
    bank = site.bank_types.get(bank_type_id)
    if bank is None:
        details = {"bankTypeId": str(bank_type_id)}
        return Refusal("BANK_TYPE_NOT_FOUND", 404, f"No bank type has the id {bank_type_id}", details)
    return Answer(200, views.bank_type_with_associations(site, bank))
