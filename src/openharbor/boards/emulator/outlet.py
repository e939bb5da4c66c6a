"""What leaves a line: one chunk after another, in time, to whoever is connected."""

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from openharbor.boards.emulator.damage import Chunk
from openharbor.boards.emulator.faults import Faults
from openharbor.boards.emulator.timeline import Timeline
from openharbor.boards.emulator.trace import Trace


class Link(Protocol):
    """One connection to the line, as its face sees it."""

    def send(self, data: bytes) -> None: ...

    def reset(self) -> None: ...


class Outlet:
    """A queue, because a line carries one thing at a time. `link` None: everybody."""

    def __init__(self, timeline: Timeline, trace: Trace, faults: Faults, links: Callable[[], list[Link]]) -> None:
        self._timeline = timeline
        self._trace = trace
        self._faults = faults
        self._links = links
        self._queue: deque[tuple[float, bytes, Link | None]] = deque()
        self._waiting = False

    def put(self, chunks: Iterable[Chunk], link: Link | None) -> None:
        """Sends chunks, each after its silence, behind what is being sent."""
        self._queue.extend((gap, data, link) for gap, data in chunks)
        self._pump()

    def _pump(self) -> None:
        while self._queue and not self._waiting:
            gap, data, link = self._queue.popleft()
            if gap > 0:
                self._waiting = True
                self._timeline.after(gap, partial(self._after_gap, data, link))
            else:
                self._send(data, link)

    def _after_gap(self, data: bytes, link: Link | None) -> None:
        self._waiting = False
        self._send(data, link)
        self._pump()

    def _send(self, data: bytes, link: Link | None) -> None:
        reset = self._faults.take("tcp_reset")
        if reset:
            data = data[: int(reset.number("at_byte"))]
        if self._faults.active("tcp_half_open"):
            return
        if data:
            self._trace.add("out", data=data)
        for receiver in self._links() if link is None else [one for one in self._links() if one is link]:
            if data:
                receiver.send(data)
            if reset:
                receiver.reset()
