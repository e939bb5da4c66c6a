"""A founded site in a journal."""

from openharbor.gateway.examples import VIRTUAL
from openharbor.gateway.journal import found_site
from openharbor.gateway.site_file import SiteFile, read_site_file
from openharbor.gateway.trail import State
from openharbor.kit.database.face import Transaction

NOW = 1_772_000_000_000


def found(tx: Transaction) -> State:
    """A site on virtual boards: its first entry in an empty database."""
    made = read_site_file(VIRTUAL.read_text(), gateway_id="gw-1", host_name="host", now=NOW)
    assert isinstance(made, SiteFile)
    return found_site(tx, made.site, "hash", NOW)
