"""T-14, T-15, T-18, T-19: who stands before the cabinet, pulls its plug or fills its log (blink-protocol.md 16).

The links of T-14 that are silent or half open are in tests/service/tower_shell/test_links.py.
"""

import itertools
import random
from functools import partial

import pytest

from core.tower.desk import DRAWS, Desk
from harness.blink_vectors import tower_id, tower_keys
from harness.flashes import store as store
from openharbor.blink.batches import Batch, open_batch
from openharbor.blink.cbor import Fields
from openharbor.blink.event_maps import read_event
from openharbor.blink.events import Accessed, LockerUpdated
from openharbor.blink.packets import Packet
from openharbor.blink.payloads import DROPOFF, PICKUP, RELEASE
from openharbor.blink.phone_session import Reply
from openharbor.kit.database.sqlite import SqliteDatabase
from openharbor.tower import device, flash
from openharbor.tower.event_log import CAPACITY
from openharbor.tower.power_up import started
from openharbor.tower.state import Fire, Hardware, Tower
from service.threats.visitors import ALL, code_of, packet, time_of, token, visitor

# -- T-14


def test_t14_a_new_sessions_first_command_takes_over_from_who_blocks() -> None:
    desk = Desk()
    blocker = visitor(desk, client=b"blocker")
    for _ in range(20):
        assert code_of(blocker.say(Packet.FIND_AVAILABLE_LOCKERS)) == 0
        desk.advance(10)
    honest = visitor(desk)
    assert code_of(honest.open(token(time_of(desk), 1))) == 0
    assert code_of(blocker.say(Packet.FIND_AVAILABLE_LOCKERS)) == 205


def test_t14_whoever_has_a_session_has_it_for_an_hour_at_most() -> None:
    desk = Desk()
    blocker = visitor(desk)
    codes = []
    for _ in range(50):
        codes.append(code_of(blocker.say(Packet.FIND_AVAILABLE_LOCKERS)))
        desk.advance(90)
    assert codes == [0] * 41 + [205] * 9


# -- T-15


@pytest.mark.parametrize("pause", [0.5, 5, 60])
def test_t15_a_hundred_wrong_codes_are_looked_at_no_more_often_than_the_sleep_allows(pause: float) -> None:
    desk = Desk()
    looked_at = []
    for guess in range(100):
        desk.take(device.code_entered(desk.tower, f"{guess:04d}", desk.at_ms))
        if desk.shown[-1].outcome == "wrong":
            looked_at.append(desk.at_ms)
        desk.advance(pause)
    assert desk.pulses == []
    hours = 100 * pause / 3600
    assert len(looked_at) <= 5 + 4 + hours * 4 + 1, "60, 120, 240, 480, then one in 900 s"
    for earlier, later in itertools.pairwise(looked_at[4:]):
        assert later - earlier >= 60_000


# -- T-18


def in_steps(kind: int) -> tuple[list[Tower], list[int], int]:
    """The states of an opening, those after each step of 7.3; in which a pulse was sent; and when it began, in ms."""
    desk = Desk()
    if kind != DROPOFF:
        first = visitor(desk)
        first.open(token(time_of(desk), 1))
        first.end()
        desk.closes(1)
    phone = visitor(desk)
    key = token(time_of(desk), 1, kind)
    question = phone.question(Packet.OPEN_LOCKER_WITH_TOKEN, {9: key.payload, 10: key.auth})
    intended = device.received(desk.tower, question.frame, desk.at_ms, DRAWS)
    assert [type(one) for one in intended.effects] == [Fire]
    pulsed = device.fired(intended.tower, "sent", desk.at_ms + 50).tower
    seen = device.doors(pulsed, {0: True}, desk.at_ms + 100).tower
    closed = device.doors(seen, {0: False}, desk.at_ms + 5000).tower
    return [desk.tower, intended.tower, pulsed, seen, closed], [2, 3, 4], desk.at_ms


@pytest.mark.parametrize("kind", [DROPOFF, PICKUP, RELEASE])
async def test_t18_a_cut_at_any_step_never_leaves_a_parcel_in_a_free_locker(store: SqliteDatabase, kind: int) -> None:
    """Towards *taken*: a parcel that may be inside is never offered as empty; nothing is fired by a start."""
    states, _, at_ms = in_steps(kind)
    stored: Tower | None = None
    for step, state in enumerate(states):
        await store.write(partial(flash.save, before=stored, after=state))
        stored = state
        loaded = await store.read(flash.load)
        assert loaded is not None
        tower = started(loaded, Hardware(), wall_s=None, at_ms=at_ms, challenge=bytes(8))
        seen_open = step >= 3
        free = tower.lockers[1].available
        assert free == (step == 0 if kind == DROPOFF else seen_open), (kind, step)
        assert tower.intent is None
        assert tower.pending is None
        assert device.ticked(tower, at_ms + 1000).effects == ()
        if 0 < step < 3:
            told = [one for one in tower.log.events if isinstance(one, Accessed)][-1]
            assert told.confirmed is None, "the event says that nobody saw it"


