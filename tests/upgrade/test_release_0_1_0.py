"""A database that release 0.1.0 left behind, with a day's work in it, is served by this release without a loss.

Its rows are written here in the SQL of that release, not by the code of this one, so that a change of the schema
without a revision is found out.
"""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from openharbor.gateway import migrations
from openharbor.gateway.allocation import Wish
from openharbor.gateway.journal import load_state
from openharbor.gateway.site import Live
from openharbor.gateway.trail import SYSTEM, every_entry
from openharbor.gateway.transactions import AlreadyActive, Assigned, NewTransaction, create_transaction
from openharbor.kit.audit import verify
from openharbor.kit.database.driver import connect
from openharbor.kit.database.face import Transaction as Tx
from openharbor.kit.database.migrations import current, sqlite_url, upgrade
from openharbor.kit.database.transaction import SqliteTransaction

NOW = 1_772_471_100_000
ZEROS = "0" * 64
FOUNDED = "22007ca55aebe52b03e4d1673442d6bd68895cf23ffbd91ccf4a5aaf4d993664"
CREATED = "26f7f0ea1365266afab0c528c1ee0d7f5d1eeca35b944698f98157c77ed4d1ad"
SCHEMA_0_1_0 = "0001"
REVISIONS_0_1_0 = ("0001_initial.py",)

