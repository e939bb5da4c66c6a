"""The master key: a file of its own, under which every other secret is kept sealed in the database.

The file holds one key a line, 32 random bytes as base64 text; the first line seals, every line opens. There is one
line, and two while `rotate_master_key` is under way: a crash at any moment leaves a file that opens the whole database.
"""

import base64
import binascii
import hmac
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from openharbor.cloud import audit
from openharbor.cloud.scope import INSTALLATION, TenantScope
from openharbor.kit.clock import Clock
from openharbor.kit.database.face import Database, Transaction
from openharbor.kit.database.process_lock import ProcessLock
from openharbor.kit.errors import Failed

KEY_BYTES = 32
NONCE_BYTES = 12
VERSION = "oh1"
OPEN_TO_OTHERS = stat.S_IRWXG | stat.S_IRWXO
LARGEST_FILE = 4096
Random = Callable[[int], bytes]
Keys = tuple[bytes, ...]


class SealedColumn(NamedTuple):
    """How the sealed values of one column are read and written. `keys`: the columns that name a row."""

    keys: tuple[str, ...]
    rows: str
    change: str


SEALED_COLUMNS = (
    SealedColumn(
        ("tower_id", "rotation"),
        "SELECT tower_id, rotation, sealed_root AS sealed FROM tower_keys WHERE sealed_root IS NOT NULL",
        "UPDATE tower_keys SET sealed_root = :sealed WHERE tower_id = :tower_id AND rotation = :rotation",
    ),
    SealedColumn(
        ("kid",),
        "SELECT kid, sealed_private AS sealed FROM signing_keys WHERE sealed_private IS NOT NULL",
        "UPDATE signing_keys SET sealed_private = :sealed WHERE kid = :kid",
    ),
    SealedColumn(
        ("id",),
        "SELECT id, sealed_secret AS sealed FROM webhook_endpoints WHERE sealed_secret IS NOT NULL",
        "UPDATE webhook_endpoints SET sealed_secret = :sealed WHERE id = :id",
    ),
    SealedColumn(
        ("id",),
        "SELECT id, sealed_previous AS sealed FROM webhook_endpoints WHERE sealed_previous IS NOT NULL",
        "UPDATE webhook_endpoints SET sealed_previous = :sealed WHERE id = :id",
    ),
    SealedColumn(
        ("name",),
        "SELECT name, sealed FROM secrets WHERE sealed IS NOT NULL",
        "UPDATE secrets SET sealed = :sealed WHERE name = :name",
    ),
)


class Vault:
    """Seals and opens secrets with AES-256-GCM. `read_keys`: the keys, the one that seals first. Shows none of them.

    The keys are read again before anything is sealed, and when a key is not known: a process that runs on while the
    master key is changed goes on with the new one.
    """

    def __init__(self, read_keys: Callable[[], Keys], random: Random = os.urandom) -> None:
        self._read_keys, self._random = read_keys, random
        self._keys = self._read()

    def seal(self, data: bytes) -> str:
        """`oh1.KEY-ID.TEXT`. Raises Failed when the key file cannot be read."""
        self._keys = keys = self._read()
        name, cipher = next(iter(keys.items()))
        nonce = self._random(NONCE_BYTES)
        sealed = cipher.encrypt(nonce, data, _header(name))
        return f"{VERSION}.{name}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str) -> bytes:
        """What was sealed. Raises Failed: sealed under another master key, or damaged."""
        name, body = _taken_apart(sealed)
        if name not in self._keys:
            self._keys = self._read()
        cipher = self._keys.get(name)
        if cipher is None:
            raise Failed(
                f"a stored secret is sealed under master key {name}, and the master key file has"
                f" {', '.join(self._keys)}; start with the master key file that belongs to this database"
            )
        try:
            return cipher.decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], _header(name))
        except (InvalidTag, ValueError):
            raise Failed("a stored secret is damaged; restore the database from a backup") from None

    def seals_like(self, sealed: str) -> bool:
        """Whether this was sealed under the key that seals now."""
        return _taken_apart(sealed)[0] == next(iter(self._keys))

    def _read(self) -> dict[str, AESGCM]:
        return {key_id(key): AESGCM(key) for key in self._read_keys()}


def key_id(key: bytes) -> str:
    """A name for a key that tells nothing about it: 8 hex digits."""
    return hmac.digest(key, b"openharbor master key id", "sha256")[:4].hex()


def load_vault(path: Path, create: bool = False, random: Random = os.urandom) -> Vault:
    """The vault of a key file; `create`: made if it is missing. Raises Failed: missing, readable by others, no key."""
    if create and not path.exists():
        _create(path, random)
    return Vault(partial(read_key_file, path), random)


