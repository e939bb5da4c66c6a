"""The cloud's side of one tower: its lockers (`Desk`), its keys, its queue on the wire, what phones brought up."""

import random
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from openharbor.blink.batches import Batch, BatchRefused, Conflict, new_events, open_batch
from openharbor.blink.cbor import Fields
from openharbor.blink.event_maps import read_event
from openharbor.blink.events import DROPPED_OFF, Accessed, KeyChanged
from openharbor.blink.keys import TowerKey, derive
from openharbor.blink.packets import Packet
from openharbor.blink.payloads import (
    MOST_COMMANDS,
    MOST_PACKET_PLAIN,
    CommandsPayload,
    OpenPayload,
    SessionPayload,
    encode_commands,
    encode_open,
    encode_session,
)
from openharbor.blink.phone_session import Credentials
from openharbor.blink.sealing import Sealed, seal
from openharbor.cloud.lockers import links, operators, states
from openharbor.cloud.lockers.change import Change
from openharbor.cloud.lockers.locker import Locker, Status
from openharbor.cloud.lockers.reports import Applied
from openharbor.cloud.lockers.stopping import unsettled
from openharbor.cloud.towers import commands, replacement, rotations
from openharbor.cloud.towers.commands import WireCommand
from openharbor.cloud.towers.event_facts import fact_of
from openharbor.cloud.towers.rotations import Rotation
from openharbor.kit.errors import Refusal
from simulation.desk import Desk
from simulation.invariants import demand
from simulation.world import watch

PACKET_LIFE_S = 30 * 86_400
ROOM_FOR_REUSE_S = 120
AHEAD = 5000  # more events than a tower of this town writes between two syncs


class Token(msgspec.Struct, frozen=True):
    """What a provider hands out: the sealed payload, and of what locker."""

    payload: OpenPayload
    sealed: Sealed


class Push(msgspec.Struct, frozen=True):
    """A command packet as a phone carries it."""

    first: int
    sealed: Sealed


