"""One link with a phone, over whatever carries bytes: messages in, one answer each, and its time-outs (2.4)."""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from openharbor.blink import refusals, tower_session
from openharbor.blink.frames import INFO_QUESTION, MOST_WAITING, FrameReader, read_message
from openharbor.blink.refusals import Rejected
from openharbor.kit.errors import Closed
from openharbor.kit.waiting import Signal
from openharbor.tower.app import RunningTower
from openharbor.tower.state import now

log = structlog.get_logger("openharbor.tower")

HALF_MESSAGE_S: Final = 2.0
NO_SESSION_S: Final = 90.0
NEVER_LATER_S: Final = 18.0
LOOK_AGAIN_S: Final = 5.0  # whether the session of a silent link still lives

Send = Callable[[bytes], Awaitable[None]]


class Link:
    """Feed it what arrives and `run` it. `send`: returns when the link has taken the bytes; it may raise OSError.

    `info`: gives the info value, where the question for it is allowed (TCP).
    """

    def __init__(self, running_tower: RunningTower, send: Send, *, info: Callable[[], bytes] | None = None) -> None:
        self._tower, self._send, self._info = running_tower, send, info
        self._clock = running_tower.clock
        self._reader = FrameReader(info=info is not None)
        self._news = Signal()
        self._held = 0  # bytes that wait
        self._failures = 0
        self._session: bytes | None = None  # of its last message that proved to be of a session
        self._working = self._over = False
        self._fed_at = self._since = self._clock.monotonic()

    @property
    def silent_since(self) -> float | None:
        """Since when no whole message came (monotonic s); None while it has a living session, or an answer due."""
        return None if self._working or self._has_session() else self._since

    def feed(self, data: bytes) -> None:
        """Takes bytes as they arrive, in any cut; none after the link was cut."""
        if self._over:
            return
        self._fed_at = self._clock.monotonic()
        self._held += len(data)
        try:
            self._reader.feed(data)
        except Rejected:
            self.cut()
        if self._working and self._has_overrun():
            self.cut()
        self._news.give()

    def cut(self) -> None:
        """Ends it, after the answer that is being sent."""
        self._over = True
        self._news.give()

    async def run(self) -> None:
        """Answers messages until the link has to be cut, then returns. Cancel it when the link is lost."""
        with self._tower.linked(self.cut):
            try:
                while not self._over:
                    await self._step()
            except (Closed, OSError) as error:
                log.debug("A link ended", reason=str(error))

    async def _step(self) -> None:
        """The next message, or a look at what time has come to."""
        try:
            frame = self._reader.next()
        except Rejected as rejected:
            await self._refuse(rejected)
            return
        if frame is not None:
            self._held -= len(frame)
            if self._has_overrun():
                self.cut()
            else:
                await self._answer(frame)
        elif self._reader.half() and self._left(self._fed_at, HALF_MESSAGE_S) <= 0:
            await self._refuse(Rejected(refusals.MSG_CBOR_INVALID, "half a message"))
        elif self._is_idle():
            self.cut()
        else:
            await self._news.within(self._pause(), self._clock)

    async def _refuse(self, rejected: Rejected) -> None:
        """What is no message, in the clear (step 1 of 6.2)."""
        self._reader.drop()
        self._held = 0
        time = now(self._tower.state, self._tower.uptime_ms())
        await self._deliver(tower_session.session_error(rejected.code, time), self._clock.monotonic())
        if rejected.code == refusals.AUTH_SIZE:
            self.cut()

    async def _answer(self, frame: bytes) -> None:
        arrived = self._since = self._fed_at
        self._working = True
        try:
            if self._info is not None and frame == INFO_QUESTION:
                await self._deliver(info_answer(self._info()), arrived)
            else:
                await self._carry_out(frame, arrived)
        finally:
            self._working = False
        self._fed_at = max(self._fed_at, self._clock.monotonic()) if self._reader.half() else self._fed_at

    async def _carry_out(self, frame: bytes, arrived: float) -> None:
        before = self._tower.state.sessions.speaking
        told = await self._tower.received(frame, arrived, self._failures)
        self._failures += told.counted
        speaking = self._tower.state.sessions.speaking
        if speaking is not None and speaking is not before and speaking.session_id == _session_of(frame):
            self._session = speaking.session_id
        if not self._has_overrun():
            await self._deliver(told.frame, arrived)
        if told.cut:
            self.cut()

    async def _deliver(self, frame: bytes, arrived: float) -> None:
        """An answer after 18 s would be taken for the answer to the next message."""
        if self._left(arrived, NEVER_LATER_S) <= 0:
            self.cut()
            return
        await self._send(frame)

    def _has_overrun(self) -> bool:
        """More bytes wait for the tower than it keeps."""
        return self._held > MOST_WAITING

    def _is_idle(self) -> bool:
        return not self._has_session() and self._left(self._since, NO_SESSION_S) <= 0

    def _has_session(self) -> bool:
        speaking = self._tower.state.sessions.speaking
        if speaking is None or speaking.session_id != self._session:
            return False
        return speaking.alive(self._tower.uptime_ms() // 1000)

    def _pause(self) -> float:
        pause = LOOK_AGAIN_S if self._has_session() else self._left(self._since, NO_SESSION_S)
        return min(pause, self._left(self._fed_at, HALF_MESSAGE_S)) if self._reader.half() else pause

    def _left(self, since: float, seconds: float) -> float:
        return since + seconds - self._clock.monotonic()


def info_answer(info: bytes) -> bytes:
    """One byte string with exactly the info value (2.3)."""
    return bytes((0x58, len(info))) + info


def _session_of(frame: bytes) -> object:
    try:
        return read_message(frame).get(22)
    except Rejected:
        return None
