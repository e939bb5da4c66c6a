"""Commands to a tower are numbered without gaps, whoever queues them, and kept in order (blink-protocol.md 8.3)."""

import asyncio
from functools import partial

import pytest

from openharbor.blink.packets import Packet
from openharbor.cloud.lockers.change import Disable, EraseCode, Retire
from openharbor.cloud.scope import INSTALLATION
from openharbor.cloud.towers import commands, store
from openharbor.cloud.towers.commands import queue, queue_next
from openharbor.kit.database.face import Database, Transaction

from .towers import EMPTY_TOWER, NOW, TOWER, one, rows


async def numbers(database: Database, tower: str = TOWER) -> list[int]:
    found = await rows(
        database, "SELECT command_id FROM tower_commands WHERE tower_id = :tower ORDER BY command_id", tower=tower
    )
    return [row["command_id"] for row in found]


async def test_a_decisions_commands_get_the_numbers_that_it_gave_them(database: Database) -> None:
    made = (Retire(1, 14, 7, "unused"), Disable(2, 14, disabled=True), EraseCode(3, 14))
    await database.write(lambda tx: queue(INSTALLATION, tx, TOWER, made, NOW))
    waiting = await database.read(lambda tx: store.waiting_commands(INSTALLATION, tx, TOWER, 10))
    assert [(one.command_id, one.packet_type, one.locker_number) for one in waiting] == [
        (1, Packet.SET_LOCKER_AVAILABLE, 14),
        (2, Packet.SET_LOCKER_DISABLED, 14),
        (3, Packet.SET_LOCKER_KEYPAD, 14),
    ]
    assert waiting[0].fields == {70: 14, 73: True, 91: True, 249: 7}
    assert waiting[2].fields[82] == b""
    assert (await one(database, "SELECT next_command FROM towers WHERE id = :id", id=TOWER))["next_command"] == 4


async def test_nothing_to_queue_is_nothing_written(database: Database) -> None:
    await database.write(lambda tx: queue(INSTALLATION, tx, "0100000000000099", (), NOW))
    assert await numbers(database) == []


@pytest.mark.parametrize("given", [(2,), (1, 3), (2, 1), (0,)])
async def test_a_decision_that_saw_another_state_is_undone(database: Database, given: tuple[int, ...]) -> None:
    made = [EraseCode(number, 14) for number in given]
    with pytest.raises(ValueError, match="must be numbered from 1 on"):
        await database.write(lambda tx: queue(INSTALLATION, tx, TOWER, made, NOW))
    assert await numbers(database) == []
    assert (await one(database, "SELECT next_command FROM towers WHERE id = :id", id=TOWER))["next_command"] == 1


async def test_an_unknown_tower_is_told(database: Database) -> None:
    with pytest.raises(LookupError, match="no tower 0100000000000099"):
        await database.write(lambda tx: queue_next(INSTALLATION, tx, "0100000000000099", [commands.mark_seen(1)], NOW))


def queue_two(tx: Transaction, tower: str) -> int:
    return queue_next(INSTALLATION, tx, tower, [commands.mark_seen(5), commands.sunset_key(1)], NOW)


async def test_many_at_once_leave_no_gap_and_no_number_twice(database: Database) -> None:
    towers = [TOWER, EMPTY_TOWER] * 10
    firsts = await asyncio.gather(*(database.write(partial(queue_two, tower=tower)) for tower in towers))
    assert sorted(firsts[::2]) == sorted(firsts[1::2]) == list(range(1, 20, 2))
    assert await numbers(database) == await numbers(database, EMPTY_TOWER) == list(range(1, 21))


async def test_the_number_after_the_largest_that_a_phone_can_carry_is_never_given(database: Database) -> None:
    await database.write(lambda tx: tx.execute("UPDATE towers SET next_command = 2147483648"))
    with pytest.raises(ValueError, match="largest number"):
        await database.write(partial(queue_two, tower=TOWER))
