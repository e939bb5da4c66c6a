"""The schema of a tower's flash, revision by revision."""

from pathlib import Path

FOLDER = Path(__file__).parent
HEAD = "0001"
