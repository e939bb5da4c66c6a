"""The site file: what is taken over, and every kind of fault (site-file.md)."""

import pytest

from openharbor.gateway.examples import MAPLE_COURT, VIRTUAL
from openharbor.gateway.site import Settings, Site
from openharbor.gateway.site_file import SiteFile, read_site_file

NOW = 1_772_000_000_000

SMALL = """
[[lockerTypes]]
slug = "small"
friendlyName = "Small"
widthMm = 380
heightMm = 120
depthMm = 480
"""
BANK = """
[[bankTypes]]
friendlyName = "Bank"
associations = [{ bankLockerNumber = 1, lockerType = "small" }, { bankLockerNumber = 2, lockerType = "small" }]
"""
BOARD = """
[[controllers]]
name = "A"
address = "virtual://a?locks=4"
bankTypeId = 1
"""
WITH_PASSWORD = BOARD.replace("virtual://a?locks=4", "wkly+tcp://u:p@10.0.0.7:4001?board=3")
TWICE_FIVE = SMALL + BANK + BOARD + "controllerId = 5" + BOARD.replace("//a", "//b") + "controllerId = 5"


def read(text: str) -> SiteFile:
    found = read_site_file(text, gateway_id="gw-0a1b2c3d", host_name="box", now=NOW)
    assert isinstance(found, SiteFile), [str(fault) for fault in found]
    return found


def faults(text: str) -> list[str]:
    found = read_site_file(text, gateway_id="gw-0a1b2c3d", host_name="box", now=NOW)
    assert not isinstance(found, SiteFile)
    return [str(fault) for fault in found]


@pytest.fixture
def maple_court() -> Site:
    return read(MAPLE_COURT.read_text()).site


def test_the_example_is_the_site_of_the_contracts_examples(maple_court: Site) -> None:
    assert maple_court.settings == Settings("gw-maple-court", "Maple Court Lobby", "America/Denver", 500, 300, 10)
    assert [one.address for one in maple_court.controllers.values()] == [
        "kerong-cu16+tcp://10.0.0.5:5000?board=0&feedback=closed_is_1",
        "wkly+serial:///dev/ttyUSB0?board=1&feedback=closed_is_1",
    ]
    lockers = [
        (one.locker_id, one.bank_id, one.bank_locker_number, one.locker_type) for one in maple_court.lockers.values()
    ]
    assert lockers == [
        (1, 1, 1, "small"),
        (2, 1, 2, "medium"),
        (3, 1, 3, "large"),
        (4, 1, 4, "screen"),
        (5, 2, 1, "small"),
        (6, 2, 2, "medium"),
    ]


def test_all_lockers_start_in_service_but_those_that_are_always_out(maple_court: Site) -> None:
    out = {one.locker_id: one.reason_code for one in maple_court.lockers.values() if one.out_of_service}
    assert out == {4: "ALWAYS_OOS"}
    assert maple_court.free == {"small": [(-1, 1), (-1, 5)], "medium": [(-1, 2), (-1, 6)], "large": [(-1, 3)]}


def test_the_virtual_example_needs_no_hardware_and_warns_of_nothing() -> None:
    found = read(VIRTUAL.read_text())
    assert {one.driver for one in found.site.controllers.values()} == {"virtual"}
    assert found.warnings == ()


def test_without_a_file_the_site_is_empty() -> None:
    site = read("").site
    assert site.settings == Settings("gw-0a1b2c3d", "box", "UTC")
    assert not site.lockers
    assert not site.controllers


def test_ids_that_are_left_out_are_positions_and_the_driver_follows_from_the_address() -> None:
    site = read(SMALL + BANK + BOARD + BOARD.replace("//a", "//b")).site
    assert list(site.controllers) == [1, 2]
    assert list(site.bank_types) == [1]
    assert site.controllers[2].driver == "virtual"
    assert not site.controllers[2].commissioned


def test_lockers_are_numbered_in_the_order_of_the_file_and_by_position() -> None:
    turned = BANK.replace("bankLockerNumber = 1", "bankLockerNumber = 9").replace(
        "bankLockerNumber = 2", "bankLockerNumber = 1"
    )
    site = read(SMALL + turned.replace("= 9", "= 2") + BOARD.replace("name", "controllerId = 7\nname")).site
    assert [(one.locker_id, one.bank_id, one.bank_locker_number) for one in site.lockers.values()] == [
        (1, 7, 1),
        (2, 7, 2),
    ]


