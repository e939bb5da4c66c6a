"""Every error of a catalog file is told as FILE:LINE: place: what is wrong (catalog-file.md)."""

from typing import Literal

import pytest

from openharbor.cloud.catalog.import_faults import told
from openharbor.cloud.catalog.import_file import MOST_BYTES, read_catalog
from openharbor.cloud.catalog.import_plan import Plan, plan_import
from openharbor.cloud.catalog.import_present import Present

EMPTY = Present(
    organizations={},
    keyless_organizations=[],
    locker_types={},
    locations={},
    towers={},
    organizations_of={},
    provisioned=set(),
    lockers={},
    locker_places={},
    next_ids={"organizations": 1, "locations": 1, "lockers": 1},
)
FORMAT = 'format = "openharbor-catalog/1"\n'
TYPE = '[[locker_types]]\nid = 1\nname = "small"\ndisplay_name = "Small"\nwidth_mm = 1\nheight_mm = 1\ndepth_mm = 1\n'
LOCATION = '[[locations]]\nkey = "a"\nname = "A"\naddress1 = "1"\ncity = "C"\nstate = "S"\nzip = "Z"\ncountry = "U"\n'
TOWER = '[[locations.towers]]\nid = "0100000000000014"\nname = "T"\n'
HEAD = FORMAT + TYPE + LOCATION + TOWER  # 19 lines
LOCKERS = '[[locations.towers.lockers]]\nnumbers = "1-2"\ntype = "small"\nfirst_port = 0\n'  # lines 20 to 23
PLACE = "locations[1].towers[1]"

