"""A cloud's links on each database."""

from harness.postgres import postgres as postgres

from ..cloud_lockers.conftest import cloud as cloud
from ..cloud_lockers.conftest import database as database
from ..cloud_lockers.conftest import vault as vault
from ..cloud_lockers.databases import postgres_template as postgres_template
from ..cloud_lockers.databases import sqlite_template as sqlite_template
from ..cloud_lockers.databases import url as url
