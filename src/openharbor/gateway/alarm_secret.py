"""The secret that signs alarm webhooks: a file of its own beside the journal, made when it is needed first."""

import os
from pathlib import Path

from openharbor.gateway.alarm_webhook import key_of
from openharbor.kit.errors import Failed
from openharbor.kit.webhooks import SECRET_BYTES, new_secret

FILE = "alarm-webhook-secret"
LARGEST = 1024


def webhook_key(data: Path) -> bytes:
    """What signs, from the file in `data`; a missing file is made, readable by its owner alone. Raises Failed."""
    path = data / FILE
    try:
        if not path.exists():
            _make(path)
        if path.stat().st_mode & 0o077:
            raise Failed(f"{path} can be read by others; run `chmod 600 {path}`")
        with path.open("rb") as file:
            text = file.read(LARGEST).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"{path} cannot be read or made: {type(error).__name__}") from None
    try:
        return key_of(text)
    except ValueError as error:
        raise Failed(f"{path}: {error}; remove the file to have a new one made") from None


def _make(path: Path) -> None:
    """Written beside, then renamed: a crash leaves no half of a secret."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(new_secret(os.urandom(SECRET_BYTES)).encode("ascii") + b"\n")
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
