"""What phones carry between the cloud and a tower: packets of commands, uploads of events, resets. Units of work."""

from collections.abc import Callable, Sequence

from openharbor.cloud.callers import NOT_PERMITTED
from openharbor.cloud.lockers.attempts import Attempt, note
from openharbor.cloud.master_key import Vault
from openharbor.cloud.scope import TenantScope
from openharbor.cloud.sdk.access import Asker, Entered, enter, has_any
from openharbor.cloud.sdk.tower_store import TowerRow
from openharbor.cloud.towers import packets, reset_events, uploads
from openharbor.cloud.towers.packets import CommandPacket
from openharbor.cloud.towers.uploads import EventPacket, Received
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Refusal

RESETS = ("owner", "technician")


def waiting(
    scope: TenantScope,
    tx: Transaction,
    *,
    asker: Asker,
    tower_id: str,
    vault: Vault,
    now: int,
    random: Callable[[int], bytes],
) -> list[CommandPacket] | Refusal:
    """Packets to push, sealed for this answer. `now`: ms since 1970. 403, 404 as `access.enter`. Reads only."""
    entered = enter(scope, tx, asker, tower_id)
    if isinstance(entered, Refusal):
        return entered
    return packets.waiting_packets(scope, tx, vault, tower_id, now=now, random=random)


def upload(
    scope: TenantScope,
    tx: Transaction,
    found: Sequence[EventPacket],
    *,
    asker: Asker,
    tower_id: str,
    vault: Vault,
    attempt: Attempt,
) -> Received | Refusal:
    """Takes events in, all or nothing. 403, 404 as `access.enter`; 400 for a packet that is not authentic."""
    entered = _entered(scope, tx, asker, tower_id, attempt)
    if isinstance(entered, Refusal):
        return entered
    return uploads.take_in(scope, tx, found, vault=vault, tower_id=tower_id, attempt=attempt)


def reset(
    scope: TenantScope, tx: Transaction, *, asker: Asker, tower_id: str, reason: str | None, attempt: Attempt
) -> TowerRow | Refusal:
    """Queues the reset; the tower. 404; 403 without the claim `owner` or `technician`."""
    entered = _entered(scope, tx, asker, tower_id, attempt)
    if isinstance(entered, Refusal):
        return entered
    if not has_any(entered, RESETS):
        note(scope, tx, attempt, NOT_PERMITTED.message, tower_id=tower_id)
        return NOT_PERMITTED
    queued = reset_events.reset_events(scope, tx, tower_id, reason=reason, attempt=attempt)
    return queued if isinstance(queued, Refusal) else entered.tower


def _entered(scope: TenantScope, tx: Transaction, asker: Asker, tower_id: str, attempt: Attempt) -> Entered | Refusal:
    entered = enter(scope, tx, asker, tower_id)
    if isinstance(entered, Refusal):
        note(scope, tx, attempt, entered.message, tower_id=tower_id)
    return entered
