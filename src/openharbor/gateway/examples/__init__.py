"""Site files that ship with openharbor: read them, copy them, change them."""

from pathlib import Path

MAPLE_COURT = Path(__file__).with_name("maple-court.toml")  # two real boards, six lockers: site-file.md
VIRTUAL = Path(__file__).with_name("virtual.toml")  # the same site without hardware
