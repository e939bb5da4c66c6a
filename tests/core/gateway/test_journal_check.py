"""`gateway check` names the first row that is not what was written."""

import pytest

from openharbor.gateway.examples import VIRTUAL
from openharbor.gateway.journal import found_site
from openharbor.gateway.journal_check import examine
from openharbor.gateway.site_file import SiteFile, read_site_file
from openharbor.gateway.trail import SYSTEM, audit
from openharbor.kit.database.face import Transaction as Tx

NOW = 1_772_000_000_000


@pytest.fixture
def founded(tx: Tx) -> Tx:
    """A site whose audit log has five entries."""
    made = read_site_file(VIRTUAL.read_text(), gateway_id="gw-1", host_name="host", now=NOW)
    assert isinstance(made, SiteFile)
    head = found_site(tx, made.site, "hash", NOW).head
    for number in range(4):
        head = audit(tx, head, "LOCKER_OPENED", SYSTEM, NOW, locker_id=1, details={"attempts": str(number)})
    return tx


def test_a_whole_journal_has_no_fault(founded: Tx) -> None:
    assert (examine(founded).audit_entries, examine(founded).fault) == (5, None)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit SET success = 0 WHERE id = 3",
        "UPDATE audit SET details = '{}' WHERE id = 3",
        "UPDATE audit SET details = 'no JSON' WHERE id = 3",
        "UPDATE audit SET at = at + 1 WHERE id = 3",
        "UPDATE audit SET hash = previous_hash WHERE id = 3",
        "DELETE FROM audit WHERE id = 3",
    ],
)
def test_a_changed_or_missing_audit_entry_is_named(founded: Tx, change: str) -> None:
    founded.execute(change)
    fault = examine(founded).fault
    assert fault is not None
    assert "audit entry 3" in fault


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("INSERT INTO pulses (opening_id, attempt, fired_at) VALUES (77, 1, 0)", "pulse 1 belongs to no opening"),
        (
            "INSERT INTO transactions (transaction_id, locker_id, created_at, open_count) VALUES ('x', 99, 0, 0)",
            "transaction 1 is active on a locker that does not exist",
        ),
    ],
)
def test_a_row_that_does_not_fit_the_others_is_named(founded: Tx, change: str, named: str) -> None:
    founded.execute(change)
    assert examine(founded).fault == named
