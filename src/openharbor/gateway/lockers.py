"""What becomes of lockers outside of transactions: units of work."""

from openharbor.gateway import service_state, store
from openharbor.gateway.service_state import ServiceChange
from openharbor.gateway.site import Locker, Site
from openharbor.gateway.site_state import put_locker
from openharbor.gateway.trail import State, audit, audit_refusal
from openharbor.kit.database.face import Transaction as Tx
from openharbor.kit.errors import Refusal
from openharbor.kit.http.operation import Caller


def change_service_state(
    tx: Tx, state: State, locker_id: int, change: ServiceChange, caller: Caller, now: int
) -> tuple[State, Locker | Refusal]:
    """updateLocker: the locker as it is afterwards. Nothing but the audit entry is written if it was so already."""
    site, action = state.site, "LOCKER_UPDATE_FAILED"
    locker = site.lockers.get(locker_id)
    if locker is None:
        refusal = unknown_locker(locker_id)
        return State(site, audit_refusal(tx, state.head, action, refusal, caller, now)), refusal
    changed = service_state.update_locker(locker, site.locker_types[locker.locker_type], change, now)
    if isinstance(changed, Refusal):
        head = audit_refusal(tx, state.head, action, changed, caller, now, locker_id=locker_id)
        return State(site, head), changed
    head = audit(
        tx,
        state.head,
        "LOCKER_UPDATED",
        caller,
        now,
        locker_id=locker_id,
        transaction_id=locker.transaction_id,
        controller_id=locker.bank_id,
        details=_told(change),
    )
    return State(_kept(tx, site, locker, changed), head), changed


def unknown_locker(locker_id: int) -> Refusal:
    """404: no locker has this id."""
    return Refusal("LOCKER_NOT_FOUND", 404, f"No locker has the id {locker_id}", {"lockerId": str(locker_id)})


def _kept(tx: Tx, site: Site, before: Locker, after: Locker) -> Site:
    if after is before:
        return site
    store.save_locker(tx, after)
    return put_locker(site, after)


def _told(change: ServiceChange) -> dict[str, str]:
    flags = {"outOfService": change.out_of_service, "brokenLock": change.broken_lock}
    told = {name: "true" if flag else "false" for name, flag in flags.items() if flag is not None}
    if change.out_of_service is not None and change.reason_code is not None:
        told["reasonCode"] = change.reason_code
        told |= {} if change.reason is None else {"reason": change.reason}
    return told
