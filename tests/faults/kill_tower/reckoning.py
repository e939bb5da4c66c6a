"""What must hold after each restart: answered ⊆ logged ⊆ answered ∪ in doubt; pulses, states, commands as logged."""

import asyncio
from collections import Counter, deque
from itertools import pairwise
from typing import Final

from faults.kill_tower.books import GONE, Book, Log, Message, State, Token, Wants, state_of
from faults.kill_tower.orders import INSTALLED, REVOKED, SUNSET, Orders
from faults.kill_tower.people import confirm_keys, try_dead
from faults.kill_tower.phones import Phone
from faults.kill_tower.world import World
from openharbor.blink.events import (
    BY_KEYPAD,
    CLOSED,
    DROPPED_OFF,
    FIRED,
    LEFT_OPEN,
    PICKED_UP,
    RELEASED,
    REOPENED,
    REPEATED,
    REVERTED,
    Accessed,
)
from openharbor.blink.frames import read_message
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import Declined, Reply
from openharbor.tower.state import Tower

LATE_S: Final = 20.0
DEAD_TRIED: Final = 6  # old tokens, and as many new ones, after each kill
REASONS: Final[dict[Wants, set[int]]] = {
    "put": {DROPPED_OFF, REPEATED, REOPENED},
    "take": {PICKED_UP, RELEASED, REPEATED, REOPENED},
    "again": {REOPENED},
    "fire": {FIRED},
    "revert": {REVERTED},
    "try a dead token": set(),
}
UPDATING: Final = {Packet.CONFIGURE_LOCKER, Packet.SET_LOCKER_DISABLED, Packet.SET_LOCKER_AVAILABLE}
KEY_ACTIONS: Final = {Packet.INSTALL_KEY: INSTALLED, Packet.SUNSET_KEY: SUNSET, Packet.REVOKE_KEY: REVOKED}


async def reckon(staff: Phone, before: Tower, books: list[Book], figures: Counter[str]) -> None:
    """Compares the tower that was started again with what everybody saw of it. `before`: what was on flash."""
    world, log, orders, chance = staff.world, staff.log, staff.orders, staff.chance
    left = log.left
    await same_bytes_again(staff, books)
    await staff.begin()
    orders.known = before.last_command
    confirm_keys(staff)
    await check_device(staff, left)
    await staff.pull(before.log.first)
    await late_openings(staff, books)
    check_refusals(log, books)
    check_commands(log, orders, before.last_command)
    check_starts(world, log)
    for book in books:
        settle(world, book, figures)
        await check_record(staff, book)
    dead = [(book, token) for book in books for token in book.dead]
    await try_the_dead(staff, dead[-DEAD_TRIED:] + chance.sample(dead, min(DEAD_TRIED, len(dead))))
    await staff.pull()
    assert log.refused == log.refusals_heard
    await staff.close()


async def same_bytes_again(phone: Phone, books: list[Book]) -> None:
    """The message in doubt is known to nobody any more (5.6, reboot); its pulses are counted afterwards."""
    await phone.begin()
    assert phone.link is not None
    for book in books:
        if book.asked and book.asked[-1].answer is None:
            answer = await said_in_the_clear(phone, book.asked[-1].frame)
            assert answer in GONE, f"the bytes of before the power cut were answered {answer}"


async def said_in_the_clear(phone: Phone, frame: bytes) -> int:
    assert phone.link is not None
    fields = read_message(await phone.link.exchange(frame))
    assert fields[1] == Packet.SESSION_ERROR, fields
    code = fields[2]
    assert isinstance(code, int)
    return code


async def late_openings(staff: Phone, books: list[Book]) -> None:
    """Where a door that jammed has come open meanwhile, the tower sees and tells it (7.3)."""
    for book in books:
        last = book.asked[-1] if book.asked else None
        if last is None or not isinstance(last.answer, Reply) or last.answer.fields.get(234) is not False:
            continue
        async with asyncio.timeout(LATE_S):
            while is_open(staff.world, book) and not told_late(book, last):
                await staff.pull()
                await asyncio.sleep(0.02)


def told_late(book: Book, message: Message) -> bool:
    events = [one for one in book.told if isinstance(one, Accessed) and is_of(one, message)]
    return any(one.confirmed is True for one in events)