def test_a_real_board_without_feedback_is_a_warning() -> None:
    board = BOARD.replace("virtual://a?locks=4", "kerong-cu16+tcp://10.0.0.5?board=0")
    assert any("feedback" in warning for warning in read(SMALL + BANK + board).warnings)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("gatewayId = ", "site file: is not valid TOML"),
        ("colour = 1", "colour: is not a known key"),
        ('gatewayId = "a b"', "gatewayId: must be 1 to 64 characters"),
        ('siteName = ""', "siteName: must be 1 to 100 characters"),
        ('timezone = "Mars/Olympus"', "timezone: must be an IANA time zone name"),
        ('timezone = "America"', "timezone: must be an IANA time zone name"),
        ("timezone = 1", "timezone: must be an IANA time zone name"),
        ("settings = 1", "settings: must be a table"),
        ("[settings]\npulseMs = 49", "settings.pulseMs: must be 50 to 2000"),
        ("[settings]\nopenDetectionSeconds = 19", "settings.openDetectionSeconds: must be 1 to 18"),
        ("[settings]\ndoorLeftOpenSeconds = 1.5", "settings.doorLeftOpenSeconds: must be 0 to 86400"),
        ("lockerTypes = 1", "lockerTypes: must be an array of at most 256 tables"),
        ("lockerTypes = [1]", "lockerTypes[1]: must be a table"),
        (SMALL.replace("120", "0"), "lockerTypes[1].heightMm: must be 1 to 10000"),
        (SMALL.replace("120", "true"), "lockerTypes[1].heightMm: must be 1 to 10000"),
        (SMALL.replace('"small"', '"Small"'), "lockerTypes[1].slug: must be lower-case words"),
        (SMALL.replace("heightMm = 120", ""), "lockerTypes[1].heightMm: is required"),
        (SMALL + SMALL, "lockerTypes[2].slug: small is taken by lockerTypes[1]"),
        (SMALL + BANK + BANK + "bankTypeId = 1", "bankTypes[2].bankTypeId: 1 is taken by bankTypes[1]"),
        (BANK, "bankTypes[1].associations[1].lockerType: no locker type has the slug small"),
        (
            SMALL + BANK.replace("Number = 2", "Number = 1"),
            "bankTypes[1].associations[2].bankLockerNumber: 1 is taken by bankTypes[1].associations[1]",
        ),
        (
            SMALL + BANK.replace("Number = 2", "Number = 3"),
            "bankTypes[1].associations: must be numbered from 1 without gaps; 2 is missing",
        ),
        (
            SMALL + BANK.replace("Number = 2", "Number = 0"),
            "bankTypes[1].associations[2].bankLockerNumber: must be an integer",
        ),
        (SMALL + BANK.replace("lockerType =", "kind ="), "bankTypes[1].associations[1].lockerType: is required"),
        (
            '[[bankTypes]]\nfriendlyName = "B"\nassociations = []',
            "bankTypes[1].associations: must be 1 to 256 positions",
        ),
        (SMALL + BANK + BOARD.replace("= 1", "= 2"), "controllers[1].bankTypeId: no bank type has the id 2"),
        (
            SMALL + BANK + BOARD.replace("locks=4", "locks=1"),
            "controllers[1].bankTypeId: the bank has 2 lockers, more than the locks of this board (1)",
        ),
        (SMALL + BANK + BOARD + BOARD, "controllers[2].address: board 0 on this line is taken"),
        (SMALL + BANK + BOARD + BOARD.replace("//a", "//A"), "controllers[2].address: board 0 on this line is taken"),
        (SMALL + BANK + BOARD + 'driver = "wkly"', "controllers[1].driver: must be virtual"),
        (SMALL + BANK + BOARD.replace("locks=4", "locks=4&colour=1"), "controllers[1].address: colour"),
        (SMALL + BANK + BOARD.replace("virtual", "carrier-pigeon"), "controllers[1].address: scheme"),
        (SMALL + BANK + WITH_PASSWORD, "controllers[1].address: credentials"),
        (
            SMALL + BANK + BOARD.replace("virtual://a?locks=4", "a"),
            "controllers[1].address: must be the URL of a board",
        ),
        (SMALL + BANK + BOARD + "commissioned = 1", "controllers[1].commissioned: must be true or false"),
        (TWICE_FIVE, "controllers[2].controllerId: 5 is taken by controllers[1]"),
    ],
)
def test_each_fault_names_table_position_and_key(text: str, fault: str) -> None:
    assert any(found.startswith(fault) for found in faults(text)), faults(text)


def test_every_fault_is_listed_at_once() -> None:
    text = (
        'colour = 1\ntimezone = "Mars"'
        + SMALL.replace("120", "0")
        + BANK
        + BOARD.replace("bankTypeId = 1", "bankTypeId = 9")
    )
    assert [found.split(":")[0] for found in faults(text)] == [
        "colour",
        "lockerTypes[1].heightMm",
        "timezone",
        "controllers[1].bankTypeId",
    ]


def test_a_fault_makes_no_further_faults_elsewhere() -> None:
    assert faults(SMALL.replace("120", "0") + BANK + BOARD) == ["lockerTypes[1].heightMm: must be 1 to 10000"]
    assert len(faults(SMALL + BANK.replace('"Bank"', '""') + BOARD)) == 1


def test_two_names_of_one_serial_port_are_found_out() -> None:
    boards = "".join(
        BOARD.replace("virtual://a?locks=4", f"wkly+serial://{path}?board=1&feedback=closed_is_1")
        for path in ("/dev/ttyUSB0", "/dev/serial/by-id/usb-1")
    )
    links = {"/dev/serial/by-id/usb-1": "/dev/ttyUSB0"}
    found = read_site_file(
        SMALL + BANK + boards, gateway_id="gw", host_name="box", now=NOW, resolve=lambda path: links.get(path, path)
    )
    assert not isinstance(found, SiteFile)
    assert [(fault.table, fault.position, fault.key) for fault in found] == [("controllers", 2, "address")]


def test_a_very_long_file_is_refused_unread() -> None:
    assert faults("#" * (1 << 21)) == ["site file: must be at most 1048576 characters"]
