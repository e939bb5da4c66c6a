"""What the command line does with towers: each returns what is to be printed. No key is ever in it.

The database is open and at its schema's head. All raise Failed, in one line that says what, why and what to do.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from openharbor.blink import provisioning
from openharbor.blink.keys import ROOT_BYTES
from openharbor.blink.provisioning import Provision
from openharbor.cloud.master_key import Vault
from openharbor.cloud.scope import INSTALLATION
from openharbor.cloud.towers import provision as provisions
from openharbor.cloud.towers import rollover
from openharbor.cloud.towers.provision import Request
from openharbor.kit.database.face import Database
from openharbor.kit.errors import Closed, Failed, Refusal, StorageUnavailable
from openharbor.kit.webhooks import ID_BYTES, message_id

ACTOR = "command line"
ATTEMPTS = 5
Random = Callable[[int], bytes]


async def provision(
    database: Database,
    vault: Vault,
    tower_id: str,
    out: Path,
    *,
    now: int,
    random: Random = os.urandom,
    replace_reason: str | None = None,
    actor: str = ACTOR,
) -> dict[str, Any]:
    """`cloud tower provision`: the tower's key, and the file for `tower init`, mode 0600. `now`: ms since 1970.

    `replace_reason`: the old board was lost or destroyed and cannot act any more (locker-states.md E7).
    """
    _refuse_to_overwrite(out)
    root = random(ROOT_BYTES)
    request = Request(
        tower_id=tower_id.lower(),
        root=root,
        sealed=vault.seal(root),
        now=now,
        actor=actor,
        replace_reason=replace_reason,
    )
    file = await _provision(database, request, out, random)
    return {
        "towerId": file.tower_id,
        "file": str(out),
        "rotation": file.key.rotation,
        "lockers": len(file.lockers),
        "lastCommand": file.last_command,
        "nextEvent": file.next_event,
        "eventEpoch": file.event_epoch,
    }


async def _provision(database: Database, request: Request, out: Path, random: Random) -> Provision:
    """The file is whole before the database knows its key, and gets its name after that: it is never half of either."""
    planned = await database.read(partial(provisions.plan, INSTALLATION, request=request, lock=False))
    if isinstance(planned, Refusal):
        await database.write(partial(provisions.note, INSTALLATION, request=request, outcome=planned.code))
        raise Failed(planned.message)
    file = planned.provision
    unfinished = out.with_name(f"{out.name}.unfinished")
    for _ in range(ATTEMPTS):
        _write_private(unfinished, provisioning.write(file))
        stored = await _store(database, request, file, unfinished, random)
        if stored == file:
            _give_name(unfinished, out)
            return file
        file = stored
    _remove(unfinished)
    raise Failed(f"tower {request.tower_id} changes all the time; nothing was changed, try again")


async def _store(database: Database, request: Request, file: Provision, unfinished: Path, random: Random) -> Provision:
    unit = partial(
        provisions.provision,
        INSTALLATION,
        request=request,
        expected=file,
        new_message_id=lambda: message_id(request.now, random(ID_BYTES)),
    )
    try:
        stored = await database.write(unit)
    except (StorageUnavailable, Closed):  # nothing was changed; after anything else the file may be the only one
        _remove(unfinished)
        raise
    if isinstance(stored, Refusal):
        _remove(unfinished)
        raise Failed(stored.message)
    return stored


def _refuse_to_overwrite(out: Path) -> None:
    if out.exists() or out.is_symlink():
        raise Failed(f"{out} exists, and a provisioning file is never overwritten; name another --out")


def _remove(unfinished: Path) -> None:
    unfinished.unlink(missing_ok=True)


def _write_private(path: Path, data: bytes) -> None:
    """A file that only its owner may read, durable. Raises Failed; one from an attempt that was cut off is replaced."""
    try:
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Failed(f"{path} cannot be written: {error.strerror}; nothing was changed") from error


def _give_name(unfinished: Path, out: Path) -> None:
    try:
        os.link(unfinished, out)  # unlike renaming, this overwrites nothing
        unfinished.unlink()
        directory = os.open(out.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise Failed(
            f"the tower is provisioned, but {out} cannot be made: {error.strerror}; its file is {unfinished}"
        ) from error


async def rotate_key(
    database: Database, vault: Vault, tower_id: str, *, now: int, random: Random = os.urandom, actor: str = ACTOR
) -> dict[str, Any]:
    """`cloud tower rotate-key`: queues a new key; the older ones are sunset and revoked as the tower reports.

    `now`: ms since 1970.
    """
    sealed = vault.seal(random(ROOT_BYTES))
    begun = await database.write(
        lambda tx: rollover.begin(INSTALLATION, tx, tower_id.lower(), sealed=sealed, actor=actor, now=now)
    )
    if isinstance(begun, Refusal):
        raise Failed(begun.message)
    return {
        "towerId": tower_id.lower(),
        "rotation": begun.rotation,
        "commandId": begun.command_id,
        "state": "installing",
    }