def check_refusals(log: Log, books: list[Book]) -> None:
    """Every refused token is in the log, and none twice; what was in doubt may have been refused."""
    doubts = sum(one.asked[-1].answer is None for one in books if one.asked)
    assert log.refusals_heard <= log.refused <= log.refusals_heard + doubts, (log.refused, log.refusals_heard, doubts)
    log.refusals_heard = log.refused


async def check_device(staff: Phone, left: int) -> None:
    """What it says of itself is the server's doing; its clock is neither behind what has left nor put on twice."""
    model = staff.orders.configurations[staff.orders.known]
    told = (await staff.do(Packet.GET_DEVICE_INFO)).fields
    assert (told[60], told[138], told[154]) == (model.name, model.serial, model.delay_ms)
    assert told[129] >= left, f"the clock says {told[129]}, and {left} has left the tower"
    assert told[129] <= staff.world.server.now + model.ahead + 1, (told[129], staff.world.server.now, model.ahead)
    status = (await staff.do(Packet.REQUEST_SYNC_STATUS)).fields
    assert (status[31], status[33]) == (model.first_event, staff.orders.known)


def check_commands(log: Log, orders: Orders, last: int) -> None:
    """Each command was dealt with once, in order, and what it changed was told once."""
    ends = [(1, 0), *log.done]
    assert all(first + count == start for (first, count), (start, _) in pairwise(ends)), log.done[-4:]
    first, count = ends[-1]
    assert first + count - 1 == last, (log.done[-4:], last)
    updates = {
        number: int(number <= last and number not in log.failed)
        for number, command in enumerate(orders.commands, 1)
        if command[1] in UPDATING
    }
    assert {number: log.updates[number] for number in updates} == updates
    actions = Counter((one[43], KEY_ACTIONS[one[1]]) for one in orders.commands[:last] if one[1] in KEY_ACTIONS)
    assert log.keys == actions
    assert {orders.commands[number - 1][1] for number in log.failed} <= {Packet.SET_LOCKER_AVAILABLE}, log.failed
    assert set(log.failed.values()) <= {502}, log.failed


def check_starts(world: World, log: Log) -> None:
    """Every start is told, and none twice."""
    assert log.kinds["Booted"] == log.boot_count
    assert world.starts <= log.boot_count <= world.starts + world.starts_cut_short


def settle(world: World, book: Book, figures: Counter[str]) -> None:
    """One locker: each pulse with its message, each message with its event, each event with the state it makes."""
    ends = [one.pulses_before for one in book.asked[1:]] + [world.pulses(book.number)]
    for message, end in zip(book.asked, ends, strict=False):
        message.pulses = end - message.pulses_before
        check_pulses(book, message)
    events = [one for one in book.told if isinstance(one, Accessed) and one.reason not in (CLOSED, LEFT_OPEN)]
    match_events(book, deque(events))
    check_states(book)
    check_parcel(world, book)
    count_stage(book, figures)
    last = book.asked[-1] if book.asked else None
    book.doubt = last if last is not None and last.answer is None else None
    book.asked, book.told = [], []


def check_pulses(book: Book, message: Message) -> None:
    """One pulse at most for each message, one for each success, none for a refusal or a reversal."""
    fires = message.wants not in ("revert", "try a dead token")
    least = int(fires and isinstance(message.answer, Reply))
    most = int(fires and not message.refused)
    assert least <= message.pulses <= most, f"locker {book.number}: {message.pulses} pulses for {message}"


def match_events(book: Book, events: deque[Accessed]) -> None:
    """In order: an answered opening has its event, one in doubt may have; a pulse always has."""
    pass_late(book, events)
    for message in book.asked:
        if message.refused:
            continue
        if events and is_of(events[0], message):
            event = message.event = events.popleft()
            check_answer(message, event)
            if event.confirmed is not True:
                book.jams.add((event.session_ref, event.token_id))
            pass_late(book, events)
        else:
            assert message.answer is None, f"locker {book.number}: an answered opening is not logged: {message}"
            assert message.pulses == 0, f"locker {book.number}: a pulse that no event tells: {message}"
    assert not events, f"locker {book.number}: nobody asked for {events}"


def pass_late(book: Book, events: deque[Accessed]) -> None:
    """A door that stayed shut, and opened later, is told once more (7.3)."""
    while events and events[0].confirmed is True and (events[0].session_ref, events[0].token_id) in book.jams:
        if any(
            one.session_ref == events[0].session_ref and one.event is None and not one.refused for one in book.asked
        ):
            return
        events.popleft()


