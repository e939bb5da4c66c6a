"""One key follows another over the air: units of work (blink-protocol.md 11.1)."""

import msgspec

from openharbor.blink.events import KeyChanged
from openharbor.blink.keys import ID_OF_KEY
from openharbor.blink.packets import Packet
from openharbor.cloud import audit
from openharbor.cloud.scope import TenantScope
from openharbor.cloud.towers import commands, store
from openharbor.cloud.towers.commands import WireCommand
from openharbor.cloud.towers.rotations import (
    KeyAction,
    KeyStep,
    begin_rollover,
    confirmed_state,
    due_steps,
    newest_confirmed,
)
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Refusal

ACTIONS: dict[int, KeyAction] = {
    Packet.INSTALL_KEY: "install",
    Packet.SUNSET_KEY: "sunset",
    Packet.REVOKE_KEY: "revoke",
}


class Begun(msgspec.Struct, frozen=True):
    """A rollover that waits for the tower. `command_id`: of its INSTALL_KEY."""

    rotation: int
    command_id: int


def begin(scope: TenantScope, tx: Transaction, tower_id: str, *, sealed: str, actor: str, now: int) -> Begun | Refusal:
    """Queues INSTALL_KEY for a new rotation whose root key is `sealed` under the master key. `now`: ms since 1970.

    It is used for sealing once the tower reports it; SUNSET_KEY and REVOKE_KEY of older ones follow then.
    """
    decided = _begin(scope, tx, tower_id, sealed, now)
    audit.note(
        scope,
        tx,
        at=now,
        actor=actor,
        action="tower.rotate_key",
        outcome=decided.code if isinstance(decided, Refusal) else "queued",
        tower_id=tower_id,
        details={} if isinstance(decided, Refusal) else {"rotation": decided.rotation},
    )
    return decided


def _begin(scope: TenantScope, tx: Transaction, tower_id: str, sealed: str, now: int) -> Begun | Refusal:
    if store.find_tower(scope, tx, tower_id, lock=True) is None:
        return Refusal("TOWER_NOT_FOUND", 404, f"There is no tower {tower_id}")
    queue_due_steps(scope, tx, tower_id, now)
    number = begin_rollover(store.rotations(scope, tx, tower_id))
    if isinstance(number, Refusal):
        return number
    store.insert_key(scope, tx, tower_id, number, "installing", sealed, now)
    return Begun(number, commands.queue_next(scope, tx, tower_id, [commands.install_key(number)], now))


def confirm(scope: TenantScope, tx: Transaction, tower_id: str, event: KeyChanged, now: int) -> None:
    """Takes a KEY_UPDATE_EVENT in, once, in the order of the log; queues what is due after it. `now`: ms since 1970."""
    rotations = store.rotations(scope, tx, tower_id)
    rotation = next((one for one in rotations if one.number == event.rotation), None)
    if event.key_id != ID_OF_KEY or rotation is None:
        return
    state = confirmed_state(rotation, event.action)
    if state is None:
        return
    store.set_key_state(scope, tx, tower_id, rotation.number, state, now)
    store.set_rotation(scope, tx, tower_id, newest_confirmed(store.rotations(scope, tx, tower_id)))
    queue_due_steps(scope, tx, tower_id, now)


def queue_due_steps(scope: TenantScope, tx: Transaction, tower_id: str, now: int) -> int:
    """Queues the steps of 11.1 that are due and do not wait already; how many. Locks the tower."""
    store.find_tower(scope, tx, tower_id, lock=True)
    waiting = {KeyStep(ACTIONS[kind], number) for kind, number in store.waiting_key_commands(scope, tx, tower_id)}
    steps = [step for step in due_steps(store.rotations(scope, tx, tower_id), now) if step not in waiting]
    if steps:
        commands.queue_next(scope, tx, tower_id, [_wired(step) for step in steps], now)
    return len(steps)


def _wired(step: KeyStep) -> WireCommand:
    return commands.sunset_key(step.rotation) if step.action == "sunset" else commands.revoke_key(step.rotation)