@pytest.mark.parametrize("kind", [DROPOFF, PICKUP, RELEASE])
def test_t18_a_message_that_was_cut_off_fires_nothing_after_the_start(kind: int) -> None:
    """Sessions do not outlive it: the same bytes again are refused, and a new session decides anew."""
    states, _, at_ms = in_steps(kind)
    for state in states[1:]:
        desk = Desk(started(state, Hardware(), wall_s=None, at_ms=at_ms, challenge=bytes(8)))
        for frame in (b"\xd9\xd9\xf7\x41\xa0",):
            desk.receive(frame)
        assert desk.pulses == []
        assert desk.tower.sessions.speaking is None


# -- T-19


def crowd(desk: Desk, rounds: int) -> None:
    """Mixed events, many more than there is room for."""
    rng = random.Random(19)
    phone = visitor(desk, ALL)
    for place in range(rounds):
        if phone.session is None or place % 12 == 0:
            desk.failures = 0
            phone = visitor(desk, ALL)
        number = rng.choice((1, 2, 3, 5, 6))
        match rng.randrange(6):
            case 0:
                phone.say(Packet.ADD_CLIENT_EVENT, {62: place.to_bytes(4)})
            case 1:
                phone.say(Packet.SET_LOCKER_DISABLED, {70: number, 74: rng.random() < 0.2})
            case 2:
                phone.open(token(time_of(desk), number, generation=place + 1, match_available=rng.random() < 0.5))
            case 3:
                phone.open(token(time_of(desk), number, RELEASE, generation=place + 1))
            case 4:
                desk.opens(number)
                desk.closes(number)
            case _:
                phone.say(Packet.SET_LOCKER_AVAILABLE, {70: number, 73: True})
        desk.open.clear()
        desk.read()
        desk.advance(rng.choice((0.1, 31)))


def uploaded(desk: Desk) -> tuple[dict[int, Fields], int]:
    """Every event that reaches the server, and how many ids it is told were dropped."""
    phone, events, dropped, start = visitor(desk, ALL), dict[int, Fields](), 0, 1
    while True:
        reply = phone.say(Packet.SYNC_PULL, {31: start})
        assert isinstance(reply, Reply)
        first, count = reply.fields[31], reply.fields[32]
        batch = open_batch(
            tower_keys(),
            reply.fields[9],
            reply.fields[10],
            tower_id=tower_id(),
            epoch=desk.tower.log.epoch,
            first=first,
            count=count,
        )
        assert isinstance(batch, Batch)
        assert first == start or start == 1, "no gap"
        events |= {one[30]: one for one in batch.events}
        dropped += batch.dropped
        if count == 0:
            return events, dropped
        start = first + count


@pytest.mark.slow
def test_t19_of_a_log_that_ran_over_the_last_state_of_every_locker_reaches_the_server() -> None:
    desk = Desk()
    rounds = 0
    while desk.tower.log.last < 10 * CAPACITY and rounds < 60_000:
        crowd(desk, 600)
        rounds += 600
    assert desk.tower.log.last >= 10 * CAPACITY
    assert len(desk.tower.log.events) <= CAPACITY
    events, dropped = uploaded(desk)
    assert dropped > 0
    assert dropped + len(events) == desk.tower.log.last
    told: dict[int, Accessed | LockerUpdated] = {}
    for number in sorted(events):
        event = read_event(events[number])
        if isinstance(event, Accessed | LockerUpdated):
            told[event.locker_number] = event
    for number, event in told.items():
        locker = desk.tower.lockers[number]
        assert (event.available, event.locker_token) == (locker.available, locker.locker_token)
        assert (event.generation, event.retired) == (locker.generation, locker.retired)
    assert set(told) >= {1, 2, 3, 5, 6}


def test_t19_who_marks_nothing_as_seen_stops_no_opening() -> None:
    desk = Desk()
    phone = visitor(desk, ALL)
    at = time_of(desk)
    mark = packet(at, 7, {1: 16, 31: 13})
    assert code_of(phone.push(mark)) == 0
    assert desk.tower.log.first == 13
    assert code_of(phone.open(token(at, 1))) == 0
