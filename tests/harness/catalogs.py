"""Catalog files made for one test."""

from collections.abc import Mapping
from pathlib import Path

HEAD = """format = "openharbor-catalog/1"

[[organizations]]
key = "acme"
name = "Acme Parcels"

[[locker_types]]
id = 1
name = "small"
display_name = "Small"
width_mm = 400
height_mm = 120
depth_mm = 500

[[locations]]
key = "yard"
id = 54
name = "Yard"
lat = 35.3
lon = -80.6
address1 = "1 Example Street"
city = "Harbortown"
state = "North Carolina"
zip = "28000"
country = "United States"
"""
TOWER = """
[[locations.towers]]
id = "{tower}"
name = "Tower {tower}"

[[locations.towers.lockers]]
numbers = "1-{lockers}"
type = "small"
first_port = 0
"""


def catalog_file(path: Path, towers: Mapping[str, int]) -> Path:
    """One location with these public towers, each with this many small lockers."""
    text = HEAD + "".join(TOWER.format(tower=tower, lockers=lockers) for tower, lockers in towers.items())
    path.write_text(text)
    return path
