"""Catalog files that ship with openharbor: read them, copy them, change them."""

from pathlib import Path

CATALOG = Path(__file__).with_name("central-library.toml")  # one location, a public and a private tower
