"""A cloud's lockers on each database, and the tower that they are in."""

import pytest

from harness.cloud_databases import postgres_template as postgres_template
from harness.cloud_databases import sqlite_template as sqlite_template
from harness.cloud_databases import url as url
from harness.cloud_rig import Rig
from harness.populated_cloud import cloud as cloud
from harness.populated_cloud import database as database
from harness.populated_cloud import vault as vault
from harness.postgres import postgres as postgres

from .site import Site, new_tower


@pytest.fixture
def site(cloud: Rig) -> Site:
    return Site(cloud, new_tower(cloud.clock.now()))
