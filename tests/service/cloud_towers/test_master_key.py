"""The master key is changed without a moment in which the file does not open the whole database."""

import base64
import os
from functools import partial
from pathlib import Path

import pytest

from openharbor.cloud.master_key import (
    Vault,
    check,
    installation_secret,
    load_vault,
    read_key_file,
    rotate,
    rotate_master_key,
    write_key_file,
)
from openharbor.cloud.scope import INSTALLATION
from openharbor.kit.clock import SteppedClock
from openharbor.kit.database.face import Database, Transaction
from openharbor.kit.errors import Failed

from .towers import ACME, TOWER, audited, rows

SECRETS = {"tower": b"tower root", "signing": b"signing key", "webhook": b"webhook secret", "previous": b"previous"}
EVERY = (
    ("tower", "SELECT sealed_root AS sealed FROM tower_keys WHERE state = 'active'"),
    ("signing", "SELECT sealed_private AS sealed FROM signing_keys"),
    ("webhook", "SELECT sealed_secret AS sealed FROM webhook_endpoints"),
    ("previous", "SELECT sealed_previous AS sealed FROM webhook_endpoints WHERE sealed_previous IS NOT NULL"),
)


def seal_everything(tx: Transaction, vault: Vault) -> None:
    sealed = {name: vault.seal(secret) for name, secret in SECRETS.items()}
    for rotation, state, root in ((1, "revoked", None), (2, "active", sealed["tower"])):
        tx.execute(
            "INSERT INTO tower_keys (tower_id, rotation, state, sealed_root, created_at, changed_at)"
            " VALUES (:tower, :rotation, :state, :root, 0, 0)",
            tower=TOWER,
            rotation=rotation,
            state=state,
            root=root,
        )
    tx.execute(
        "INSERT INTO signing_keys (kid, algorithm, public_jwk, sealed_private, created_at, signs_from)"
        " VALUES ('k', 'EdDSA', '{}', :sealed, 0, 0)",
        sealed=sealed["signing"],
    )
    for number, previous in ((1, sealed["previous"]), (2, None)):
        tx.execute(
            "INSERT INTO webhook_endpoints (id, organization_id, url, events, description, enabled, sealed_secret,"
            " sealed_previous, created_at, updated_at)"
            " VALUES (:id, :acme, 'https://x', '[]', '', 1, :sealed, :previous, 0, 0)",
            id=number,
            acme=ACME,
            sealed=sealed["webhook"],
            previous=previous,
        )
    installation_secret(INSTALLATION, tx, vault, "links", bytes)


async def opened(database: Database, vault: Vault) -> dict[str, bytes]:
    """Every secret, as this vault opens it."""
    found = {}
    for name, sql in EVERY:
        for row in await rows(database, sql):
            found[name] = vault.open(row["sealed"])
    found["links"] = await database.read(lambda tx: installation_secret(INSTALLATION, tx, vault, "links"))
    return found


@pytest.fixture
async def stored(database: Database, vault: Vault) -> Database:
    await database.write(partial(seal_everything, vault=vault))
    return database


ALL = {**SECRETS, "links": bytes(32)}


async def test_a_secret_of_the_installation_is_made_once(database: Database, vault: Vault) -> None:
    make = partial(installation_secret, INSTALLATION, vault=vault, random=os.urandom)
    first = await database.write(partial(make, name="links"))
    assert len(first) == 32
    assert await database.write(partial(make, name="links")) == first
    assert await database.write(partial(make, name="other")) != first


async def test_every_secret_is_sealed_again_under_the_new_key(stored: Database, key_file: Path) -> None:
    before = read_key_file(key_file)
    told = await rotate_master_key(stored, key_file, SteppedClock())
    after = read_key_file(key_file)
    assert told["sealed_again"] == 6
    assert len(after) == 1
    assert after != before
    assert await opened(stored, load_vault(key_file)) == ALL
    with pytest.raises(Failed, match="sealed under master key"):
        await opened(stored, Vault(lambda: before))
    assert await audited(stored) == [("master_key.rotate", "done")]


async def test_no_key_is_told(stored: Database, key_file: Path) -> None:
    told = await rotate_master_key(stored, key_file, SteppedClock())
    key = read_key_file(key_file)[0]
    assert key.hex() not in str(told)
    assert base64.b64encode(key).decode() not in str(told)


async def test_a_process_that_runs_on_opens_and_seals_with_the_new_key(
    stored: Database, key_file: Path, vault: Vault
) -> None:
    await rotate_master_key(stored, key_file, SteppedClock())
    assert await opened(stored, vault) == ALL
    assert load_vault(key_file).open(vault.seal(b"x")) == b"x"


async def test_a_crash_after_the_file_has_both_keys_loses_nothing(stored: Database, key_file: Path) -> None:
    write_key_file(key_file, (bytes(32), *read_key_file(key_file)))
    assert await opened(stored, load_vault(key_file)) == ALL
    await rotate_master_key(stored, key_file, SteppedClock())
    assert read_key_file(key_file) == (bytes(32),)
    assert await opened(stored, load_vault(key_file)) == ALL


async def test_a_crash_after_everything_is_sealed_again_loses_nothing(stored: Database, key_file: Path) -> None:
    write_key_file(key_file, (bytes(32), *read_key_file(key_file)))
    both = load_vault(key_file)
    assert await stored.write(lambda tx: rotate(INSTALLATION, tx, both, both)) == 6
    assert await opened(stored, load_vault(key_file)) == ALL
    told = await rotate_master_key(stored, key_file, SteppedClock())
    assert told["sealed_again"] == 0
    assert await opened(stored, load_vault(key_file)) == ALL


async def test_a_secret_that_cannot_be_opened_stops_it_and_changes_nothing(stored: Database, key_file: Path) -> None:
    stray = Vault(lambda: (bytes(32),)).seal(b"of another database")
    await stored.write(lambda tx: tx.execute("UPDATE secrets SET sealed = :sealed", sealed=stray))
    with pytest.raises(Failed, match="sealed under master key"):
        await rotate_master_key(stored, key_file, SteppedClock())
    assert len(read_key_file(key_file)) == 2
    assert await audited(stored) == []
    for _, sql in EVERY:
        for row in await rows(stored, sql):
            assert load_vault(key_file).open(row["sealed"]) in SECRETS.values()


async def test_a_wrong_master_key_is_known_at_the_start(stored: Database, vault: Vault) -> None:
    await stored.read(lambda tx: check(INSTALLATION, tx, vault))
    with pytest.raises(Failed, match="start with the master key file that belongs"):
        await stored.read(lambda tx: check(INSTALLATION, tx, Vault(lambda: (bytes(32),))))


async def test_an_empty_database_fits_every_master_key(database: Database, vault: Vault) -> None:
    await database.read(lambda tx: check(INSTALLATION, tx, vault))