BAD = {
    "not TOML": (
        FORMAT + "[[organizations]\n",
        ["f:2: is not valid TOML: Expected ']]' at the end of an array declaration"],
    ),
    "cut off": (FORMAT + "x = ", ["f:2: is not valid TOML: Invalid value"]),
    "no format": ("", ["f:1: format: is required"]),
    "another format": ('\nformat = "openharbor-catalog/2"', ['f:2: format: must be "openharbor-catalog/1"']),
    "an unknown table": (FORMAT + "[[lockers]]\nid = 1\n", ["f:2: lockers: is not a known key"]),
    "a table that is none": (FORMAT + "organizations = [1]\n", ["f:2: organizations[1]: must be a table"]),
    "an array that is none": (FORMAT + "[organizations]\n", ["f:2: organizations: must be an array of tables"]),
    "keys of an organization": (
        FORMAT + '\n[[organizations]]\nkey = "A B"\nname = ""\ncolour = "red"\n[[organizations]]\n',
        [
            "f:4: organizations[1].key: must be 1 to 40 characters of a-z 0-9 -",
            "f:5: organizations[1].name: must be 1 to 200 characters on one line",
            "f:6: organizations[1].colour: is not a known key",
            "f:7: organizations[2].key: is required",
            "f:7: organizations[2].name: is required",
        ],
    ),
    "an organization twice": (
        FORMAT + '[[organizations]]\nkey = "a"\nname = "A"\n[[organizations]]\nkey = "a"\nname = "A"\n',
        [
            "f:6: organizations[2].key: a is taken by organizations[1]",
            "f:7: organizations[2].name: A is taken by organizations[1]",
        ],
    ),
    "a locker type": (
        FORMAT + TYPE.replace("id = 1", "id = 256").replace("width_mm = 1", "width_mm = 0") + TYPE,
        [
            "f:3: locker_types[1].id: must be 1 to 255",
            "f:6: locker_types[1].width_mm: must be 1 to 2147483647",
            "f:11: locker_types[2].name: small is taken by locker_types[1]",
        ],
    ),
    "a location": (
        FORMAT + LOCATION + 'id = 0\nlat = 91\nlon = nan\ntimezone = "Moon"\nnotes = "\\u0000"\nname2 = 1\n',
        [
            "f:10: locations[1].id: must be 1 to 9007199254740991",
            "f:11: locations[1].lat: must be -90 to 90",
            "f:12: locations[1].lon: must be -180 to 180",
            "f:13: locations[1].timezone: must be an IANA time zone name, such as America/New_York",
            "f:14: locations[1].notes: must be at most 2000 characters, none of them NUL",
            "f:15: locations[1].name2: is not a known key",
        ],
    ),
    "half a position": (
        FORMAT + LOCATION + "lat = 1\n",
        ["f:10: locations[1].lat: must come with lon, or be left out too"],
    ),
    "hours": (
        FORMAT
        + LOCATION
        + '[locations.access_hours]\nmonday = [["09:00:00", "08:00:00"]]\n'
        + 'tuesday = [["9:00", "10:00:00"]]\nfriday = [["24:00:00", "24:00:01"]]\nsomeday = []\n',
        [
            "f:11: locations[1].access_hours.monday: [09:00:00, 08:00:00] must start before it ends",
            'f:12: locations[1].access_hours.tuesday: must be a list of at most 24 ["HH:MM:SS", "HH:MM:SS"]',
            'f:13: locations[1].access_hours.friday: must be a list of at most 24 ["HH:MM:SS", "HH:MM:SS"]',
            "f:14: locations[1].access_hours.someday: is not a known key",
        ],
    ),
    "a tower id of another length": (
        HEAD.replace("0100000000000014", "01000000000014"),
        [f"f:18: {PLACE}.id: must be 16 hex digits"],
    ),
    "a tower id of nothing": (
        HEAD.replace("0100000000000014", "0" * 16),
        [f"f:18: {PLACE}.id: must not be all zero"],
    ),
    "a tower of production": (
        HEAD.replace("0100000000000014", "1000000000000014"),
        [f"f:18: {PLACE}.id: 1000000000000014 is a tower of production (10…); this installation is set to sandbox"],
    ),
    "a tower twice, in the other case": (
        FORMAT + LOCATION + TOWER.replace("14", "AB") + TOWER.replace("14", "ab"),
        ["f:14: locations[1].towers[2].id: 01000000000000ab is taken by locations[1].towers[1]"],
    ),
    "access for nobody": (
        HEAD + 'access = "private"\n',
        [f"f:17: {PLACE}.organizations: must name at least one organization, since access is private"],
    ),
    "access for some to all": (
        HEAD + 'organizations = ["acme"]\n',
        [
            f"f:20: {PLACE}.organizations: is for towers whose access is private; this one is public",
            f"f:20: {PLACE}.organizations: no organization has the key acme",
        ],
    ),
    "access for a stranger": (
        HEAD + 'access = "private"\norganizations = ["acme"]\n',
        [f"f:21: {PLACE}.organizations: no organization has the key acme"],
    ),
    "an access that is none": (HEAD + 'access = "secret"\n', [f"f:20: {PLACE}.access: must be public or private"]),
    "keys of lockers": (
        HEAD + '[[locations.towers.lockers]]\nnumbers = 1\nlow = 1\ndoor_sensor = "odd"\nfirst_port = 4096\n',
        [
            f"f:20: {PLACE}.lockers[1].type: is required",
            f'f:21: {PLACE}.lockers[1].numbers: must be "n" or "first-last", of numbers 1 to 1023',
            f"f:22: {PLACE}.lockers[1].low: must be true or false",
            f"f:23: {PLACE}.lockers[1].door_sensor: must be normal, inverted or none",
            f"f:24: {PLACE}.lockers[1].first_port: must be 0 to 4095, or -1 for none",
        ],
    ),
    "numbers beyond the last": (
        HEAD + LOCKERS.replace("1-2", "1000-1024"),
        [f'f:21: {PLACE}.lockers[1].numbers: must be "n" or "first-last", of numbers 1 to 1023, first to last'],
    ),
    "numbers backwards": (
        HEAD + LOCKERS.replace("1-2", "2-1"),
        [f'f:21: {PLACE}.lockers[1].numbers: must be "n" or "first-last", of numbers 1 to 1023, first to last'],
    ),
    "ports beyond the last": (
        HEAD + LOCKERS.replace("first_port = 0", "first_port = 4095"),
        [
            f"f:23: {PLACE}.lockers[1].first_port: leaves no room for 2 lockers: the last would have port 4096,"
            " beyond 4095"
        ],
    ),
    "names and an id": (
        HEAD + LOCKERS + 'names = ["A"]\nid = 7\n',
        [
            f"f:24: {PLACE}.lockers[1].names: has 1 names for 2 numbers; it must have one for each",
            f"f:25: {PLACE}.lockers[1].id: is for one locker only; the table has 2 numbers",
        ],
    ),
    "a number, a name and a port twice": (
        HEAD + LOCKERS + LOCKERS.replace("1-2", "2"),
        [
            f"f:24: {PLACE}.lockers[2].names: name 2 is taken by locker 2 of {PLACE}.lockers[1]",
            f"f:25: {PLACE}.lockers[2].numbers: number 2 is taken by locker 2 of {PLACE}.lockers[1]",
            f"f:27: {PLACE}.lockers[2].first_port: port 0 is taken by locker 1 of {PLACE}.lockers[1]",
        ],
    ),
    "an id twice": (
        HEAD
        + LOCKERS.replace("1-2", "1")
        + "id = 5\n"
        + LOCKERS.replace("1-2", "2").replace("= 0", "= 1")
        + "id = 5\n",
        [f"f:29: {PLACE}.lockers[2].id: 5 is taken by {PLACE}.lockers[1]"],
    ),
    "a type that is not there": (
        HEAD + LOCKERS.replace("small", "tiny"),
        [f"f:22: {PLACE}.lockers[1].type: no locker type has the name tiny"],
    ),
    "a type whose own table is wrong is there": (
        HEAD.replace("width_mm = 1", "width_mm = 0") + LOCKERS,
        ["f:6: locker_types[1].width_mm: must be 1 to 2147483647"],
    ),
}


