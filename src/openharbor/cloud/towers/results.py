"""What a tower says about its commands and keys, in the order of its log (blink-protocol.md 8.3, 11.1, 13.5)."""

from collections.abc import Sequence

from openharbor.blink.events import CommandsDone, Event, KeyChanged
from openharbor.blink.packets import Packet
from openharbor.blink.refusals import AUTH_KEY_INVALID
from openharbor.cloud import audit
from openharbor.cloud.scope import INSTALLATION, TenantScope
from openharbor.cloud.towers import queue_store, rollover, store
from openharbor.cloud.towers.rotations import newest_confirmed
from openharbor.kit.database.face import Transaction


def take_in(
    scope: TenantScope, tx: Transaction, tower_id: str, events: Sequence[Event], *, actor: str, now: int
) -> None:
    """Ends commands that were dealt with, and takes keys forward. `now`: ms since 1970."""
    for event in events:
        if isinstance(event, CommandsDone):
            if event.failed:
                _keys_refused(scope, tx, tower_id, event, actor, now)
            queue_store.finish(scope, tx, tower_id, event.first, event.first + event.count, event.failed, now)
        elif isinstance(event, KeyChanged):
            rollover.confirm(scope, tx, tower_id, event, now)


def _keys_refused(
    scope: TenantScope, tx: Transaction, tower_id: str, event: CommandsDone, actor: str, now: int
) -> None:
    """A key that the tower did not take, or does not know any more, is given up: it seals nothing, and opens nothing.

    Otherwise a refused INSTALL_KEY would stand in the way of the next rollover for ever, and a REVOKE_KEY of a key
    that is gone would be queued again and again.
    """
    rotations = store.rotations(scope, tx, tower_id)
    states, newest = {one.number: one.state for one in rotations}, newest_confirmed(rotations)
    for command_id, kind, rotation in queue_store.key_commands(scope, tx, tower_id, event.first, event.count):
        code = event.failed.get(command_id, 0)
        refused = kind == Packet.INSTALL_KEY and code != 0 and states.get(rotation) == "installing"
        unknown = kind != Packet.INSTALL_KEY and code == AUTH_KEY_INVALID and rotation != newest
        if not refused and not unknown:
            continue
        store.set_key_state(scope, tx, tower_id, rotation, "revoked", now)
        audit.note(
            INSTALLATION,
            tx,
            at=now,
            actor=actor,
            action="tower.key_refused",
            outcome=str(code),
            tower_id=tower_id,
            details={"rotation": rotation, "command": command_id},
        )
