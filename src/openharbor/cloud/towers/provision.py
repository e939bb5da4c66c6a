"""A tower gets its first key, or one for another board: a unit of work (provisioning-file.md, "Writing it")."""

from collections.abc import Callable, Sequence

import msgspec

from openharbor.blink import provisioning
from openharbor.blink.keys import ID_OF_KEY
from openharbor.blink.provisioning import Provision
from openharbor.cloud import audit
from openharbor.cloud.lockers.change import Change
from openharbor.cloud.lockers.store import keep
from openharbor.cloud.scope import TenantScope
from openharbor.cloud.towers import replacement, store
from openharbor.cloud.towers.rotations import Rotation, next_rotation
from openharbor.cloud.towers.store import TowerRow, WiredLocker
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Refusal


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """`root`: 32 random bytes, and `sealed` the same under the master key. `now`: ms since 1970.

    `replace_reason`: why there is another board; None: the tower is new. `actor`: as in the audit log.
    """

    tower_id: str
    root: bytes
    sealed: str
    now: int
    actor: str
    replace_reason: str | None = None

    def __repr__(self) -> str:
        return f"Request({self.tower_id!r})"


class Planned(msgspec.Struct, frozen=True):
    """The file, and what changes with it. `tower` as it is afterwards."""

    provision: Provision
    found: TowerRow
    changes: tuple[Change, ...]


def plan(scope: TenantScope, tx: Transaction, request: Request, *, lock: bool) -> Planned | Refusal:
    """What the file will say. Reads only."""
    found = store.find_tower(scope, tx, request.tower_id, lock=lock)
    if found is None:
        return Refusal("TOWER_NOT_FOUND", 404, f"There is no tower {request.tower_id}; import it first")
    rotations = store.rotations(scope, tx, request.tower_id)
    refusal = _refusal(rotations, request)
    if refusal is not None:
        return refusal
    number = next_rotation(rotations)
    if isinstance(number, Refusal):
        return number
    wired = store.wired_lockers(scope, tx, request.tower_id, lock=lock)
    if not wired:
        return Refusal("NO_LOCKERS", 409, f"Tower {request.tower_id} has no lockers; import them first")
    last_event = store.last_stored_event(scope, tx, request.tower_id)
    return _planned(request, found, number, wired, last_event)


def _refusal(rotations: Sequence[Rotation], request: Request) -> Refusal | None:
    if rotations and request.replace_reason is None:
        return Refusal(
            "ALREADY_PROVISIONED",
            409,
            f"Tower {request.tower_id} was provisioned already;"
            " if its board was lost or destroyed, and cannot act any more, give --replace and the reason",
        )
    if not rotations and request.replace_reason is not None:
        return Refusal(
            "NOT_PROVISIONED",
            409,
            f"Tower {request.tower_id} has no board yet that could be replaced; leave out --replace",
        )
    if request.replace_reason is not None and not request.replace_reason.strip():
        return Refusal("REASON_MISSING", 409, "--replace needs a reason: what became of the old board")
    return None


def _planned(
    request: Request, found: TowerRow, number: int, wired: Sequence[WiredLocker], last_event: int
) -> Planned | Refusal:
    tower, anew = found.tower, request.replace_reason is not None
    changes = tuple(_change(one, found, request) for one in wired)
    file = Provision(
        format=provisioning.FORMAT,
        tower_id=tower.tower_id,
        name=provisioning.cut_name(found.name),
        made_at=request.now // 1000,
        key=provisioning.Key(key_id=ID_OF_KEY, rotation=number, root=request.root.hex(), expires=0),
        last_command=tower.next_command - 1,
        next_event=max(tower.next_event, last_event + 1) if anew else 1,
        event_epoch=tower.epoch + 1 if anew else 1,
        settings=provisioning.USUAL_SETTINGS,
        lockers=tuple(replacement.in_file(one, change.locker) for one, change in zip(wired, changes, strict=True)),
    )
    try:
        provisioning.write(file)
    except provisioning.RefusedFile as error:
        return Refusal("UNFIT_CONFIGURATION", 409, f"Tower {tower.tower_id} cannot be provisioned: {error}")
    return Planned(file, found, changes)


def _change(wired: WiredLocker, found: TowerRow, request: Request) -> Change:
    if request.replace_reason is None:
        return replacement.after_first_key(wired.locker, request.now)
    return replacement.after_new_board(wired.locker, found.tower, request.now)


def provision(
    scope: TenantScope,
    tx: Transaction,
    request: Request,
    expected: Provision,
    new_message_id: Callable[[], str],
) -> Provision | Refusal:
    """Writes what `plan` says, if that is `expected` still; otherwise nothing, and the file as it has to be now."""
    planned = plan(scope, tx, request, lock=True)
    if isinstance(planned, Refusal):
        note(scope, tx, request, planned.code)
        return planned
    if planned.provision == expected:
        _write(scope, tx, request, planned, new_message_id)
        note(scope, tx, request, "E8" if request.replace_reason is None else "E7", planned.provision.key.rotation)
    return planned.provision


def _write(
    scope: TenantScope, tx: Transaction, request: Request, planned: Planned, new_message_id: Callable[[], str]
) -> None:
    file = planned.provision
    if request.replace_reason is not None:
        store.revoke_all_keys(scope, tx, file.tower_id, request.now)
        store.finish_waiting(scope, tx, file.tower_id, request.now)
        store.restart_log(scope, tx, file.tower_id, next_event=file.next_event, epoch=file.event_epoch)
    # the file is the confirmation: tokens may be made before the tower has started
    store.insert_key(scope, tx, file.tower_id, file.key.rotation, "active", request.sealed, request.now)
    store.set_rotation(scope, tx, file.tower_id, file.key.rotation)
    for change in planned.changes:
        keep(scope, tx, change, now=request.now, new_message_id=new_message_id)


def note(scope: TenantScope, tx: Transaction, request: Request, outcome: str, rotation: int | None = None) -> None:
    """The audit entry of an attempt; the key is not in it."""
    details = {} if request.replace_reason is None else {"reason": request.replace_reason}
    audit.note(
        scope,
        tx,
        at=request.now,
        actor=request.actor,
        action="tower.provision",
        outcome=outcome,
        tower_id=request.tower_id,
        details=details if rotation is None else {**details, "rotation": rotation},
    )
