"""Options of a cabinet: ranges, and the URLs that show them."""

import pytest

from core.emulator.rig import Rig
from openharbor.boards.emulator.addresses import url
from openharbor.boards.emulator.emulator import Emulator
from openharbor.boards.emulator.model import Options


@pytest.mark.parametrize(
    ("family", "boards", "locks", "options", "message"),
    [
        ("cu99", (0,), 8, {}, "protocol 'cu99' is none of kerong-cu16, "),
        ("kerong-cu16", (10,), 8, {}, "board must be 0 to 9, not 10"),
        ("xor8a80", (0,), 8, {}, "board must be 1 to 31, not 0"),
        ("waveshare", (248,), 8, {}, "unit must be 1 to 247, not 248"),
        ("kerong-cu16", (0, 0), 8, {}, "board 0 is taken"),
        ("kerong-cu16", (0,), 17, {}, "locks must be 1 to 16 for kerong-cu16, not 17"),
        ("wkly", (0,), 65, {}, "locks must be 1 to 64 for wkly, not 65"),
        ("wkly", (0,), 8, {"pulse_ms": -1}, "pulse_ms must be 0 to 600000, not -1"),
        ("wkly", (0,), 8, {"pulse_tolerance_percent": 51}, "pulse_tolerance_percent must be 0 to 50, not 51"),
        ("xor8a80", (1,), 8, {"status_bytes": 8}, "status_bytes must be 1 to 7, not 8"),
    ],
)
def test_an_option_out_of_range_is_refused_with_its_limit(
    family: str, boards: tuple[int, ...], locks: int, options: Options, message: str
) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        Rig(family, boards, locks, **options)
    assert str(refused.value).startswith(message)


def test_a_family_without_a_serial_form_has_no_terminal() -> None:
    with pytest.raises(ValueError, match="modbus-tcp has no pty line, only tcp, pipe"):
        Emulator("modbus-tcp", transport="pty")


@pytest.mark.parametrize(
    ("family", "locks", "place", "options", "expected"),
    [
        (
            *("kerong-cu16", None, "tcp://127.0.0.1:5000", {}),
            "kerong-cu16+tcp://127.0.0.1:5000?board=0&feedback=closed_is_1",
        ),
        (
            *("kerong-cu48", 20, "serial:///tmp/tty", {"reply_layout": "etx"}),
            "kerong-cu48+serial:///tmp/tty?board=0&feedback=closed_is_1&locks=20&reply_layout=etx",
        ),
        (
            *("waveshare", None, "tcp://[::1]:4196", {"feedback": "open_is_1"}),
            "waveshare+tcp://[::1]:4196?feedback=open_is_1&unit=1",
        ),
        (
            *("modbus-tcp", None, "tcp://127.0.0.1:502", {}),
            "modbus-tcp://127.0.0.1:502?feedback=closed_is_1&unit=1",
        ),
        (
            *("winnsen", None, "tcp://127.0.0.1:1", {"status_order": "lock_first"}),
            "winnsen+tcp://127.0.0.1:1?board=0&feedback=open_is_1&status_order=lock_first",
        ),
        (
            *("xor8a80", 8, "tcp://127.0.0.1:1", {"status_bytes": 1}),
            "xor8a80+tcp://127.0.0.1:1?board=1&feedback=closed_is_1&locks=8&status_bytes=1",
        ),
        (
            *("wkly", 24, "tcp://127.0.0.1:1", {"sequence_count": False}),
            "wkly+tcp://127.0.0.1:1?board=0&feedback=closed_is_1&locks=24&sequence_count=0",
        ),
        ("wkly", 16, "virtual://demo", {}, "virtual://demo"),
        ("kerong-cu16", 12, "virtual://demo", {}, "virtual://demo?locks=12&speaks=kerong-cu16"),
    ],
)
def test_a_url_is_canonical_and_ready_to_use(
    family: str, locks: int | None, place: str, options: Options, expected: str
) -> None:
    rig = Rig(family, None, locks, **options)
    assert url(rig.cabinet, next(iter(rig.cabinet.boards)), place) == expected


def test_a_url_of_a_board_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="board 3 is none of 0, 1"):
        url(Rig("wkly", (0, 1)).cabinet, 3, "tcp://127.0.0.1:1")
