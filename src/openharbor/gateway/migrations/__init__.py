"""The gateway's schema, revision by revision."""

from pathlib import Path

FOLDER = Path(__file__).parent
HEAD = "0002"  # the revision of `gateway.tables`
