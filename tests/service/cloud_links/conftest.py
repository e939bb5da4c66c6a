"""A cloud's links on each database."""

from harness.cloud_databases import postgres_template as postgres_template
from harness.cloud_databases import sqlite_template as sqlite_template
from harness.cloud_databases import url as url
from harness.postgres import postgres as postgres

from ..cloud_lockers.conftest import cloud as cloud
from ..cloud_lockers.conftest import database as database
from ..cloud_lockers.conftest import vault as vault