def is_of(event: Accessed, message: Message) -> bool:
    token_id = message.token.token_id if message.token is not None else None
    return (event.session_ref, event.token_id) == (message.session_ref, token_id) and (
        event.reason in REASONS[message.wants]
    )


def check_answer(message: Message, event: Accessed) -> None:
    """What the phone was told is what the log says."""
    assert event.reason not in (BY_KEYPAD, CLOSED)
    if isinstance(message.answer, Reply) and message.wants in ("put", "take", "again"):
        assert message.answer.fields.get(234) == event.confirmed, (message, event)


def check_states(book: Book) -> None:
    """Each event's state is what its access makes of the state before; numbers never go back."""
    asked = {id(one.event): one for one in book.asked if one.event is not None}
    state = book.settled
    for event in book.told:
        after = state_of(event)
        assert after.generation >= state.generation, (state, event)
        assert after.retired >= state.retired, (state, event)
        assert after.locker_token == b"" or not after.available, event
        if isinstance(event, Accessed):
            allowed = states_after(book, state, event, asked.get(id(event)))
            assert after in allowed, f"locker {book.number}: {event} after {state}, not one of {allowed}"
        state = after
    book.settled = state


def states_after(book: Book, state: State, event: Accessed, message: Message | None) -> list[State]:
    """`message` None: a door that opened late, closed, or was left open. Late is after a power cut here: only what
    takes a locker counts then.
    """
    if event.reason in (CLOSED, LEFT_OPEN, REPEATED, FIRED):
        return [state]
    if message is None or message.token is None:
        return [state_of(event)] if event.reason == DROPPED_OFF and not event.available else [state]
    token = message.token
    generation = token.generation
    taken = State(False, token.locker_token, generation, state.retired)
    free = State(True, b"", max(state.generation, generation), max(state.retired, generation))
    if event.reason == DROPPED_OFF:
        return [state] if event.confirmed is False else [taken]
    if event.reason in (PICKED_UP, RELEASED):
        sure = event.confirmed is True or (event.confirmed is None and not book.sensor)
        return [free] if sure and message.answer is not None else [state, free]
    if event.reason == REVERTED:
        return [state, State(True, b"", generation, generation)]
    return [state, taken]  # a second try of what jammed


def check_parcel(world: World, book: Book) -> None:
    """A locker with a parcel is never free (7.3). People put it in, or take it out, as soon as the door is open."""
    for message in book.asked:
        if message.wants == "revert" and not message.refused:
            book.parcel = False
        elif message.pulses and message.wants == "put":
            book.parcel = True if not message.held or is_open(world, book) else book.parcel
        elif message.pulses and message.wants == "take":
            book.parcel = False
    assert not (book.parcel and book.state.available), f"locker {book.number} has a parcel and is free: {book.state}"


def is_open(world: World, book: Book) -> bool:
    """Whoever leaned on the door has let go of it meanwhile."""
    return world.lock(book.number).door != "closed"


def count_stage(book: Book, figures: Counter[str]) -> None:
    """Where the kill met the opening: for the figures of a run."""
    for message in book.asked:
        figures["openings answered"] += isinstance(message.answer, Reply)
        figures["refusals answered"] += isinstance(message.answer, Declined)
        if message.answer is None and message.wants != "revert":
            told = "event or intent" if message.event is not None else "nothing on flash"
            figures[f"in doubt: {told}, {message.pulses} pulse"] += 1
        elif message.answer is None:
            figures["in doubt: a reversal"] += 1


async def check_record(staff: Phone, book: Book) -> None:
    """What the tower says of a locker is what the log says."""
    told = (await staff.do(Packet.GET_LOCKER_INFO, {70: book.number})).fields
    assert (told[73], told[75]) == (book.settled.available, book.settled.locker_token), (told, book.settled)


async def try_the_dead(phone: Phone, dead: list[tuple[Book, Token]]) -> None:
    """Presents tokens whose generation was retired: each is refused, and no lock moves."""
    for book, token in dead:
        await try_dead(phone, book, token)
        message = book.asked.pop()
        assert phone.world.pulses(book.number) == message.pulses_before, f"{token} is retired, and fired"
