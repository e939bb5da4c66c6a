"""Where a gateway keeps its journal, and the schema it expects there."""

from pathlib import Path

from openharbor.gateway import migrations
from openharbor.kit.database.migrations import sqlite_url, upgrade
from openharbor.kit.errors import Failed

DATABASE = "gateway.db"


def migrate(data: Path, *, existing: bool = False) -> None:
    """Brings the schema up to this release. `existing`: raises Failed where there is no gateway yet."""
    path = data / DATABASE
    if existing and not path.is_file():
        raise Failed(f"There is no gateway in {data}; run `openharbor gateway init --data {data}` first")
    upgrade(sqlite_url(path), migrations.FOLDER, migrations.HEAD)
