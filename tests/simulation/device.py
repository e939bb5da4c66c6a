"""A small honest model of a tower: what locker-states.md 3 (T1 to T8) promises, and no more.

It knows nothing of the cloud's decisions: it takes payloads and commands, and answers with events (as facts). Times in
seconds; the caller tells the true time, the device has a clock of its own.
"""

from openharbor.blink.payloads import DROPOFF, PICKUP, OpenPayload
from openharbor.cloud.lockers.change import Disable, EraseCode, Retire, SetClock, TowerCommand
from openharbor.cloud.lockers.facts import (
    Accessed,
    ClockUnsure,
    Executed,
    Fact,
    Passed,
    Reason,
    RefusedAccess,
    Updated,
    UpdateReason,
)
from simulation.cells import KINDS, Cell, Session, Use

OK, INVALID, TOO_OLD, EXPIRED, NOT_FOUND, BUSY = 0, 201, 104, 107, 502, 505
WINDOW_S = 120


class Device:
    """`lockers`: their numbers. `sensors` False: doors cannot be read."""

    def __init__(self, lockers: tuple[int, ...], *, sensors: bool = True) -> None:
        self.cells = {number: Cell() for number in lockers}
        self.sensors = sensors
        self.offset_s = 0
        self.floor_s = 0
        self.log: list[Fact] = []
        self.next_event = 1
        self.executed = 0
        self.session = Session(number=0)
        self.challenge = ""
        self.deliveries: list[tuple[str, int, int | None, int]] = []  # what people did: kind, cell, token, tower time

    def clock(self, now_s: int) -> int:
        """Never behind the latest time of the log (T7)."""
        return max(now_s + self.offset_s, self.floor_s)

    def _stamp(self, now_s: int) -> tuple[int, int]:
        at_s = self.clock(now_s)
        self.floor_s = at_s
        self.next_event += 1
        return self.next_event - 1, at_s

    # sessions

    def begin_session(self, now_s: int) -> None:
        self.session = Session(number=self.session.number + 1, began_s=now_s, heard_s=now_s)

    def hear(self, now_s: int) -> None:
        """A command of the session, if it still lives: 300 s without one, or an hour in all, end it."""
        session = self.session
        if now_s >= session.heard_s + 300 or now_s >= session.began_s + 3600:
            self.begin_session(now_s)
        self.session.heard_s = now_s

    def any_command(self) -> None:
        """Proof of receipt: the phone of the session has the last answer."""
        for cell in self.cells.values():
            for use in cell.used.values():
                if use.session == self.session.number:
                    use.confirmed = True

    # openings

    def verdict(self, payload: OpenPayload, now_s: int) -> int:
        """T1 for a session that has opened nothing yet."""
        cell = self.cells[payload.locker_number]
        if self.clock(now_s) >= payload.expires:
            return EXPIRED
        if cell.disabled:
            return NOT_FOUND
        if payload.generation <= cell.retired:
            return INVALID
        if payload.generation < cell.generation:
            return TOO_OLD
        if payload.access_kind == DROPOFF:
            return self._dropoff_verdict(cell, payload, now_s)
        if payload.access_kind == PICKUP:
            fits = payload.match_token is None or payload.match_token.hex() == cell.locker_token
            return OK if cell.taken and fits else NOT_FOUND
        fits = payload.match_token is None or payload.match_token.hex() == cell.locker_token
        return OK if not cell.taken or fits else NOT_FOUND

    def _dropoff_verdict(self, cell: Cell, payload: OpenPayload, now_s: int) -> int:
        use = cell.used.get(payload.token_id)
        if use is not None:
            if use.reverted:
                return INVALID
            return OK if payload.reuse or self._is_repeat(use, now_s) or use.session == self.session.number else INVALID
        if cell.taken and (payload.match_available or cell.generation != payload.generation):
            return NOT_FOUND
        return OK if len(cell.used) < 16 else BUSY

    def _is_repeat(self, use: Use, now_s: int) -> bool:
        return not use.confirmed and self.clock(now_s) < use.at_s + WINDOW_S

    def open(self, payload: OpenPayload, owner: int, now_s: int, *, jams: bool = False, power_cut: bool = False) -> int:
        """OPEN_LOCKER_WITH_TOKEN. `owner`: whose token it is, for the parcel. The result code; 0: the door is open."""
        self.hear(now_s)
        session, number = self.session, payload.locker_number
        if (session.cell, session.token_id) == (number, payload.token_id) and not session.reverted:
            self.reopen(now_s)
            return OK
        code = self.verdict(payload, now_s)
        if code != OK:
            event_id, at_s = self._stamp(now_s)
            self.log.append(RefusedAccess(event_id=event_id, at_s=at_s, code=code, number=number))
            return code
        self.any_command()
        session.cell, session.token_id, session.kind = number, payload.token_id, payload.access_kind
        session.owner, session.reverted, session.second_try = owner, False, None
        if jams:
            session.second_try = payload
            self._access(number, Reason(payload.access_kind), payload.token_id, payload.access_kind, now_s, seen=False)
            return OK
        self._fire(payload, owner, now_s, power_cut=power_cut)
        return OK

    def _fire(
        self, payload: OpenPayload, owner: int, now_s: int, *, second: bool = False, power_cut: bool = False
    ) -> None:
        cell, number = self.cells[payload.locker_number], payload.locker_number
        use = cell.used.get(payload.token_id) if payload.access_kind == DROPOFF else None
        seen: bool | None = None if power_cut or not self.sensors else True
        cell.emptied = False
        reason = Reason.REOPEN if second else Reason(payload.access_kind)
        if payload.access_kind == DROPOFF and use is None:
            self._dropoff(cell, payload, owner, now_s)
            self._access(number, reason, payload.token_id, DROPOFF, now_s, seen=seen)
        elif use is not None and (use.session == self.session.number or self._is_repeat(use, now_s)):
            again = Reason.REOPEN if use.session == self.session.number else Reason.REPEAT
            self._access(number, again, payload.token_id, DROPOFF, now_s, seen=seen)
        else:
            reason = Reason.PICKUP if use is not None and not second else reason
            self._pickup(cell, payload, owner, now_s, reason, seen=seen, power_cut=power_cut)
        if power_cut:
            self.begin_session(now_s)

    def _dropoff(self, cell: Cell, payload: OpenPayload, owner: int, now_s: int) -> None:
        found_free = not cell.taken
        if found_free:
            cell.used.clear()
            cell.code = ""
            if payload.keypad_code:
                cell.code, cell.code_persists = payload.keypad_code, payload.keypad_persists
        if cell.parcel is not None and cell.parcel != owner:
            raise AssertionError(f"a drop-off of {owner} found a parcel of {cell.parcel}")
        cell.taken, cell.locker_token, cell.generation = True, payload.locker_token.hex(), payload.generation
        cell.parcel = owner
        cell.used[payload.token_id] = Use(self.session.number, self.clock(now_s), found_free=found_free)
        self.deliveries.append(("dropoff", payload.locker_number, payload.token_id, self.clock(now_s)))

    def _pickup(
        self,
        cell: Cell,
        payload: OpenPayload,
        owner: int,
        now_s: int,
        reason: Reason,
        *,
        seen: bool | None,
        power_cut: bool,
    ) -> None:
        """A power cut counts as not opened: with a parcel inside, nothing was offered as empty (T5)."""
        if not power_cut:
            if cell.parcel is not None and cell.parcel != owner:
                raise AssertionError(f"a pick-up of {owner} opened on a parcel of {cell.parcel}")
            cell.parcel = None
            cell.generation = max(cell.generation, payload.generation)
            cell.free(payload.generation)
            self._emptied(payload.locker_number, payload.token_id, now_s)
        self._access(payload.locker_number, reason, payload.token_id, payload.access_kind, now_s, seen=seen)

    def _emptied(self, number: int, token_id: int | None, now_s: int) -> None:
        """Where no sensor sees the door close, the opening is the end of it."""
        cell = self.cells[number]
        cell.emptied, cell.emptied_by = self.sensors, token_id
        if not self.sensors:
            self.deliveries.append(("pickup", number, token_id, self.clock(now_s)))

    def _access(
        self, number: int, reason: Reason, token_id: int | None, kind: int, now_s: int, *, seen: bool | None = True
    ) -> None:
        cell = self.cells[number]
        event_id, at_s = self._stamp(now_s)
        fact = Accessed(
            event_id=event_id,
            at_s=at_s,
            number=number,
            reason=reason,
            after=cell.after(),
            token_id=token_id,
            kind=KINDS.get(kind),
            confirmed=seen,
        )
        self.log.append(fact)
        if seen and reason not in (Reason.CLOSED, Reason.LEFT_OPEN, Reason.REVERTED):
            cell.watched = (token_id, KINDS.get(kind))

    def close(self, number: int, now_s: int) -> bool:
        """The door is pushed shut. False: it was not open."""
        cell = self.cells[number]
        if cell.watched is None:
            return False
        (token_id, kind), cell.watched = cell.watched, None
        event_id, at_s = self._stamp(now_s)
        if cell.emptied:
            self.deliveries.append(("pickup", number, cell.emptied_by, at_s))
            cell.emptied = False
        self.log.append(
            Accessed(
                event_id=event_id,
                at_s=at_s,
                number=number,
                reason=Reason.CLOSED,
                after=cell.after(),
                token_id=token_id,
                kind=kind,
            )
        )
        return True

    def left_open(self, number: int, now_s: int) -> None:
        cell = self.cells[number]
        if cell.watched is not None:
            self._access(number, Reason.LEFT_OPEN, cell.watched[0], 0, now_s)

    def reopen(self, now_s: int) -> None:
        """REOPEN_LOCKER, or the same token once more in its session; after a jam a second try of the same access."""
        self.hear(now_s)
        session = self.session
        if session.cell == 0 or self.cells[session.cell].disabled:
            return
        self.any_command()
        again, session.second_try = session.second_try, None
        if again is not None:
            cell = self.cells[session.cell]
            if again.generation > cell.retired and again.generation >= cell.generation:  # else dead (invariant 14)
                self._fire(again, session.owner, now_s, second=True)
        else:
            seen = True if self.sensors else None
            self._access(session.cell, Reason.REOPEN, session.token_id, session.kind, now_s, seen=seen)

    def revert(self, now_s: int) -> bool:
        """REVERT_LOCKER_STATE, T4."""
        self.hear(now_s)
        session = self.session
        cell = self.cells.get(session.cell)
        use = cell.used.get(session.token_id or 0) if cell is not None else None
        if cell is None or use is None or use.reverted or session.reverted or use.session != session.number:
            return False
        self.any_command()
        session.reverted = use.reverted = True
        if use.found_free:
            cell.free(cell.generation)
            cell.parcel = None
        self._access(session.cell, Reason.REVERTED, session.token_id, DROPOFF, now_s)
        return True

    def enter_code(self, number: int, owner: int, now_s: int) -> bool:
        """The right code at the keypad."""
        cell = self.cells[number]
        if not cell.code or cell.disabled:
            return False
        if not cell.code_persists:
            if cell.parcel is not None and cell.parcel != owner:
                raise AssertionError("a keypad code opened on another's parcel")
            cell.parcel = None
            cell.free(cell.generation)
            self._emptied(number, None, now_s)
        self._access(number, Reason.KEYPAD, None, 0, now_s, seen=True if self.sensors else None)
        return True

    # staff, power, clock

    def staff_takes(self, number: int, now_s: int) -> None:
        """OPEN_AVAILABLE_LOCKER by staff: the locker is taken, for somebody nobody knows."""
        cell = self.cells[number]
        if not cell.taken and not cell.disabled:
            cell.taken, cell.locker_token, cell.emptied = True, "5f" * 16, False
            self._access(number, Reason.STAFF, None, 0, now_s)

    def staff_disables(self, number: int, now_s: int) -> None:
        cell = self.cells[number]
        if not cell.disabled:
            cell.disabled = True
            event_id, at_s = self._stamp(now_s)
            self.log.append(
                Updated(
                    event_id=event_id,
                    at_s=at_s,
                    number=number,
                    reason=UpdateReason.STAFF,
                    after=cell.after(),
                    disabled=True,
                )
            )

    def client_event(self, now_s: int) -> None:
        event_id, at_s = self._stamp(now_s)
        self.log.append(Passed(event_id=event_id, at_s=at_s))

    def lose_clock(self, now_s: int, ahead_s: int) -> None:
        """A boot without a clock, or one that ran ahead: the time goes on from the floor, and asks to be put right."""
        self.begin_session(now_s)
        self.offset_s = self.floor_s - now_s if ahead_s == 0 else self.offset_s + ahead_s
        event_id, at_s = self._stamp(now_s)
        self.challenge = f"{event_id:016x}"
        self.log.append(ClockUnsure(event_id=event_id, at_s=at_s, challenge=self.challenge))

    # sync

    def push(self, packet: list[tuple[int, TowerCommand | SetClock | None]], sealed_s: int, now_s: int) -> None:
        """A command packet, sealed at `sealed_s`: each command once, in order (blink-protocol.md 8.3). None: no-op."""
        fresh = [(one, command) for one, command in packet if one > self.executed]
        if not fresh or fresh[0][0] != self.executed + 1:
            return
        self.any_command()
        failed = {}
        for command_id, command in fresh:
            code = self._execute(command, sealed_s, now_s)
            if code:
                failed[command_id] = code
            self.executed = command_id
        event_id, at_s = self._stamp(now_s)
        self.log.append(Executed(event_id=event_id, at_s=at_s, first=fresh[0][0], count=len(fresh), failed=failed))

    def _execute(self, command: TowerCommand | SetClock | None, sealed_s: int, now_s: int) -> int:
        if isinstance(command, SetClock):
            if command.challenge != self.challenge:
                return 106
            self.offset_s, self.floor_s, self.challenge = sealed_s - now_s, min(self.floor_s, sealed_s), ""
        elif isinstance(command, Disable):
            self.cells[command.number].disabled = command.disabled
        elif isinstance(command, EraseCode):
            self.cells[command.number].code = ""
        elif isinstance(command, Retire):
            return self._retire(self.cells[command.number], command)
        return 0

    def _retire(self, cell: Cell, command: Retire) -> int:
        if cell.generation > command.generation:
            return TOO_OLD
        if cell.taken == (command.form == "unused"):
            return NOT_FOUND
        if command.form == "keep":
            cell.retired = max(cell.retired, command.generation)
        else:
            cell.free(command.generation)
        return 0

    def pull(self, start: int, most: int) -> list[Fact]:
        """Up to `most` events from `start` on."""
        self.any_command()
        first = next((place for place, fact in enumerate(self.log) if fact.event_id >= start), len(self.log))
        return self.log[first : first + most]