ROWS = f"""
INSERT INTO settings VALUES (1, 'gw-maple-court', 'Maple Court Lobby', 'America/Denver', 500, 600, 10);
INSERT INTO locker_types VALUES ('small', 'Small', 'Letters', 380, 120, 480, 0, 1768204800000);
INSERT INTO bank_types VALUES (1, 'Main bank', '', 0, 1768204800000);
INSERT INTO bank_type_associations VALUES (1, 1, 'small', 1);
INSERT INTO bank_type_associations VALUES (1, 2, 'small', 0);
INSERT INTO controllers VALUES
  (1, 'Tower A', 'kerong-cu16', 'kerong-cu16+tcp://10.0.0.5:5000?board=0&feedback=closed_is_1', 1, 0, 1768204800000,
   1768204800000);
INSERT INTO lockers VALUES
  (1, 1, 1, 'small', 1, 1772471051482, 0, 0, NULL, NULL, 0, 1772471051482, 1772471059031, 388);
INSERT INTO lockers VALUES (2, 1, 2, 'small', 0, 1772471045733, 1, 1, 'CLEANING', 'Spilt milk', 2, NULL, NULL, 0);
INSERT INTO transactions VALUES (1, 'parcel-2026-000480', 1, 1772461051482, 1772461059031, 1, 1772462059031);
INSERT INTO transactions VALUES (2, 'parcel-2026-000481', 1, 1772471051482, 1772471059031, 1, NULL);
INSERT INTO openings VALUES
  (1, 1, 2, 'apiKey', 'Lobby kiosk', 'key 1', 'k-1', 1772471057847, 1772471059031, 'opened', 1, 1, 1, NULL, '', 1184);
INSERT INTO openings (opening_id, locker_id, actor_type, started_at) VALUES (2, 1, 'loopback', 1772471060000);
INSERT INTO pulses VALUES (1, 1, 1, 1772471057900);
INSERT INTO pulses VALUES (2, 2, 1, 1772471060050);
INSERT INTO devices VALUES
  ('kiosk-1', 'kiosk', 'ok', '4.1.0', '10.0.0.31', NULL, '{{"brightness":80.0}}', NULL, 1772471100000, 1768204800000);
INSERT INTO api_keys VALUES (1, 'Lobby kiosk', 'ohgw_5d1e7c04', '{"5" * 64}', '["read"]', 1768204800000, NULL, NULL);
INSERT INTO api_keys VALUES (2, 'Gone', 'ohgw_00000000', '{"0" * 64}', '["read"]', 1768204800000, NULL, 1768204900000);
INSERT INTO admin_user VALUES ('admin', '$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA', 1768204800000);
INSERT INTO idempotency VALUES
  (1, 'key 1', 'k-1', 'f1', 1772471057847, 1772557457847, 200, '{{}}', '{{"success":true}}');
INSERT INTO audit VALUES
  (1, 1768204800000, 'system', NULL, 'GATEWAY_FOUNDED', 1, NULL, NULL, NULL,
   '{{"gatewayId":"gw-maple-court","controllers":"1","lockers":"2"}}', '{ZEROS}', '{FOUNDED}');
INSERT INTO audit VALUES
  (2, 1772471051482, 'apiKey', 'Lobby kiosk', 'TRANSACTION_CREATED', 1, 1, 'parcel-2026-000481', 1,
   '{{"address":"10.0.0.31"}}', '{FOUNDED}', '{CREATED}');
"""


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The schema is made by the revisions that release had, and by no later one."""
    directory = tmp_path_factory.mktemp("release-0.1.0")
    (directory / "migrations" / "versions").mkdir(parents=True)
    for revision in REVISIONS_0_1_0:
        shutil.copy(migrations.FOLDER / "versions" / revision, directory / "migrations" / "versions")
    path = directory / "gateway.db"
    upgrade(sqlite_url(path), directory / "migrations")
    assert current(sqlite_url(path)) == SCHEMA_0_1_0
    with closing(connect(path)) as connection:
        connection.executescript(ROWS)
    return path


@pytest.fixture
def tx(left_behind: Path) -> Iterator[Tx]:
    upgrade(sqlite_url(left_behind), migrations.FOLDER, migrations.HEAD)
    with closing(connect(left_behind)) as connection:
        connection.execute("BEGIN")
        yield SqliteTransaction(connection)
        connection.execute("ROLLBACK")


def test_the_site_is_the_one_that_was_left(tx: Tx) -> None:
    site = load_state(tx).site
    assert (site.settings.gateway_id, site.settings.door_left_open_seconds) == ("gw-maple-court", 600)
    assert site.controllers[1].driver == "kerong-cu16"
    assert [one.is_low_locker for one in site.bank_types[1].associations] == [True, False]
    first, second = site.lockers[1], site.lockers[2]
    assert (first.transaction_id, first.open_count, first.is_low_locker) == ("parcel-2026-000481", 388, True)
    assert (second.out_of_service, second.broken_lock, second.reason) == (True, True, "Spilt milk")
    assert second.failures_in_row == 2
    assert site.free == {}


def test_who_has_a_locker_still_has_it(tx: Tx) -> None:
    state = load_state(tx)
    assert [(one.transaction_id, one.locker_id, one.row_id) for one in state.site.transactions.values()] == [
        ("parcel-2026-000481", 1, 2)
    ]
    live = {1: Live(True, True, False, 0), 2: Live(True, True, False, 0)}
    _, made = create_transaction(tx, state, NewTransaction("parcel-2026-000481", Wish()), live, SYSTEM, NOW)
    assert isinstance(made, AlreadyActive)


def test_keys_that_were_valid_are_and_revoked_ones_are_not(tx: Tx) -> None:
    site = load_state(tx).site
    assert [(one.key_id, one.scopes) for one in site.api_keys.values()] == [(1, frozenset({"read"}))]
    assert site.devices["kiosk-1"].metrics == {"brightness": 80.0}


def test_the_audit_chain_is_whole_and_goes_on(tx: Tx) -> None:
    state = load_state(tx)
    assert verify(every_entry(tx)) is None
    tx.execute("UPDATE lockers SET out_of_service = 0 WHERE locker_id = 2")
    state = load_state(tx)
    live = {2: Live(True, False, None, 0)}
    state, made = create_transaction(tx, state, NewTransaction("parcel-2026-000482", Wish()), live, SYSTEM, NOW)
    assert isinstance(made, Assigned)
    assert state.head.last_id == 3
    assert verify(every_entry(tx)) is None
