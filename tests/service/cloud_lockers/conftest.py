"""A cloud's lockers on each database."""

from harness.cloud_databases import postgres_template as postgres_template
from harness.cloud_databases import sqlite_template as sqlite_template
from harness.cloud_databases import url as url
from harness.populated_cloud import cloud as cloud
from harness.populated_cloud import database as database
from harness.populated_cloud import vault as vault
from harness.postgres import postgres as postgres
