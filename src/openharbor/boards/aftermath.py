"""What follows a pulse: waiting for the door as long as the table of outcomes needs (lock-boards.md 4.6)."""

from dataclasses import dataclass

from openharbor.boards.asking import Asking
from openharbor.boards.door_events import DoorWatch
from openharbor.boards.doors import Doors
from openharbor.boards.judgement import Evidence, Sensor, judge
from openharbor.boards.outcomes import Acknowledgement, DoorState, OpenOutcome
from openharbor.boards.reading import Reading
from openharbor.boards.timing import AFTER_PROOF_S, LONGEST_ATTEMPT_S, BoardTimes, Settings
from openharbor.boards.turns import Priority
from openharbor.kit.clock import Clock

ONE_MORE_READ_S = 0.5  # for a door whose last reading differs when its time is up
LATELY_S = 0.5  # before the end of the window: how old the reading may be that speaks for a shut door


@dataclass(slots=True, eq=False)
class Shot:
    """An unlock that may have reached its board. Times in monotonic seconds. `refusal`: why the board did not obey.

    `answered_next`: whether the board answered the status read after its silence; None: not asked yet.
    `unseen`: the door could not be read at the end of its window.
    """

    lock: int
    asked_at: float
    sent_at: float
    sensor: Sensor
    watch: DoorWatch
    ack: Acknowledgement = "none"
    refusal: str = ""
    answered_next: bool | None = None
    unseen: bool = False

    @property
    def ends_at(self) -> float:
        return self.sent_at + LONGEST_ATTEMPT_S


class Aftermath:
    """Judges the shots of one board. `silent_ack`: its family may leave an unlock unanswered."""

    def __init__(
        self,
        asking: Asking,
        reading: Reading,
        doors: Doors,
        times: BoardTimes,
        *,
        silent_ack: bool,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._asking, self._reading, self._doors, self._times = asking, reading, doors, times
        self._silent_ack, self._settings, self._clock = silent_ack, settings, clock

    async def conclude(self, shot: Shot) -> OpenOutcome:
        """Waits for what the door does, and judges."""
        proof = await self._gather(shot)
        evidence = self._evidence(shot, proof)
        outcome = judge(evidence)
        if shot.sensor in ("usable", "suspect"):
            acknowledged = shot.ack == "positive" or evidence.answered_next
            self._doors.judged(shot.lock, outcome, acknowledged=acknowledged)
        return outcome

    async def board_answers(self, shot: Shot) -> bool:
        """Whether the board answers a status read after it was silent to this shot (row 6; 4.2 open_all)."""
        answers = await self._asking.read(Priority.REFRESH, shot.ends_at)
        if shot.answered_next is None:
            shot.answered_next = answers
        return answers

    async def _gather(self, shot: Shot) -> DoorState:
        """Waits as long as the table needs. What a read after the proof time shows, if it came to one."""
        obeyed = shot.ack == "positive"
        if shot.ack == "none" and self._silent_ack:
            if shot.answered_next is None:
                await self.board_answers(shot)
            obeyed = bool(shot.answered_next)
        if shot.sensor in ("ignored", "none") or shot.watch.opened:
            return "unknown"
        if obeyed:
            await self._wait_for_door(shot)
        elif shot.ack == "negative" and shot.watch.before == "closed":
            await self._until_opened(shot.watch, shot.sent_at + self._pulse_s() + AFTER_PROOF_S)
        elif shot.ack == "none" and shot.watch.before != "open":
            return await self._prove(shot)
        return "unknown"

    async def _wait_for_door(self, shot: Shot) -> None:
        """For the detection window; a door that stood open already, or is first read as open, ends it."""
        window = min(self._settings().open_detection_seconds, LONGEST_ATTEMPT_S - ONE_MORE_READ_S)
        end, watch = shot.sent_at + window, shot.watch
        while not watch.opened and (left := end - self._clock.monotonic()) > 0:
            if watch.before != "closed" and self._doors.state(shot.lock) == "open":
                return
            await watch.moved.within(left, self._clock)
        if not watch.opened and self._doors.is_unsettled(shot.lock):
            await watch.moved.within(ONE_MORE_READ_S, self._clock)
        if not watch.opened and self._is_old(shot.lock, end - LATELY_S):
            readings = await self._reading.refresh(self._clock.monotonic() + ONE_MORE_READ_S, shot.lock)
            shot.unseen = shot.lock not in readings or readings[shot.lock].state == "unknown"

    def _is_old(self, lock: int, oldest: float) -> bool:
        """A door is not said to have stayed shut by what it showed before the line was gone for a while."""
        reading = self._doors.readings().get(lock)
        return reading is None or reading.read_at is None or reading.read_at < oldest

    async def _until_opened(self, watch: DoorWatch, end: float) -> None:
        while not watch.opened and (left := end - self._clock.monotonic()) > 0:
            await watch.moved.within(left, self._clock)

    async def _prove(self, shot: Shot) -> DoorState:
        """Only a read after the proof time tells that the lock did not fire: a slow board may still do it before."""
        proven_at = shot.sent_at + self._times.proof_s(self._settings())
        await self._until_opened(shot.watch, min(proven_at, shot.ends_at))
        if shot.watch.opened or proven_at > shot.ends_at:
            return "unknown"
        readings = await self._reading.refresh(shot.ends_at, shot.lock)
        return readings[shot.lock].state if shot.lock in readings else "unknown"

    def _evidence(self, shot: Shot, proof: DoorState) -> Evidence:
        return Evidence(
            sent=True,
            ack=shot.ack,
            refusal=shot.refusal,
            sensor=shot.sensor,
            before=shot.watch.before,
            after=self._doors.state(shot.lock),
            opened=shot.watch.opened,
            lapsed=shot.watch.lapsed or shot.unseen,
            answered_next=shot.ack == "none" and self._silent_ack and bool(shot.answered_next),
            proof=proof,
            duration_ms=round((self._clock.monotonic() - shot.asked_at) * 1000),
        )

    def _pulse_s(self) -> float:
        return self._times.pulse_of(self._settings()) / 1000
