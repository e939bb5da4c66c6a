"""Connection URLs: one canonical form, one line for one bus, and every fault named."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openharbor.boards.address import (
    Address,
    AddressError,
    Conflict,
    conflicts,
    parse,
    silence_ms,
    warnings,
)
from openharbor.boards.address_parameters import show_sensors
from openharbor.boards.protocols.families import FAMILIES

from .vectors import META

TCP = "wkly+tcp://10.0.0.7:4001"

CANONICAL = [
    ("kerong-cu16+tcp://10.0.0.5:5000?board=0&feedback=closed_is_1",) * 2,
    ("kerong-cu16+tcp://10.0.0.5?feedback=none&board=0", "kerong-cu16+tcp://10.0.0.5:5000?board=0&feedback=none"),
    (
        "kerong-cu16+serial:///dev/ttyUSB0?board=0&baudrate=9600&feedback=closed_is_1",
        "kerong-cu16+serial:///dev/ttyUSB0?baudrate=9600&board=0&feedback=closed_is_1",
    ),
    ("kerong-cu24+serial:///dev/ttyUSB0?board=1",) * 2,
    ("kerong-cu48+tcp://10.0.0.5:5000?board=0&reply_layout=count", "kerong-cu48+tcp://10.0.0.5:5000?board=0"),
    (
        "xor8a80+serial:///dev/ttyUSB0?board=1&locks=24&feedback=open_is_1",
        "xor8a80+serial:///dev/ttyUSB0?board=1&feedback=open_is_1&locks=24",
    ),
    ("wkly+serial:///dev/ttyUSB0?board=0&feedback=closed_is_1",) * 2,
    ("wkly+tcp://10.0.0.7:4001?board=3",) * 2,
    (
        "waveshare+serial:///dev/ttyUSB0?unit=1&locks=8&feedback=closed_is_1",
        "waveshare+serial:///dev/ttyUSB0?feedback=closed_is_1&unit=1",
    ),
    ("waveshare+tcp://10.0.0.8:4196?unit=1",) * 2,
    ("modbus-tcp://10.0.0.8:502?unit=1&locks=8", "modbus-tcp://10.0.0.8:502?unit=1"),
    ("modbus-tcp://10.0.0.8?unit=1", "modbus-tcp://10.0.0.8:502?unit=1"),
    (
        "winnsen+serial:///dev/ttyUSB0?board=1&status_order=status_first",
        "winnsen+serial:///dev/ttyUSB0?board=1",
    ),
    ("virtual://demo?lockers=16", "virtual://demo"),
    ("virtual://demo?lockers=4", "virtual://demo?locks=4"),
    ("virtual://Demo?board=0&feedback=closed_is_1&speaks=wkly", "virtual://demo"),
    ("virtual://demo?speaks=waveshare&unit=2", "virtual://demo?speaks=waveshare&unit=2"),
    ("WKLY+TCP://Converter.LAN.:4001/?board=01", "wkly+tcp://converter.lan:4001?board=1"),
    ("wkly+tcp://[FD00:0:0::7]:4001?board=1", "wkly+tcp://[fd00::7]:4001?board=1"),
    ("wkly+tcp://[::ffff:10.0.0.7]:4001?board=1", "wkly+tcp://10.0.0.7:4001?board=1"),
    ("wkly+serial:////dev/../dev//ttyUSB0?board=1", "wkly+serial:///dev/ttyUSB0?board=1"),
    ("wkly+serial:///dev/%74ty%20a?board=1", "wkly+serial:///dev/tty%20a?board=1"),
    ("wkly+tcp://a:1?board=1&sensors=10,3-5,1,2", "wkly+tcp://a:1?board=1&sensors=1-5,10"),
    ("wkly+tcp://a:1?board=1&echo=auto&read_ms=300&poll_ms=500", "wkly+tcp://a:1?board=1"),
    ("wkly+tcp://a:1?board=1&native_open_all=1&echo=0", "wkly+tcp://a:1?board=1&echo=0&native_open_all=1"),
]

REFUSED = [
    ("", "address", "printable"),
    ("wkly+tcp://a:1?board=1&supply=a b", "address", "printable ASCII without spaces"),
    (f"{TCP}?board=1&supply={'a' * 250}", "address", "at most 255 characters, not 290"),
    ("10.0.0.5:5000", "scheme", "must begin with one of kerong-cu16, .*, virtual"),
    ("ftp://10.0.0.5", "scheme", "must begin with one of"),
    ("wkly://10.0.0.7:4001?board=1", "scheme", r"must be wkly\+serial or wkly\+tcp"),
    ("wkly+udp://10.0.0.7:4001?board=1", "scheme", r"must be wkly\+serial or wkly\+tcp"),
    ("virtual+tcp://demo", "scheme", "must be virtual alone"),
    ("modbus-tcp+serial:///dev/x?unit=1", "scheme", "must be modbus-tcp alone"),
    ("wkly+tcp://me:secret@a:1?board=1", "credentials", "must not stand in an address"),
    ("wkly+tcp://me@a:1?board=1", "credentials", "must not stand in an address"),
    ("wkly+tcp://a:1?board=1#x", "fragment", "must not"),
    ("wkly+tcp://a:1/dev?board=1", "path", "belongs to serial addresses only"),
    ("wkly+serial://dev/ttyUSB0?board=1", "path", "must be absolute"),
    ("wkly+serial:///?board=1", "path", "must name a device"),
    ("wkly+serial:///dev/%00?board=1", "path", "printable"),
    ("wkly+serial:///dev/%FF?board=1", "path", "must be UTF-8"),
    ("virtual://", "name", "1 to 64 letters"),
    ("virtual://a:1", "name", "1 to 64 letters"),
    ("wkly+tcp://:4001?board=1", "host", "must be an IP address or a host name"),
    ("wkly+tcp://10.0.0.256:1?board=1", "host", "must be an IP address"),
    ("wkly+tcp://010.0.0.1:1?board=1", "host", "must be an IP address"),
    ("wkly+tcp://[::1:1?board=1", "host", "cannot be read"),
    ("wkly+tcp://[fe80::1%eth0]:1?board=1", "host", "without a zone"),
    ("wkly+tcp://a?board=1", "port", "must be given"),
    ("wkly+tcp://a:0?board=1", "port", "from 1 to 65535"),
    ("wkly+tcp://a:65536?board=1", "port", "from 1 to 65535"),
    ("wkly+tcp://a:http?board=1", "port", "from 1 to 65535"),
    (TCP, "board", "must be given"),
    ("modbus-tcp://10.0.0.8", "unit", "must be given"),
    ("modbus-tcp://10.0.0.8?board=1", "board", "no parameter of this address; known are .*unit"),
    (f"{TCP}?board=32", "board", "whole number from 0 to 31"),
    (f"{TCP}?board=-1", "board", "whole number from 0 to 31"),
    (f"{TCP}?board=%C2%B2", "board", "whole number from 0 to 31"),
    ("kerong-cu16+tcp://a?board=10", "board", "whole number from 0 to 9"),
    ("kerong-cu16+tcp://a?board=15", "board", "whole number from 0 to 9"),
    ("waveshare+tcp://a:1?unit=0", "unit", "whole number from 1 to 247"),
    ("waveshare+tcp://a:1?unit=248", "unit", "whole number from 1 to 247"),
    ("xor8a80+tcp://a:1?board=32&locks=8", "board", "from 1 to 31"),
    ("xor8a80+tcp://a:1?board=201&board_max=200&locks=8", "board", "from 1 to 200"),
    ("xor8a80+tcp://a:1?board=1", "locks", "must be given for this driver"),
    ("winnsen+tcp://a:1?board=1&locks=17", "locks", "from 1 to 16"),
    (f"{TCP}?board=1&locks=0", "locks", "from 1 to 64"),
    (f"{TCP}?board=1&locks=4&lockers=4", "locks", "must be given once"),
    (f"{TCP}?board=1&board=1", "board", "must be given once"),
    (f"{TCP}?board=1&feedback=closed", "feedback", "one of closed_is_1, open_is_1, none"),
    (f"{TCP}?board=1&locks=4&sensors=5", "sensors", "locks from 1 to 4"),
    (f"{TCP}?board=1&sensors=3-1", "sensors", "such as 1-8,10"),
    (f"{TCP}?board=1&sensors=", "sensors", "such as 1-8,10"),
    (f"{TCP}?board=1&baudrate=9600", "baudrate", "is no parameter of this address"),
    (f"{TCP}?board=1&reply_layout=etx", "reply_layout", "is no parameter of this address"),
    (f"{TCP}?board=1&speaks=wkly", "speaks", "is no parameter of this address"),
    ("virtual://demo?speaks=ftp", "speaks", "must be one of"),
    (f"{TCP}?board=1&", "query", "name=value pairs"),
    (f"{TCP}?=1", "query", "must have names"),
    (f"{TCP}?board=1&%0A=1", "query", "must have names"),
    (f"{TCP}?board=1&pulse_ms=2001", "pulse_ms", "from 1 to 2000"),
    (f"{TCP}?board=1&supply=-", "supply", "must be a name"),
    ("wkly+serial:///dev/x?board=1&baudrate=9601", "baudrate", "one of 1200"),
    ("wkly+serial:///dev/x?board=1&parity=odd", "parity", "one of N, E, O"),
    ("xor8a80+tcp://a:1?board=1&locks=9&status_bytes=1&echo=0", "status_bytes", "enough for 9 locks"),
    ("xor8a80+tcp://a:1?board=1&locks=8&status_bytes=1", "echo", "must be 0 or 1 with status_bytes=1"),
]


@pytest.mark.parametrize(("url", "canonical"), CANONICAL)
def test_an_address_has_one_canonical_form(url: str, canonical: str) -> None:
    assert str(parse(url)) == canonical
    assert parse(canonical) == parse(url)


@pytest.mark.parametrize(("url", "parameter", "message"), REFUSED)
def test_a_faulty_address_is_refused_with_the_part_named(url: str, parameter: str, message: str) -> None:
    with pytest.raises(AddressError, match=message) as refused:
        parse(url)
    assert refused.value.parameter == parameter
    assert str(refused.value).startswith(f"{parameter} ")


def test_a_canonical_form_that_grows_too_long_is_refused_at_once() -> None:
    with pytest.raises(AddressError, match="canonical form"):
        parse(f"kerong-cu16+serial:///dev/{'[' * 220}?board=1")


@pytest.mark.parametrize("row", META["silent_interval"])
def test_the_silence_before_a_frame_follows_from_the_speed(row: dict[str, int]) -> None:
    assert silence_ms(row["baud"], row["bits_per_char"]) == row["ms"]


def test_serial_settings_make_the_silence_unless_it_is_given() -> None:
    told = [
        parse(f"wkly+serial:///dev/x?board=1{more}").silence_ms
        for more in ("", "&parity=E", "&stopbits=2", "&baudrate=4800", "&silence_ms=12")
    ]
    assert told == [5, 6, 6, 9, 12]


def test_over_tcp_the_converter_owns_the_wire() -> None:
    address = parse(f"{TCP}?board=1")
    assert (address.silence_ms, address.gap_ms, address.quiet_ms) == (0, 20, 50)
    assert parse("wkly+serial:///dev/x?board=1").quiet_ms == 20


def test_defaults_are_those_of_the_family() -> None:
    relay = parse("modbus-tcp://10.0.0.8?unit=1")
    winnsen = parse("winnsen+serial:///dev/x?board=1")
    assert (relay.locks, relay.read_ms, relay.unlock_ms, relay.echo, relay.feedback) == (8, 300, 300, False, None)
    assert (winnsen.locks, winnsen.read_ms, winnsen.unlock_ms, winnsen.echo) == (16, 500, 3000, None)
    assert parse(f"{TCP}?board=1").locks is None


def test_a_virtual_board_speaks_wkly_and_knows_its_polarity() -> None:
    address = parse("virtual://demo?lockers=16")
    assert (address.driver, address.family, address.locks, address.feedback) == ("virtual", "wkly", 16, "closed_is_1")
    assert parse("virtual://demo?speaks=kerong-cu24").locks == 24


def test_the_driver_is_the_scheme_without_its_transport() -> None:
    assert [parse(url).driver for url, _ in CANONICAL[:3]] == ["kerong-cu16"] * 3
    assert parse("modbus-tcp://10.0.0.8?unit=1").driver == "modbus-tcp"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kerong-cu16+tcp://a:5000?board=0", "kerong-cu16+tcp://A.?board=1"),
        ("wkly+serial:///dev/ttyUSB0?board=0", "wkly+serial:///dev/./ttyUSB0?board=1&poll_ms=700"),
        ("wkly+tcp://localhost:4001?board=0", "wkly+tcp://127.0.0.1:4001?board=1"),
        ("wkly+tcp://[::ffff:127.0.0.1]:4001?board=0", "wkly+tcp://127.0.0.1:4001?board=1"),
        ("virtual://demo", "virtual://DEMO?board=1"),
    ],
)
def test_one_bus_has_one_line_however_it_is_written(one: str, other: str) -> None:
    assert parse(one).line == parse(other).line
    assert parse(one).supply_key == parse(other).line


def test_a_supply_may_reach_across_buses() -> None:
    one = parse("wkly+serial:///dev/a?board=0&supply=left")
    other = parse("wkly+serial:///dev/b?board=0&supply=left")
    assert (one.line != other.line, one.supply_key == other.supply_key) == (True, True)
    assert one.supply_key != parse("virtual://left").supply_key


def test_only_wired_locks_are_sensed() -> None:
    address = parse(f"{TCP}?board=1&feedback=open_is_1&sensors=1-2,4")
    assert [lock for lock in range(1, 6) if address.senses(lock)] == [1, 2, 4]
    assert not parse(f"{TCP}?board=1&feedback=none").senses(1)
    assert not parse(f"{TCP}?board=1").senses(1)


def test_two_controllers_with_one_bus_and_address_conflict() -> None:
    addresses = {
        1: parse("kerong-cu16+tcp://a:5000?board=0&feedback=closed_is_1"),
        2: parse("kerong-cu16+tcp://a:5000?board=1"),
        7: parse("kerong-cu16+tcp://A?board=0"),
    }
    assert conflicts(addresses) == [Conflict(1, 7, "board 0 on this line is taken")]


def test_one_line_has_one_family_and_one_speed() -> None:
    addresses = {
        1: parse("wkly+serial:///dev/a?board=0"),
        2: parse("winnsen+serial:///dev/a?board=1"),
        3: parse("wkly+serial:///dev/a?board=2&baudrate=4800&parity=E"),
    }
    messages = [conflict.message for conflict in conflicts(addresses)]
    assert messages == [
        "the line already carries wkly; two families on one line are not supported",
        "the line already runs at 9600 8N1",
    ]


def test_links_to_one_device_are_one_line_where_the_disk_says_so() -> None:
    addresses = {1: parse("wkly+serial:///dev/serial/by-id/x?board=0"), 2: parse("wkly+serial:///dev/ttyUSB0?board=0")}
    assert conflicts(addresses) == []
    assert [(one.first, one.second) for one in conflicts(addresses, lambda _: "/dev/ttyUSB0")] == [(1, 2)]


def test_a_real_board_without_feedback_is_a_warning() -> None:
    assert "feedback is not set" in warnings(parse(f"{TCP}?board=1"))[0]
    assert warnings(parse(f"{TCP}?board=1&feedback=none")) == ()
    assert warnings(parse("virtual://demo")) == ()


@pytest.mark.parametrize(
    ("host", "warned"),
    [
        *[(host, 0) for host in ("10.0.0.5", "127.0.0.1", "[fd00::1]", "converter", "converter.lan")],
        *[(host, 1) for host in ("8.8.8.8", "[2a00::1]", "locks.example.com")],
    ],
)
def test_a_converter_outside_private_ranges_is_a_warning(host: str, warned: int) -> None:
    told = warnings(parse(f"wkly+tcp://{host}:4001?board=1&feedback=closed_is_1"))
    assert ["private address" in message for message in told] == [True] * warned


def test_relay_boards_have_eight_inputs_at_most() -> None:
    assert "8 inputs" in warnings(parse("waveshare+tcp://10.0.0.8:1?unit=1&locks=16&feedback=open_is_1"))[0]


@given(st.frozensets(st.integers(1, 64), min_size=1))
def test_sensors_are_written_so_that_they_read_the_same(sensors: frozenset[int]) -> None:
    assert parse(f"{TCP}?board=1&sensors={show_sensors(sensors)}").sensors == sensors


@st.composite
def addresses(draw: st.DrawFn) -> Address:
    """Any driver in any place, with some of its settings."""
    family = FAMILIES[draw(st.sampled_from(sorted(FAMILIES)))]
    place = draw(st.sampled_from(["+serial:///dev/ttyUSB0", "+tcp://10.0.0.5:4001", "virtual"]))
    if place == "virtual":
        start = "virtual://demo"
    else:
        start = f"{family.name}{place}" if family.serial else f"{family.name}://[fd00::5]:1502"
    given: dict[str, object] = {
        family.address_name: draw(st.sampled_from(family.boards)),
        "locks": draw(st.sampled_from(family.locks)),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(SETTINGS)), unique=True, max_size=6))
    given |= {name: draw(SETTINGS[name]) for name in chosen}
    if place == "virtual":
        given["speaks"] = family.name
    return parse(f"{start}?{'&'.join(f'{name}={value}' for name, value in given.items())}")


SETTINGS: dict[str, st.SearchStrategy[object]] = {
    "feedback": st.sampled_from(["closed_is_1", "open_is_1", "none"]),
    "sensor": st.sampled_from(["hook", "door"]),
    "supply": st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?", fullmatch=True),
    "read_ms": st.integers(10, 10_000),
    "unlock_ms": st.integers(10, 20_000),
    "pulse_ms": st.integers(1, 2_000),
    "quiet_ms": st.integers(1, 1_000),
    "poll_ms": st.integers(50, 60_000),
    "fast_poll_ms": st.integers(10, 60_000),
    "min_repeat_ms": st.integers(0, 60_000),
}


@settings(max_examples=200, deadline=None)
@given(addresses())
def test_reading_what_was_printed_gives_the_same_address(address: Address) -> None:
    assert parse(str(address)) == address
    assert str(parse(str(address))) == str(address)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.text().map(lambda rest: f"{TCP}?{rest}"), st.text().map(lambda at: f"wkly+tcp://{at}")))
def test_any_text_is_an_address_or_refused_by_name(text: str) -> None:
    try:
        assert parse(str(parse(text))) == parse(text)
    except AddressError as error:
        refused = error
    else:
        return
    assert refused.parameter
