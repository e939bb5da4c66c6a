"""The whole model as data, coil by coil, and one locker of it in short."""

from typing import Any

from openharbor.boards.emulator.board import Board
from openharbor.boards.emulator.emulator import Emulator
from openharbor.boards.emulator.faults import Fault

Data = dict[str, Any]


def state_of(emulator: Emulator) -> Data:
    """Everything of lock-boards.md 6.2, and the rules broken so far."""
    cabinet = emulator.cabinet
    cabinet.timeline.catch_up()
    supplies = cabinet.supplies.items()
    model = cabinet.parts.model
    return {
        "family": emulator.family.name,
        "atMs": cabinet.timeline.ms,
        "supplies": [
            {"supply": name, "on": supply.on, "loadMa": supply.load_ma, "limitMa": model.limit_ma}
            for name, supply in supplies
        ],
        "boards": [{"url": emulator.url(board.address), **_board(board)} for board in cabinet.boards.values()],
        "faults": [fault_view(fault) for fault in emulator.faults],
        "violations": emulator.violations(all_of_them=True),
    }


def fault_view(fault: Fault) -> Data:
    """A fault as the control API shows it."""
    return {
        "id": fault.id,
        "type": fault.type,
        "target": {"board": fault.board, "lock": fault.lock, "on": fault.on},
        "options": dict(fault.options),
        "left": fault.left,
        "started": fault.started,
        "struck": fault.struck,
    }


def _board(board: Board) -> Data:
    return {
        "board": board.address,
        "supply": board.supply.name,
        "listens": board.listens,
        "busy": board.busy,
        "locks": [_lock(board, number) for number in board.locks],
    }


def _lock(board: Board, number: int) -> Data:
    lock, coil = board.locks[number], board.coils[number]
    return {
        "lock": number,
        "coil": coil.on,
        "coilOnMs": coil.on_for_ms if coil.on else None,
        "burnt": lock.burnt,
        "released": lock.released,
        "door": lock.door,
        "held": lock.held,
        "contact": lock.contact,
        "bit": board.bit(number),
        "item": board.items[number],
        "mode": board.modes.get(number, 0),
        "pulses": len(lock.pulses),
    }
