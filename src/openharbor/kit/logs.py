"""Logs: lines for people on a terminal, JSON lines otherwise, and the latest entries in memory for the API.

Everything goes one way, the standard library's loggers too: level, secrets masked, bounded, written, remembered.
Contract: LogEntry and getSystemLogs; cli.md: `--log-format`, `--log-level`.
"""

import logging
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from itertools import islice
from typing import Any, Literal, TextIO

import msgspec

from openharbor.kit.errors import Failed
from openharbor.kit.http.timestamps import rfc3339
from openharbor.kit.masking import mask_field, mask_text

# structlog takes rich in where it finds it, for tracebacks that are written here: 3 MiB in every process
without_rich = "rich" not in sys.modules
if without_rich:
    sys.modules["rich"] = None  # type: ignore[assignment]  # what import takes for a package that is not there
import structlog  # noqa: E402

if without_rich:
    del sys.modules["rich"]

Level = Literal["debug", "info", "warning", "error", "critical"]
Format = Literal["auto", "human", "json"]

FORMATS = ("auto", "human", "json")
LEVELS: Mapping[str, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
COLOURS: Mapping[str, str] = {"debug": "2", "warning": "33", "error": "31", "critical": "1;31"}
QUIET = {"uvicorn.error": logging.ERROR, "alembic": logging.WARNING, "asyncio": logging.WARNING}
LONGEST_TEXT, LONGEST_TRACEBACK, MOST_VALUES = 2000, 8000, 40
# 1,000 ids for each millisecond before the start: ids rise over restarts as long as the clock does.
IDS_PER_MS = 1000

current_request: ContextVar[str | None] = ContextVar("current_request", default=None)
encode = msgspec.json.Encoder(enc_hook=str).encode


class LogEntry(msgspec.Struct, frozen=True):
    """One line of the log (contract, LogEntry)."""

    id: int
    timestamp: str
    level: str
    logger: str
    message: str
    context: dict[str, object]


class LogRing:
    """The latest entries. `first_id`: the id of the first one, so that ids rise over restarts."""

    def __init__(self, first_id: int | None = None, size: int = 10_000) -> None:
        self._next_id = first_id if first_id is not None else time.time_ns() // 1_000_000 * IDS_PER_MS
        self._entries: deque[tuple[int, LogEntry]] = deque(maxlen=size)
        self._lock = threading.Lock()

    def add(self, at: int, level: str, logger: str, message: str, context: dict[str, object]) -> None:
        """Remembers an entry of the time `at` (ms since 1970, UTC); the oldest one makes room."""
        timestamp = rfc3339(at)
        with self._lock:
            self._entries.append((at, LogEntry(self._next_id, timestamp, level, logger[:200], message, context)))
            self._next_id += 1

    def entries(self, level: str = "debug", since: int | None = None, limit: int = 200) -> list[LogEntry]:
        """Entries of at least this level, oldest first: from `since` (ms) the first ones, without it the newest."""
        lowest = LEVELS[level]
        with self._lock:
            kept = list(self._entries)
        if since is None:
            fitting = (entry for _, entry in reversed(kept) if LEVELS[entry.level] >= lowest)
            return list(islice(fitting, limit))[::-1]
        return list(islice((one for at, one in kept if at >= since and LEVELS[one.level] >= lowest), limit))


class Output:
    """Where entries go: the ring, and a stream as lines of one format."""

    def __init__(self, ring: LogRing, stream: TextIO, *, human: bool, colour: bool) -> None:
        self._ring, self._stream, self._human, self._colour = ring, stream, human, colour
        self._lock = threading.Lock()

    def write(self, level: str, logger: str, message: str, values: Mapping[str, Any]) -> None:
        """Masks, bounds, remembers and writes one entry. A stream that is gone must not stop the service."""
        at = time.time_ns() // 1_000_000
        message, context = _text(mask_text(message)), _context(values)
        self._ring.add(at, level, logger, message, context)
        line = self._line(at, level, logger, message, context)
        with self._lock, suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    def _line(self, at: int, level: str, logger: str, message: str, context: dict[str, object]) -> str:
        if self._human:
            return _human_line(at, level, logger, message, context, colour=self._colour)
        entry = {"timestamp": rfc3339(at), "level": level, "logger": logger, "message": message, "context": context}
        return encode(entry).decode()


class Standard(logging.Handler):
    """The standard library's records, on the same way."""

    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        values = {} if record.exc_info is None else {"exc_info": record.exc_info}
        level = next((name for name, number in reversed(list(LEVELS.items())) if record.levelno >= number), "debug")
        try:
            self._output.write(level, record.name, record.getMessage(), values)
        except Exception:  # a record that cannot be formatted is the library's affair
            self.handleError(record)


def configure(
    log_format: Format = "auto",
    log_level: Level = "info",
    *,
    ring: LogRing | None = None,
    stream: TextIO | None = None,
) -> LogRing:
    """Sends all logs of this process to `stream` (stderr), and to the ring that it returns.

    Raises Failed (exit code 2) for a format or level that there is not.
    """
    if log_level not in LEVELS:
        raise Failed(f"--log-level {log_level}: must be debug, info, warning, error or critical", 2)
    if log_format not in FORMATS:
        raise Failed(f"--log-format {log_format}: must be auto, human or json", 2)
    ring = LogRing() if ring is None else ring
    stream = sys.stderr if stream is None else stream
    terminal = stream.isatty()
    output = Output(ring, stream, human=log_format == "human" or (log_format == "auto" and terminal), colour=terminal)

    def send(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        name = "error" if method in ("exception", "err") else "warning" if method == "warn" else method
        output.write(name, logger.name, str(event.pop("event", "")), event)
        raise structlog.DropEvent

    structlog.configure(
        processors=[send],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[log_level]),
        logger_factory=_Named,
        cache_logger_on_first_use=False,  # loggers are made at import, before this is called
    )
    _take_over_standard(output, LEVELS[log_level])
    return ring


class _Named:
    """What structlog binds to: nothing but the logger's name."""

    def __init__(self, name: str = "openharbor") -> None:
        self.name = name

    def __getattr__(self, _method: str) -> Any:
        return self._ignore

    def _ignore(self, *_args: object) -> None:
        """Entries were written by the last processor."""


def _take_over_standard(output: Output, level: int) -> None:
    root = logging.getLogger()
    root.handlers[:] = [*(one for one in root.handlers if not isinstance(one, Standard)), Standard(output)]
    root.setLevel(level)
    for name, lowest in QUIET.items():
        logging.getLogger(name).setLevel(max(level, lowest))


def _context(values: Mapping[str, Any]) -> dict[str, object]:
    request = current_request.get()
    context: dict[str, object] = {} if request is None else {"requestId": request}
    for name, value in islice(values.items(), MOST_VALUES):
        if name == "exc_info":
            told = _traceback(value)
            if told:
                context["exception"] = told
        else:
            context[_camel(name)] = _bounded(mask_field(name, value))
    return context


def _traceback(error: object) -> str:
    if error is True:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    if not isinstance(error, BaseException):
        return ""
    told = mask_text("".join(traceback.format_exception(error)))[-LONGEST_TRACEBACK:]
    return told.encode("utf-8", "replace").decode()


def _bounded(value: object) -> object:
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else str(value)[:LONGEST_TEXT]
    if isinstance(value, str):
        return _text(value)
    text = encode(value).decode()
    return msgspec.json.decode(text) if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT]


def _text(value: str) -> str:
    """Bounded, and encodable: a file's name may hold bytes that are no text."""
    return value[:LONGEST_TEXT].encode("utf-8", "replace").decode()


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _human_line(at: int, level: str, logger: str, message: str, context: Mapping[str, object], *, colour: bool) -> str:
    context = dict(context)
    trace = context.pop("exception", None)
    told = " ".join(f"{name}={_printable(value)}" for name, value in context.items())
    label = f"\x1b[{COLOURS[level]}m{level:<8}\x1b[0m" if colour and level in COLOURS else f"{level:<8}"
    line = f"{rfc3339(at)} {label} {logger}: {_printable(message)}{'  ' + told if told else ''}"
    return line if trace is None else f"{line}\n{trace}"


def _printable(value: object) -> str:
    """One line without control characters: what a caller sent must not move the cursor or look like another entry."""
    text = str(value)
    return text if text.isprintable() else ascii(text)
