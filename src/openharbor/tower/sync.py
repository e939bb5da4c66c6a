"""Sync at the tower: status, event batches out, command packets in (blink-protocol.md 8)."""

from typing import Any

import msgspec
from msgspec.structs import replace

from openharbor.blink.batches import Batch, encode_batch
from openharbor.blink.cbor import Fields
from openharbor.blink.events import CommandsDone, ErrorSeen
from openharbor.blink.fields import INT32, check
from openharbor.blink.opening import COMMANDS as SEALED_COMMANDS
from openharbor.blink.opening import judge_times, open_sealed
from openharbor.blink.packets import Packet, command_of
from openharbor.blink.payloads import MOST_COMMANDS, CommandsPayload, commands_from
from openharbor.blink.refusals import MSG_INVALID_ID, Rejected
from openharbor.blink.sealing import seal
from openharbor.tower import device_clock, event_log, rotations
from openharbor.tower.clock_steps import with_clock
from openharbor.tower.codes import FROM_CLOCK, HW_RTC, SYS_SYNC_PUSH
from openharbor.tower.configuration import APPLY, Order
from openharbor.tower.state import Tower, logged, now


def status(tower: Tower) -> Fields:
    """The fields of SYNC_STATUS."""
    return {31: tower.log.first, 32: event_log.count(tower.log), 33: tower.last_command}


def pulled(tower: Tower, start: int, iv: bytes, at_ms: int) -> tuple[Tower, Fields]:
    """The fields of SYNC_EVENTS, and the tower once they leave. `iv`: 16 bytes. Raises Rejected 104."""
    covered = event_log.pull(tower.log, start)
    batch = Batch(
        sealed_at=now(tower, at_ms),
        tower_id=tower.identity.tower_id,
        first=covered.first,
        count=covered.count,
        events=event_log.maps(covered),
        dropped=covered.dropped,
        clock_state=0 if tower.clock.sure else 1,
        epoch=tower.log.epoch,
        boot_count=tower.boot_count,
    )
    sealed = seal(rotations.sealing_key(tower.keys), encode_batch(batch), iv)
    # the floor is stored before the sealed time leaves (10.1)
    clock = device_clock.floored(tower.clock, at_ms)
    tower = replace(tower, clock=clock, log=event_log.left(tower.log, covered))
    return tower, {31: covered.first, 32: covered.count, 9: sealed.payload, 10: sealed.auth}


def pushed(tower: Tower, payload: bytes, auth: bytes, seed: bytes, at_ms: int) -> Tower:
    """After a command packet: every command dealt with, in one step. `seed`: 32 random bytes.

    Raises Rejected as 4.3 and 8.3 say; then nothing was done.
    """
    fields = open_sealed(SEALED_COMMANDS, tower.keys.ring, payload, auth, tower.identity.tower_id)
    late = any(_answers_challenge(tower, one) for one in fields[35])
    clock = judge_times(SEALED_COMMANDS, fields, device_clock.device_time(tower.clock, at_ms), may_be_late=late)
    packet = _checked(fields)
    if packet.first > tower.last_command + 1:
        raise Rejected(SYS_SYNC_PUSH, f"the next command is {tower.last_command + 1}")
    tower = with_clock(tower, device_clock.moved(tower.clock, at_ms, clock), at_ms)
    if clock.too_far:
        tower = warned(tower, at_ms)
    return _dealt_with(tower, packet, seed, at_ms)


def warned(tower: Tower, at_ms: int) -> Tower:
    """With an ERROR_EVENT 307 that carries the challenge, unless there was one within a day."""
    if not device_clock.warning_is_due(tower.clock, at_ms):
        return tower
    tower = replace(tower, clock=replace(tower.clock, warned_ms=at_ms))
    return logged(tower, clock_error(tower, at_ms), at_ms)


def clock_error(tower: Tower, at_ms: int) -> ErrorSeen:
    """ERROR_EVENT 307, source 6: the server may have to set the clock."""
    challenge = tower.clock.challenge or None
    return ErrorSeen(event_id=0, at=now(tower, at_ms), code=HW_RTC, source=FROM_CLOCK, time_challenge=challenge)


def _answers_challenge(tower: Tower, command: Any) -> bool:
    """A clock that is far ahead could not be put right if its own opinion counted (10.4)."""
    challenge = tower.clock.challenge
    return (
        bool(challenge)
        and isinstance(command, dict)
        and _type(command) == Packet.SET_CLOCK
        and (command.get(229) == challenge)
    )


def _type(command: Fields) -> int | None:
    packet_type = command.get(1)
    return packet_type if type(packet_type) is int else None


def _checked(fields: Fields) -> CommandsPayload:
    """Raises Rejected 508."""
    batch = fields[35]
    if fields[34] != len(batch) or len(batch) > MOST_COMMANDS:
        raise Rejected(SYS_SYNC_PUSH, "the count differs from the batch, or is more than 64")
    if fields[33] + len(batch) - 1 > INT32:
        raise Rejected(SYS_SYNC_PUSH, "ids of commands have 31 bits")  # 8.5; the log could not name them
    if not all(isinstance(one, dict) and _type(one) is not None for one in batch):
        raise Rejected(SYS_SYNC_PUSH, "the batch holds something that is no command")
    return commands_from(fields)


class _Progress(msgspec.Struct):
    first: int | None = None
    count: int = 0
    failed: dict[int, int] = {}


def _dealt_with(tower: Tower, packet: CommandsPayload, seed: bytes, at_ms: int) -> Tower:
    done = _Progress()
    for command_id, command in enumerate(packet.commands, packet.first):
        if command_id <= tower.last_command:
            continue
        done.first = done.first or command_id
        done.count += 1
        try:
            tower = _carried_out(tower, dict(command), Order(at_ms, seed, command_id))
        except Rejected as rejected:
            done.failed[command_id] = rejected.code
        tower = replace(tower, last_command=max(tower.last_command, command_id))
    if done.first is None:
        return tower
    event = CommandsDone(event_id=0, at=now(tower, at_ms), first=done.first, count=done.count, failed=done.failed)
    return logged(tower, event, at_ms)


def _carried_out(tower: Tower, command: Fields, order: Order) -> Tower:
    """Raises Rejected; then the command is dealt with all the same, and the next one follows."""
    row = command_of(command[1])
    apply = APPLY.get(Packet(command[1])) if row is not None and row.queued else None
    if row is None or apply is None:
        raise Rejected(MSG_INVALID_ID, f"packet type {command[1]} may not be queued, or this tower has no such part")
    check(command, row.layout)
    return apply(tower, command, order)