def read_key_file(path: Path) -> Keys:
    """The keys in the file. Raises Failed."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(LARGEST_FILE)
    except FileNotFoundError:
        raise Failed(
            f"the master key file {path} does not exist; name it with --master-key-file, or restore it from a backup"
        ) from None
    except OSError as error:
        raise Failed(f"the master key file {path} cannot be read: {error.strerror}") from error
    if mode & OPEN_TO_OTHERS:
        raise Failed(f"others may read the master key file {path}; run: chmod 600 {path}")
    return _keys_in(text, path)


def _keys_in(text: bytes, path: Path) -> Keys:
    lines = text.split()
    try:
        keys = tuple(base64.b64decode(line, validate=True) for line in lines)
    except binascii.Error:
        keys = ()
    if not 1 <= len(keys) <= 2 or any(len(key) != KEY_BYTES for key in keys):
        raise Failed(f"{path} is no master key file: it must hold {KEY_BYTES} bytes as base64 text; restore it")
    return keys


def _create(path: Path, random: Random) -> None:
    unfinished = _write_beside(path, (random(KEY_BYTES),))
    try:
        with suppress(FileExistsError):  # another process was faster: its key is the key
            os.link(unfinished, path)
    except OSError as error:
        raise Failed(f"the master key file {path} cannot be made: {error.strerror}") from error
    finally:
        unfinished.unlink()
    _sync_directory(path.parent)


def write_key_file(path: Path, keys: Sequence[bytes]) -> None:
    """Puts the keys in the place of those in the file: all at once, or not at all. Raises Failed."""
    unfinished = _write_beside(path, keys)
    try:
        unfinished.replace(path)
        _sync_directory(path.parent)
    except OSError as error:
        raise Failed(f"the master key file {path} cannot be written: {error.strerror}") from error


def _write_beside(path: Path, keys: Sequence[bytes]) -> Path:
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(b"".join(base64.b64encode(key) + b"\n" for key in keys))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Failed(f"the master key file {path} cannot be written: {error.strerror}") from error
    return unfinished


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _header(name: str) -> bytes:
    return f"{VERSION}.{name}".encode()


def _taken_apart(sealed: str) -> tuple[str, bytes]:
    version, name, text = (*sealed.split(".", 2), "", "")[:3]
    if version != VERSION:
        raise Failed("a stored secret has a form that this release does not know; install the release that wrote it")
    try:
        return name, base64.b64decode(text, altchars=b"-_", validate=True)
    except ValueError:
        raise Failed("a stored secret is damaged; restore the database from a backup") from None


def installation_secret(
    _scope: TenantScope, tx: Transaction, vault: Vault, name: str, random: Random = os.urandom
) -> bytes:
    """32 random bytes by name, made once and the same ever after. Raises Failed."""
    stored = tx.one("SELECT sealed FROM secrets WHERE name = :name", name=name)
    if stored is None:
        tx.execute(
            "INSERT INTO secrets (name, sealed) VALUES (:name, :sealed) ON CONFLICT (name) DO NOTHING",
            name=name,
            sealed=vault.seal(random(KEY_BYTES)),
        )
        stored = tx.one("SELECT sealed FROM secrets WHERE name = :name", name=name)
    return vault.open(stored["sealed"]) if stored else b""


def check(_scope: TenantScope, tx: Transaction, vault: Vault) -> None:
    """Opens one secret of each kind: a wrong master key is known at the start. Raises Failed."""
    for column in SEALED_COLUMNS:
        row = tx.one(f"{column.rows} LIMIT 1")
        if row is not None:
            vault.open(row["sealed"])


def rotate(scope: TenantScope, tx: Transaction, old: Vault, new: Vault) -> int:
    """Seals every stored secret under the first key of `new` that is not yet; how many there were. Raises Failed."""
    return sum(_rotate_column(scope, tx, old, new, column) for column in SEALED_COLUMNS)


def _rotate_column(_scope: TenantScope, tx: Transaction, old: Vault, new: Vault, column: SealedColumn) -> int:
    rows = [row for row in tx.all(f"{column.rows} FOR UPDATE") if not new.seals_like(row["sealed"])]
    for row in rows:
        tx.execute(column.change, sealed=new.seal(old.open(row["sealed"])), **{key: row[key] for key in column.keys})
    return len(rows)


async def rotate_master_key(
    database: Database, path: Path, clock: Clock, random: Random = os.urandom
) -> dict[str, object]:
    """`cloud master-key rotate`: a new master key in the file, and every stored secret sealed under it.

    The file has both keys until all is sealed again; a file that a crash left with two is brought to its end.
    Raises Failed.
    """
    lock = ProcessLock(path)
    try:
        keys = read_key_file(path)
        if len(keys) == 1:
            keys = (random(KEY_BYTES), *keys)
            write_key_file(path, keys)
        vault = load_vault(path, random=random)
        count = await database.write(partial(_rotate_audited, vault=vault, now=clock.now()))
        # a process that read the file before it had the new key may have sealed something meanwhile
        count += await database.write(lambda tx: rotate(INSTALLATION, tx, vault, vault))
        write_key_file(path, keys[:1])
    finally:
        lock.release()
    return {"sealed_again": count, "key_id": key_id(keys[0]), "file": str(path)}


def _rotate_audited(tx: Transaction, vault: Vault, now: int) -> int:
    count = rotate(INSTALLATION, tx, vault, vault)
    audit.note(
        INSTALLATION,
        tx,
        at=now,
        actor="command line",
        action="master_key.rotate",
        outcome="done",
        details={"sealed_again": count},
    )
    return count
