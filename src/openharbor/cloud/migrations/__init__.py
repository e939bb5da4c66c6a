"""The cloud's schema, revision by revision; `HEAD` is the one that this release knows."""

from pathlib import Path

FOLDER = Path(__file__).parent
HEAD = "0004"
