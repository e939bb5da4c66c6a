"""What the journal says as a whole: read at the start and after a failed commit, written when a site is founded."""

from immutables import Map
from msgspec.structs import replace

from openharbor.gateway import store, store_setup
from openharbor.gateway.site import Site
from openharbor.gateway.site_state import free_by_type
from openharbor.gateway.trail import SYSTEM, State, audit, chain_head
from openharbor.kit.audit import ChainHead
from openharbor.kit.database.face import Transaction as Tx
from openharbor.kit.errors import Failed


def load_state(tx: Tx) -> State:
    """Everything from disk, in a time that does not depend on how much is finished. Raises Failed: no site is here."""
    return State(load_site(tx), chain_head(tx))


def load_site(tx: Tx) -> Site:
    """The site as the journal has it. Raises Failed when none was founded here."""
    settings = store.the_settings(tx)
    if settings is None:
        raise Failed("There is no site in this database; run `openharbor gateway init` first")
    transactions = store.active_transactions(tx)
    holders = {one.locker_id: one.transaction_id for one in transactions}
    lockers = {one.locker_id: replace(one, transaction_id=holders.get(one.locker_id)) for one in store.all_lockers(tx)}
    return Site(
        settings=settings,
        locker_types={one.slug: one for one in store_setup.all_locker_types(tx)},
        bank_types={one.bank_type_id: one for one in store_setup.all_bank_types(tx)},
        controllers={one.controller_id: one for one in store_setup.all_controllers(tx)},
        lockers=Map(lockers),
        transactions=Map((one.transaction_id, one) for one in transactions),
        devices={one.device_id: one for one in store.all_devices(tx)},
        api_keys={one.digest: one for one in store.valid_api_keys(tx)},
        free=free_by_type(lockers.values()),
    )


def found_site(tx: Tx, site: Site, admin_password_hash: str, now: int) -> State:
    """Writes a new site into empty tables, as the first entry of its audit log. `admin_password_hash`: Argon2."""
    store_setup.insert_settings(tx, site.settings)
    store_setup.insert_locker_types(tx, site.locker_types.values())
    store_setup.insert_bank_types(tx, site.bank_types.values())
    store_setup.insert_controllers(tx, site.controllers.values())
    store_setup.insert_lockers(tx, site.lockers.values())
    store_setup.insert_admin(tx, admin_password_hash, now)
    details = {
        "gatewayId": site.settings.gateway_id,
        "controllers": str(len(site.controllers)),
        "lockers": str(len(site.lockers)),
    }
    return State(site, audit(tx, ChainHead(), "GATEWAY_FOUNDED", SYSTEM, now, details=details))


def note_restore(tx: Tx, details: dict[str, str], now: int) -> None:
    """The audit entry of a restored backup; `details`: what is known of its origin."""
    audit(tx, chain_head(tx), "GATEWAY_RESTORED", SYSTEM, now, details=details)
