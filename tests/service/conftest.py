"""Servers that tests of services share."""

from harness.postgres import postgres as postgres
