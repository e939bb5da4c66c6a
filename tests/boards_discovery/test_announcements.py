"""What boards announce on the network, and what anybody else might."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from openharbor.boards.address import parse
from openharbor.boards.discovery import (
    MOST_ANNOUNCEMENTS,
    SERVICE,
    Announcement,
    FoundBoard,
    NotABoard,
    announcement_of,
    found_boards,
    is_known,
    read,
)

TOWER_A = Announcement(
    f"Tower A.{SERVICE}",
    ("fe80::1", "fd00::5", "10.0.0.5"),
    5000,
    {"driver": "kerong-cu16", "lockers": "16", "board": "0", "name": "Tower A"},
)


def changed(**txt: str) -> Announcement:
    return replace(TOWER_A, txt={**TOWER_A.txt, **txt})


def board(announcement: Announcement) -> FoundBoard:
    found = read(announcement)
    assert isinstance(found, FoundBoard), found
    return found


def test_a_board_has_the_address_that_its_announcement_makes_without_feedback() -> None:
    found = board(TOWER_A)
    assert str(found.address) == "kerong-cu16+tcp://10.0.0.5:5000?board=0"
    assert (found.driver, found.name, found.lockers) == ("kerong-cu16", "Tower A", 16)
    assert found.address.feedback is None


@pytest.mark.parametrize(
    ("txt", "address"),
    [
        ({"lockers": "12"}, "kerong-cu16+tcp://10.0.0.5:5000?board=0"),
        ({"driver": "waveshare", "board": "1", "lockers": "16"}, "waveshare+tcp://10.0.0.5:5000?locks=16&unit=1"),
        ({"driver": "modbus-tcp", "board": "3", "lockers": "8"}, "modbus-tcp://10.0.0.5:5000?unit=3"),
        ({"driver": "xor8a80", "board": "1", "lockers": "24"}, "xor8a80+tcp://10.0.0.5:5000?board=1&locks=24"),
    ],
)
def test_each_family_is_addressed_in_its_own_way(txt: dict[str, str], address: str) -> None:
    assert str(board(changed(**txt)).address) == address


def test_ipv6_is_used_where_there_is_no_other_address() -> None:
    found = board(replace(TOWER_A, hosts=("fe80::1", "fd00::5")))
    assert str(found.address) == "kerong-cu16+tcp://[fd00::5]:5000?board=0"


@pytest.mark.parametrize(
    ("announcement", "why"),
    [
        (changed(driver="acme"), "no driver 'acme'"),
        (changed(driver="virtual"), "no driver"),
        (changed(driver=""), "no driver"),
        (changed(lockers="many"), "lockers"),
        (changed(lockers="17"), "from 1 to 16"),
        (changed(lockers="-1"), "lockers"),
        (changed(board="10"), "board"),
        (changed(board="\u0661"), "board"),
        (replace(TOWER_A, hosts=("fe80::1", "nonsense", "0.0.0.0", "224.0.0.251")), "address"),
        (replace(TOWER_A, port=0), "port"),
        (replace(TOWER_A, port=70000), "port"),
    ],
)
def test_what_a_driver_would_refuse_is_no_board(announcement: Announcement, why: str) -> None:
    found = read(announcement)
    assert isinstance(found, NotABoard)
    assert why in found.why


def test_a_name_can_be_shown_whatever_was_announced() -> None:
    assert board(changed(name="a\x00b\n")).name == "a b"
    assert board(changed(name="")).name == "Tower A"
    assert board(replace(changed(name=""), instance=f".{SERVICE}")).name == "Unnamed board"
    assert len(board(changed(name="x" * 255)).name) == 100


def test_each_board_is_found_once_and_a_flood_is_cut() -> None:
    again = replace(TOWER_A, instance=f"Tower A (2).{SERVICE}")
    found, refused = found_boards([TOWER_A, again, changed(driver="acme")])
    assert [str(one.address) for one in found] == ["kerong-cu16+tcp://10.0.0.5:5000?board=0"]
    assert len(refused) == 1
    flood = [replace(TOWER_A, port=number) for number in range(1, 2000)]
    assert len(found_boards(flood)[0]) == MOST_ANNOUNCEMENTS


def test_a_board_is_known_however_its_address_was_written() -> None:
    found = board(TOWER_A)
    assert is_known(found, [parse("kerong-cu16+tcp://10.0.0.5?board=0&feedback=closed_is_1&locks=8")])
    assert not is_known(found, [parse("kerong-cu16+tcp://10.0.0.5?board=1"), parse("virtual://a")])


def test_what_a_board_announces_is_read_as_that_board() -> None:
    address = parse("wkly+tcp://127.0.0.1:4001?board=3&feedback=open_is_1")
    found = board(announcement_of(address, "10.0.0.7", "Hall", 24))
    assert str(found.address) == "wkly+tcp://10.0.0.7:4001?board=3"
    assert (found.name, found.lockers) == ("Hall", 24)
    with pytest.raises(ValueError, match="TCP"):
        announcement_of(parse("virtual://a"), "10.0.0.7", "a", 4)


@given(st.dictionaries(st.sampled_from(["driver", "lockers", "board", "name"]), st.text(max_size=300)), st.text())
def test_nothing_that_is_announced_breaks_a_scan(txt: dict[str, str], host: str) -> None:
    assert read(Announcement("x", (host,), 1, txt))
