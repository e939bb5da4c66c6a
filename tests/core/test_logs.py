"""Logs: masked, bounded, as lines for people or machines, and kept for the API."""

import io
import json
import logging
from collections.abc import Callable, Iterator

import msgspec
import pytest
import structlog

from openharbor.kit.errors import Failed
from openharbor.kit.logs import LogRing, configure, current_request

KEY = "ohgw_" + "0123456789abcdef" * 4
Configure = Callable[..., tuple[LogRing, io.StringIO]]


@pytest.fixture
def logging_to() -> Iterator[Configure]:
    """Configures logs to a text, and puts the configuration of the process back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def configured(
        log_format: str = "json", log_level: str = "debug", terminal: bool = False
    ) -> tuple[LogRing, io.StringIO]:
        stream = Terminal() if terminal else io.StringIO()
        return configure(log_format, log_level, ring=LogRing(first_id=100), stream=stream), stream  # type: ignore[arg-type]  # as flags come

    yield configured
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def filled(count: int, size: int = 10_000) -> LogRing:
    """Entries at 0, 10, 20 … ms, every third one a warning."""
    ring = LogRing(first_id=1, size=size)
    for number in range(count):
        ring.add(number * 10, "warning" if number % 3 == 0 else "info", "test", f"entry {number}", {})
    return ring


def ids(ring: LogRing, level: str = "debug", since: int | None = None, limit: int = 200) -> list[int]:
    return [entry.id for entry in ring.entries(level, since, limit)]


def test_without_a_time_the_newest_entries_come_oldest_first() -> None:
    assert ids(filled(10), limit=3) == [8, 9, 10]


def test_with_a_time_the_first_entries_from_it_on_come() -> None:
    assert ids(filled(10), since=40, limit=3) == [5, 6, 7]
    assert ids(filled(10), since=41, limit=3) == [6, 7, 8]
    assert ids(filled(10), since=91) == []


def test_only_entries_of_at_least_the_level_come() -> None:
    assert ids(filled(10), "warning") == [1, 4, 7, 10]
    assert ids(filled(10), "warning", since=10, limit=2) == [4, 7]
    assert ids(filled(10), "error") == []


def test_a_reader_that_goes_on_from_the_last_time_misses_nothing() -> None:
    ring, seen, since = filled(25), set[int](), 0
    while fresh := [entry for entry in ring.entries("debug", since, 4) if entry.id not in seen]:
        seen |= {entry.id for entry in fresh}
        since = (fresh[-1].id - 1) * 10
    assert seen == set(range(1, 26))


def test_ten_thousand_entries_are_kept_and_the_oldest_goes_first() -> None:
    ring = filled(10_005)
    assert (ids(ring, since=0, limit=1), ids(ring, limit=1)) == ([6], [10_005])


def test_ids_rise_over_a_restart() -> None:
    first = LogRing()
    for _ in range(999):
        first.add(0, "info", "test", "entry", {})
    last = first.entries(limit=1)[0].id
    later = LogRing()
    later.add(0, "info", "test", "entry", {})
    assert later.entries()[0].id > last - 999
    assert last < 2**53  # a number that every JSON reader holds


def test_an_entry_is_that_of_the_contract(logging_to: Configure) -> None:
    ring, stream = logging_to()
    structlog.get_logger("openharbor.opening").warning("Open requested", locker_id=6, transaction_id=None)
    (entry,) = ring.entries()
    assert (entry.id, entry.level, entry.logger, entry.message) == (
        100,
        "warning",
        "openharbor.opening",
        "Open requested",
    )
    assert entry.context == {"lockerId": 6, "transactionId": None}
    assert json.loads(msgspec.json.encode(entry))["timestamp"].endswith("Z")
    line = json.loads(stream.getvalue())
    assert line == {
        "timestamp": entry.timestamp, "level": "warning", "logger": "openharbor.opening",
        "message": "Open requested", "context": {"lockerId": 6, "transactionId": None},
    }  # fmt: skip


def test_nothing_below_the_level_is_written_or_kept(logging_to: Configure) -> None:
    ring, stream = logging_to("json", "warning")
    structlog.get_logger("openharbor.x").info("quiet")
    logging.getLogger("somebody").info("quiet")
    assert (ring.entries(), stream.getvalue()) == ([], "")


def test_loggers_of_libraries_go_the_same_way(logging_to: Configure) -> None:
    ring, _ = logging_to()
    logging.getLogger("somebody.else").warning("%d things with %s", 3, KEY)
    logging.getLogger("uvicorn.error").info("chatter")
    (entry,) = ring.entries()
    assert (entry.level, entry.logger, entry.message) == ("warning", "somebody.else", "3 things with ohgw_***")


def test_secrets_are_masked_in_messages_values_and_tracebacks(logging_to: Configure) -> None:
    ring, stream = logging_to()
    log = structlog.get_logger("openharbor.x")
    log.info(f"shown {KEY}", api_key=KEY, headers={"Authorization": "Bearer abcdefgh", "note": KEY}, password="hunter2")
    try:
        [][len(KEY)]
    except IndexError as error:
        error.add_note(KEY)
        log.exception("failed")
    kept = json.dumps([entry.context for entry in ring.entries()])
    for secret in (KEY, "abcdefgh", "hunter2"):
        assert secret not in stream.getvalue()
        assert secret not in kept
    assert "IndexError" in kept
    assert [entry.level for entry in ring.entries()] == ["info", "error"]


def test_entries_are_bounded_and_can_always_be_sent(logging_to: Configure) -> None:
    ring, stream = logging_to()
    structlog.get_logger("x" * 500).info("m" * 90_000, big="v" * 90_000, number=10**400, odd="\ud800", thing=object(),
                                         many={str(n): "x" * 100 for n in range(1000)}, nan=float("nan"))  # fmt: skip
    (entry,) = ring.entries()
    assert len(entry.logger) == 200
    assert len(msgspec.json.encode(entry)) < 20_000
    assert json.loads(stream.getvalue())["message"] == "m" * 2000


def test_the_id_of_the_request_is_in_what_is_logged_during_it(logging_to: Configure) -> None:
    ring, _ = logging_to()
    before = current_request.set("r-1")
    structlog.get_logger("openharbor.x").info("during")
    current_request.reset(before)
    structlog.get_logger("openharbor.x").info("after")
    assert [entry.context for entry in ring.entries()] == [{"requestId": "r-1"}, {}]


def test_people_get_one_line_each_and_nothing_that_moves_the_cursor(logging_to: Configure) -> None:
    _, stream = logging_to("human")
    structlog.get_logger("openharbor.x").info("Request\r\n answered", path="/a\x1b[2J\nerror: forged")
    (line,) = stream.getvalue().splitlines()
    assert line.isprintable()
    assert "info     openharbor.x: " in line


def test_the_format_follows_the_terminal_unless_it_is_given(logging_to: Configure) -> None:
    for log_format, terminal, is_json in (("auto", False, True), ("auto", True, False), ("json", True, True)):
        _, stream = logging_to(log_format, terminal=terminal)
        structlog.get_logger("openharbor.x").error("hello", n=1)
        assert stream.getvalue().startswith("{") == is_json


def test_a_stream_that_is_gone_stops_nothing(logging_to: Configure) -> None:
    ring, stream = logging_to()
    stream.close()
    structlog.get_logger("openharbor.x").error("hello")
    assert len(ring.entries()) == 1


@pytest.mark.parametrize(
    ("log_format", "log_level", "told"),
    [
        ("xml", "info", "--log-format xml: must be auto, human or json"),
        ("auto", "loud", "--log-level loud: must be debug"),
    ],
)
def test_a_format_or_level_that_there_is_not_is_told(
    logging_to: Configure, log_format: str, log_level: str, told: str
) -> None:
    with pytest.raises(Failed, match=told) as failed:
        logging_to(log_format, log_level)
    assert failed.value.exit_code == 2
