"""Faults of lock boards and locks: told when they begin, and when they are over (blink-protocol.md 9.2).

A board is known by its ports. Its ERROR_EVENT names the lowest of its lockers (#70), and all of them in words (#3).
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from openharbor.blink.events import ErrorOver, ErrorSeen
from openharbor.tower.codes import FROM_BOARD, HW_UNKNOWN
from openharbor.tower.state import Faults, Tower, logged, now

STEADY_MS: Final = 10_000  # that a board answers before its fault is over: one may come and go
MOST_NAMED: Final = 9  # lockers by number, within the 100 bytes of #3


def board_seen(tower: Tower, ports: Collection[int], at_ms: int, *, reachable: bool) -> Tower:
    """With what is new about a board. `ports`: all that it serves, the same each time. Raises ValueError for none."""
    if not ports:
        raise ValueError("a board has at least one port")
    board = min(ports)
    others = {one: since for one, since in tower.answering.items() if one != board}
    if reachable == (board not in tower.faults.boards):
        return tower if board not in tower.answering else replace(tower, answering=others)
    if not reachable:
        return _begun(tower, ports, at_ms)
    since = tower.answering.get(board, at_ms)
    if at_ms - since < STEADY_MS:
        return replace(tower, answering={**others, board: since})
    return _over_with(replace(tower, answering=others), ports, at_ms)


def _numbers(tower: Tower, ports: Collection[int]) -> list[int]:
    return sorted(one.number for one in tower.lockers.values() if one.port in ports)


def _begun(tower: Tower, ports: Collection[int], at_ms: int) -> Tower:
    numbers = _numbers(tower, ports)
    if not numbers:
        return tower  # nobody misses it
    words = f"no answer from the lock board of {_in_words(numbers)}"
    error = _error(tower, numbers[0], at_ms)
    boards = {**tower.faults.boards, min(ports): numbers[0]}
    tower = replace(tower, faults=replace(tower.faults, boards=boards))
    return logged(tower, replace(error, message=words), at_ms)


def _in_words(numbers: Sequence[int]) -> str:
    first, last = numbers[0], numbers[-1]
    if len(numbers) == 1:
        return f"locker {first}"
    if last - first + 1 == len(numbers) > 2:
        return f"lockers {first} to {last}"
    return f"lockers {', '.join(map(str, numbers))}" if len(numbers) <= MOST_NAMED else f"{len(numbers)} lockers"


def _over_with(tower: Tower, ports: Collection[int], at_ms: int) -> Tower:
    """What was told of the board is over, and with it what was told of its locks."""
    told = tower.faults.boards[min(ports)]
    locks = [one for one in _numbers(tower, ports) if one in tower.faults.locks and one != told]
    boards = {one: number for one, number in tower.faults.boards.items() if one != min(ports)}
    tower = replace(tower, faults=Faults(boards, tower.faults.locks - {told, *locks}))
    return _over(tower, [told, *locks], at_ms)


def lock_failed(tower: Tower, number: int, at_ms: int) -> Tower:
    """A pulse that its board surely did not send: an ERROR_EVENT each time; equal ones in a row are merged (8.6)."""
    tower = replace(tower, faults=replace(tower.faults, locks=tower.faults.locks | {number}))
    return logged(tower, _error(tower, number, at_ms), at_ms)


def lock_works(tower: Tower, number: int, at_ms: int) -> Tower:
    """A pulse that was sent: what was told of this lock is over."""
    if number not in tower.faults.locks:
        return tower
    tower = replace(tower, faults=replace(tower.faults, locks=tower.faults.locks - {number}))
    return _over(tower, [number], at_ms)


def _error(tower: Tower, number: int, at_ms: int) -> ErrorSeen:
    return ErrorSeen(event_id=0, at=now(tower, at_ms), code=HW_UNKNOWN, source=FROM_BOARD, locker_number=number)


def _over(tower: Tower, numbers: Iterable[int], at_ms: int) -> Tower:
    for number in numbers:
        event = ErrorOver(event_id=0, at=now(tower, at_ms), code=HW_UNKNOWN, source=FROM_BOARD, locker_number=number)
        tower = logged(tower, event, at_ms)
    return tower
