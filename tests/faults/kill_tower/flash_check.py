"""What must be on flash while the tower is dead: whole, and no less than what has left the tower."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from faults.kill_tower.books import Book, Log
from faults.kill_tower.orders import INSTALLED, REVOKED, SUNSET, Configuration, Orders
from faults.kill_tower.world import SPARE, World
from openharbor.blink.event_maps import write_event
from openharbor.kit.database.readers import reading
from openharbor.tower import flash
from openharbor.tower.state import Tower

STATES: Final = {"active": INSTALLED, "sunset": SUNSET, "revoked": REVOKED}


def check_flash(world: World, log: Log, orders: Orders, books: list[Book]) -> Tower:
    """The tower that is on flash, read from a copy: its own start has to find it as the kill left it."""
    path = world.copy_of_flash(world.log.parent / "copy")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    tower = stored(path)
    last = tower.last_command
    assert orders.known <= last <= orders.sent, f"L is {last}, acknowledged {orders.known}, sent {orders.sent}"
    assert configuration_of(tower) == shown(orders.configurations[last]), f"after command {last}"
    assert tower.clock.floor >= log.left, f"the floor is {tower.clock.floor}, and {log.left} has left the tower"
    check_log(tower, log)
    for book in books:
        check_locker(world, tower, book)
    return tower


def stored(path: Path) -> Tower:
    with reading(path) as tx:
        tower = flash.load(tx)
    assert tower is not None
    return tower


def configuration_of(tower: Tower) -> tuple[object, ...]:
    """What the server's commands made of it."""
    spare = tower.lockers[SPARE]
    rotations = {number: STATES[one.state] for number, one in tower.keys.rotations.items()}
    parts = (tower.identity.name, tower.identity.serial, tower.settings.solenoid_delay_ms)
    return (*parts, spare.type_id, spare.disabled, tower.log.first, rotations)


def shown(model: Configuration) -> tuple[object, ...]:
    parts = (model.name, model.serial, model.delay_ms)
    return (*parts, model.type_id, model.disabled, model.first_event, dict(model.rotations))


def check_log(tower: Tower, log: Log) -> None:
    """Every event that has left and may not be forgotten is there as it left; no id is missing."""
    kept = {event.event_id: event for event in tower.log.events}
    assert list(kept) == list(range(tower.log.first, tower.log.last + 1))
    assert tower.log.last >= log.next - 1, "an event that has left the tower is lost"
    for number in range(tower.log.first, log.next):
        assert write_event(kept[number]) == log.events[number], f"event {number} has changed after it left the tower"


def check_locker(world: World, tower: Tower, book: Book) -> None:
    """What was retired stays so; a pulse without an answer has its intent or its event."""
    record = tower.lockers[book.number]
    assert record.retired >= book.state.retired, (record, book.state)
    assert record.generation >= book.state.generation, (record, book.state)
    if not book.asked or book.asked[-1].answer is not None:
        return
    doubt = book.asked[-1]
    if world.pulses(book.number) == doubt.pulses_before:
        return
    token_id = doubt.token.token_id if doubt.token is not None else None
    intent = tower.intent
    written = [(one.session_ref, getattr(one, "token_id", None)) for one in tower.log.events]
    if intent is not None:
        written.append((intent.session_ref, intent.token_id))
    assert (doubt.session_ref, token_id) in written, (
        f"locker {book.number} was pulsed, and nothing tells of it: {doubt}"
    )
