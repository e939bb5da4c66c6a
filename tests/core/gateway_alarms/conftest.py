"""A gateway's journal on a real file, and the site of the examples in it."""

import pytest

from core.gateway_alarms.journals import found
from harness.journals import database_file as database_file
from harness.journals import empty_database as empty_database
from harness.journals import tx as tx
from openharbor.gateway.trail import State
from openharbor.kit.database.face import Transaction


@pytest.fixture
def state(tx: Transaction) -> State:
    """A site on virtual boards, founded."""
    return found(tx)