def errors(text: str, environment: Literal["sandbox", "production"] = "sandbox") -> list[str]:
    """What an import into an empty installation says."""
    reading = read_catalog(text.encode(), environment)
    plan = plan_import(reading, EMPTY, 0)
    return [] if isinstance(plan, Plan) else told(plan, "f", reading.text).split("\n")


@pytest.mark.parametrize("case", BAD)
def test_every_error_names_line_place_and_rule(case: str) -> None:
    text, expected = BAD[case]
    assert errors(text) == expected


def test_a_file_without_faults_is_accepted() -> None:
    assert errors(HEAD + LOCKERS) == []


def test_an_empty_catalog_is_accepted() -> None:
    assert errors(FORMAT) == []


def test_a_sandbox_tower_is_refused_in_production() -> None:
    assert errors(HEAD, "production") == [
        f"f:18: {PLACE}.id: 0100000000000014 is a tower of a sandbox (01…); this installation is set to production"
    ]
    assert errors(HEAD.replace('"01', '"10'), "production") == []


def test_ports_of_lockers_without_one_do_not_clash() -> None:
    assert errors(HEAD + LOCKERS.replace("= 0", "= -1") + LOCKERS.replace("1-2", "3-4").replace("= 0", "= -1")) == []


def test_a_file_that_is_too_long_is_refused_unread() -> None:
    assert errors("#" * (MOST_BYTES + 1)) == ["f:1: must be at most 4194304 bytes"]
    assert errors(FORMAT + "#" * (MOST_BYTES - len(FORMAT))) == []


def test_bytes_that_are_no_text_are_told_with_their_line() -> None:
    reading = read_catalog(FORMAT.encode() + b"\n# \xff\n", "sandbox")
    assert told(reading.faults, "f", reading.text) == "f:3: is not UTF-8 at byte 36 of the file"


def test_more_lockers_than_a_file_may_have_are_refused_once() -> None:
    towers = "".join(TOWER.replace("14", f"{number:02x}") + LOCKERS.replace("1-2", "1-1023") for number in range(100))
    assert errors(FORMAT + TYPE + LOCATION + towers) == [
        "f:699: locations[1].towers[98].lockers[1]: is beyond the 100000 lockers that one file may have; import several"
    ]


def test_line_ends_of_windows_are_counted_once() -> None:
    assert errors((FORMAT + "[[organizations]]\n").replace("\n", "\r\n"))[0].startswith("f:2: ")
