"""A gateway's database on a real file, with the schema of this release and nothing in it."""

from harness.journals import database_file as database_file
from harness.journals import empty_database as empty_database
from harness.journals import tx as tx