class Branch(Desk):
    """`received`: events by id, as batches held them. `shared_ids`: counts ids for the whole cloud."""

    def __init__(self, tower_id: str, lockers: dict[int, Locker], root: bytes, rng: random.Random, now: int) -> None:
        super().__init__(lockers, self._watch)
        self.tower = replace(self.tower, tower_id=tower_id)
        self.rng = rng
        self.roots = {1: root}
        self.keys: dict[int, TowerKey] = {1: derive(root, 1)}
        self.rotations = [Rotation(1, "active", now, now)]
        self.wires: dict[int, WireCommand] = {}
        self.received: dict[int, Fields] = {}
        self.tokens: dict[int, list[Token]] = {number: [] for number in lockers}
        self.lost: list[range] = []
        self.looked_to = 1
        self.on_rows: Callable[[str, str], None] = lambda _row, _line: None

    def _watch(self, before: Locker, change: Change) -> None:
        watch(before, change)
        # after a log loss, a use of which the cloud heard too late looks like a broken promise (C14): a false alarm
        demand(not change.incident or bool(self.lost), 14, change.incident)
        self.on_rows(change.row, f"{before.number}: {change.row} {before.status.word} to {change.locker.status.word}")

    def expire(self, now: int) -> None:
        """B1 to B3, of the few that are due."""
        for number, locker in self.lockers.items():
            if locker.due_at is not None and locker.due_at <= now:
                self.take(number, states.expire(locker, now))

    # what providers get

    def mint(self, number: int, outcome: Refusal | None) -> Token | None:
        """The token that the last decision made, sealed; None if it was refused."""
        if outcome is not None or not self.issued:
            return None
        payload = self.issued.pop().payload
        self.issued.clear()
        key = self.keys[self.tower.rotation or 0]
        token = Token(payload, seal(key, encode_open(payload), self.rng.randbytes(16)))
        self.tokens[number].append(token)
        return token

    def give_code(self, number: int, code: str, *, persists: bool) -> Refusal | None:
        """A pick-up link with a keypad code (A11)."""
        locker = self.lockers[number]
        holder = locker.holder or 0
        opened = links.open_pickup_link(locker, holder, client_info="recipient")
        if isinstance(opened, Refusal):
            return opened
        link_id = self.next_id()
        given = links.give_code(
            opened.locker, self.tower, link_id, code=code, persists=persists, client_info="recipient"
        )
        self.links[link_id] = "pending"
        return self.take(number, given)

    def shown(self, number: int, now: int) -> Locker:
        """The locker as every reader sees it."""
        return states.as_of(self.lockers[number], now)

    def session(self, client_id: bytes, permissions: int, duration_s: int, now_s: int) -> tuple[Credentials, int]:
        """POST session-token: what the phone gets, and until when it may use it."""
        expires = now_s + min(max(duration_s, 60), 86_280) + ROOM_FOR_REUSE_S
        seed = self.rng.randbytes(32)
        payload = SessionPayload(
            issued=now_s,
            expires=expires,
            tower_id=bytes.fromhex(self.tower.tower_id),
            permissions=permissions,
            client_id=client_id,
            seed=seed,
        )
        sealed = seal(self.keys[self.tower.rotation or 0], encode_session(payload), self.rng.randbytes(16))
        return Credentials(sealed.payload, sealed.auth, seed), now_s + duration_s

    # commands

    def queue_next(self, command: WireCommand) -> None:
        number = self.tower.next_command
        self.queue[number], self.wires[number] = None, command
        self.tower = replace(self.tower, next_command=number + 1)

    def waits(self, packet_type: Packet) -> bool:
        """Whether such a command, of those that no decision made, waits for the tower."""
        return any(one in self.queue and wire.packet_type == packet_type for one, wire in self.wires.items())

    def packets(self, now_s: int) -> list[Push]:
        """GET commands: everything that is not known as done, sealed now (13.5)."""
        found: list[Push] = []
        waiting = sorted(self.queue)
        while waiting and len(found) < 4:
            size = min(MOST_COMMANDS, len(waiting))
            while True:
                plain = encode_commands(self._payload(waiting[:size], now_s))
                if len(plain) <= MOST_PACKET_PLAIN:
                    break
                size //= 2
            key = self.keys[self.tower.rotation or 0]
            found.append(Push(waiting[0], seal(key, plain, self.rng.randbytes(16))))
            waiting = waiting[size:]
        return found

    def _payload(self, numbers: list[int], now_s: int) -> CommandsPayload:
        return CommandsPayload(
            issued=now_s,
            expires=now_s + PACKET_LIFE_S,
            tower_id=bytes.fromhex(self.tower.tower_id),
            first=numbers[0],
            commands=[self._wired(number, now_s) for number in numbers],
        )

    def _wired(self, number: int, now_s: int) -> Fields:
        command = self.queue[number]
        wire = self.wires[number] if command is None else commands.wire(command)
        return commands.complete(wire, now_s=now_s, root=self.roots.get(wire.fields.get(43, 0)))

    # events

    def take_in(self, sealed: Sealed, first: int, count: int, now: int) -> Applied | None:
        """POST events: one batch, verified, stored, and applied as far as nothing is missing."""
        alive = {one.number: self.keys[one.number] for one in self.rotations if one.state != "revoked"}
        batch = open_batch(
            alive,
            sealed.payload,
            sealed.auth,
            tower_id=bytes.fromhex(self.tower.tower_id),
            epoch=self.tower.epoch,
            first=first,
            count=count,
        )
        if isinstance(batch, BatchRefused):
            # what was sealed with a revoked key, or before a log was lost, is told again or lost
            demand(batch.fault in ("key", "epoch"), 10, f"a batch of the tower was refused: {batch.reason}")
            return None
        if batch.epoch > self.tower.epoch:
            self._begin_epoch(batch)
        stored = {one: self.received[one] for one in range(batch.first, batch.end) if one in self.received}
        fresh = new_events(batch, stored)
        if isinstance(fresh, Conflict):
            demand(False, 10, f"event {fresh.event_id} came again with other content")
            return None
        for fields in fresh:
            self.received[fields[30]] = fields
            self.stored[fields[30]] = fact_of(read_event(fields))
        return self._apply(batch, now)

    def _begin_epoch(self, batch: Batch) -> None:
        """The reset was done: what was not uploaded is lost (E6)."""
        asked = next(one for one, wire in self.wires.items() if wire.packet_type == Packet.RESET_EVENT_COUNTER)
        start = self.wires[asked].fields[31]
        for number, locker in self.lockers.items():
            if unsettled(locker):
                self.take(number, operators.reset_log(locker))
        self.queue = {one: command for one, command in self.queue.items() if one > asked}
        self._lose(start)
        self.tower = replace(self.tower, epoch=batch.epoch, next_event=start)

    def _lose(self, start: int) -> None:
        """Nothing from the frontier up to there comes any more."""
        self.lost.append(range(self.tower.next_event, start))
        self.ranges.clear()

    def _apply(self, batch: Batch, now: int) -> Applied | None:
        before = self.tower.next_event
        if batch.count:
            self.ranges.append((batch.first, batch.count))
        elif batch.first != before:
            return None
        applied = self.apply(self.run(), now, batch.sealed_at if not batch.count else None)
        after = self.tower.next_event
        self.ranges = [one for one in self.ranges if sum(one) > after]
        self._told(range(before, after), applied)
        if after > before:
            self._keys_in(range(before, after), now)
            if not self.waits(Packet.SYNC_MARK_SEEN_EVENTS):
                self.queue_next(commands.mark_seen(after))
            self.wires = {one: wire for one, wire in self.wires.items() if one in self.queue}
        self._watch_drift(batch, now)
        return applied

    def _told(self, ids: range, applied: Applied) -> None:
        """Invariant 23: a drop-off that was seen is told to the one whose token it was."""
        told = {notice.token_id for change in applied.changes for notice in change.notices}
        for one in ids:
            event = read_event(self.received[one]) if one in self.received else None
            if isinstance(event, Accessed) and event.reason == DROPPED_OFF and event.confirmed:
                demand(event.token_id in told, 23, f"the drop-off with token {event.token_id} was not told")

    def _keys_in(self, ids: range, now: int) -> None:
        for one in ids:
            event = read_event(self.received[one]) if one in self.received else None
            if isinstance(event, KeyChanged):
                self._key_reported(event, now)

    def _key_reported(self, event: KeyChanged, now: int) -> None:
        for place, one in enumerate(self.rotations):
            state = rotations.confirmed_state(one, event.action) if one.number == event.rotation else None
            if state is not None:
                self.rotations[place] = Rotation(one.number, state, one.created_at, now)
        self.tower = replace(self.tower, rotation=rotations.newest_confirmed(self.rotations))
        for step in rotations.due_steps(self.rotations, now):
            kind = Packet.SUNSET_KEY if step.action == "sunset" else Packet.REVOKE_KEY
            waiting = [wire for number, wire in self.wires.items() if number in self.queue]
            if not any(wire.packet_type == kind and wire.fields[43] == step.rotation for wire in waiting):
                sunset = step.action == "sunset"
                wired = commands.sunset_key(step.rotation) if sunset else commands.revoke_key(step.rotation)
                self.queue_next(wired)

    def _watch_drift(self, batch: Batch, now: int) -> None:
        """13.6: a clock that is ahead is slowed down."""
        ahead = batch.sealed_at - now // 1000
        if ahead > 60 and not self.tower.corrections and not self.waits(Packet.ADJUST_CLOCK):
            self.queue_next(WireCommand(Packet.ADJUST_CLOCK, {152: -min(ahead, 3600)}))

    # operators

    def roll_over(self, now: int) -> None:
        """A new key, over the air (11.1)."""
        number = rotations.begin_rollover(self.rotations)
        if isinstance(number, Refusal):
            return
        self.roots[number] = self.rng.randbytes(32)
        self.keys[number] = derive(self.roots[number], number)
        self.rotations.append(Rotation(number, "installing", now, now))
        self.queue_next(commands.install_key(number))

    def revoke_old(self) -> None:
        """A key that was sunset is revoked at once, as after a leak."""
        old = next((one.number for one in self.rotations if one.state == "sunset"), None)
        if old is not None and not self.waits(Packet.REVOKE_KEY):
            self.queue_next(commands.revoke_key(old))

    def restart_log(self) -> None:
        """POST reset-events: the tower goes on with a number that it cannot have used (8.5)."""
        if not self.waits(Packet.RESET_EVENT_COUNTER):
            start = max((self.tower.next_event, *self.received)) + AHEAD
            self.queue_next(WireCommand(Packet.RESET_EVENT_COUNTER, {31: start}))

    def with_new_board(self, root: bytes, now: int) -> int:
        """E7: the old board cannot act any more. The rotation of the new one's key."""
        number = max(one.number for one in self.rotations) + 1
        for locker_number, locker in self.lockers.items():
            self.take(locker_number, replacement.after_new_board(locker, self.tower, now))
        self.roots[number], self.keys[number] = root, derive(root, number)
        self.rotations = [Rotation(one.number, "revoked", one.created_at, now) for one in self.rotations]
        self.rotations.append(Rotation(number, "active", now, now))
        self.queue.clear()
        self.wires.clear()
        start = max((self.tower.next_event, *(one + 1 for one in self.received)))
        self._lose(start)
        self.tower = replace(
            self.tower, rotation=number, epoch=self.tower.epoch + 1, next_event=start, corrections=(), synced_s=None
        )
        return number

    def was_lost(self, event_id: int) -> bool:
        return any(event_id in one for one in self.lost)

    def free_numbers(self, now: int) -> list[int]:
        return [number for number in self.lockers if self.shown(number, now).status is Status.AVAILABLE]
