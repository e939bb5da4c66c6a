"""The story of a transaction: a locker is given, the door opens, something goes in and out, the locker comes free."""

from typing import Any

from openharbor.boards.emulator.emulator import Emulator
from openharbor.boards.emulator.lock import Lock
from openharbor.demo.narration import Narration
from openharbor.demo.stage import Stage


async def tell_transaction(narration: Narration, stage: Stage) -> None:
    """The whole story. Raises Unseen at the first step that was not seen to work."""
    narration.tell("Two cabinets on TCP: a Kerong CU16 (tower A) and a Waveshare relay board (tower B); one gateway.")
    for cabinet in (stage.kerong, stage.waveshare):
        narration.note(cabinet.url())
    narration.note(f"gateway at {stage.url}")
    await narration.await_sight("both boards answer", stage.boards_online)
    await _parcel(narration, stage, stage.kerong, "parcel-1", "small", "Kerong CU16")
    await _parcel(narration, stage, stage.waveshare, "parcel-2", "large", "Waveshare")
    await _jam(narration, stage)
    await _audit(narration, stage)


async def _parcel(
    narration: Narration, stage: Stage, cabinet: Emulator, transaction: str, kind: str, board: str
) -> None:
    """In and out of one locker, with a lost answer on the way."""
    narration.tell(f"POST /transactions asks for a {kind} locker for {transaction}.")
    held = await stage.call("POST", "/transactions", 201, {"transactionId": transaction, "lockerType": kind})
    lock = cabinet.locks[next(iter(cabinet.locks))][held["bankLockerNumber"]]
    narration.see(f"locker {held['lockerId']} is held; no door moved", not lock.pulses)
    await _open(narration, stage, transaction, lock, f"over the {board} protocol")
    narration.tell("The answer got lost: the same request with the same Idempotency-Key.")
    again = await stage.call("POST", f"/transactions/{transaction}/open", 200, key=f"{transaction}-1")
    narration.see("the first outcome again, and still one pulse", again["confirmed"] and len(lock.pulses) == 1)
    await _shut(narration, stage, held["lockerId"], lock, "The item is in; the door is pushed shut.")
    await _open(narration, stage, transaction, lock, "to take the item out", number=2)
    await _shut(narration, stage, held["lockerId"], lock, "The item is out; the door is pushed shut.")
    narration.tell(f"DELETE /transactions/{transaction}.")
    await stage.call("DELETE", f"/transactions/{transaction}", 204)
    free = await stage.call("GET", f"/lockers/{held['lockerId']}", 200)
    narration.see(f"locker {held['lockerId']} is available again", free["available"])


async def _open(narration: Narration, stage: Stage, transaction: str, lock: Lock, how: str, number: int = 1) -> None:
    narration.tell(f"POST /transactions/{transaction}/open, {how}.")
    answer = await stage.call("POST", f"/transactions/{transaction}/open", 200, key=f"{transaction}-{number}")
    pulses = len(lock.pulses)
    narration.note(f"answer: {answer['message']}, confirmed={answer['confirmed']}, after {answer['durationMs']} ms")
    opened = answer["confirmed"] and answer["doorOpen"] and lock.door == "open" and pulses == number
    narration.see(f"the door sensor saw the door go from closed to open; pulse {pulses} of the lock", opened)


async def _shut(narration: Narration, stage: Stage, locker_id: int, lock: Lock, text: str) -> None:
    narration.tell(text)
    lock.push_shut()

    async def shut() -> bool:
        locker: dict[str, Any] = await stage.call("GET", f"/lockers/{locker_id}", 200)
        return locker["doorOpen"] is False

    await narration.await_sight("the door sensor saw it shut", shut)


async def _jam(narration: Narration, stage: Stage) -> None:
    narration.tell("The latch of the medium locker is jammed; a transaction asks for it to be opened.")
    held = await stage.call("POST", "/transactions", 201, {"transactionId": "parcel-3", "lockerType": "medium"})
    cabinet, board = stage.kerong, next(iter(stage.kerong.locks))
    lock = cabinet.locks[board][held["bankLockerNumber"]]
    cabinet.faults.add("latch_jammed", board=board, lock=held["bankLockerNumber"])
    error = await stage.call("POST", "/transactions/parcel-3/open", 500, key="parcel-3-1")
    narration.note(f"answer: {error['error']}, {error['message']}")
    jammed = error["error"] == "HARDWARE_MALFUNCTION" and error["details"]["doorOpen"] == "false"
    narration.see("told as jammed; the sensor saw the door stay shut; one pulse", jammed and len(lock.pulses) == 1)
    narration.tell("Somebody frees the latch; the open is tried again.")
    cabinet.faults.clear()
    again = await stage.call("POST", "/transactions/parcel-3/open", 200, key="parcel-3-2")
    narration.see("the door sensor saw the door go from closed to open", again["confirmed"])
    await _shut(narration, stage, held["lockerId"], lock, "The door is pushed shut, and the transaction released.")
    await stage.call("DELETE", "/transactions/parcel-3", 204)


async def _audit(narration: Narration, stage: Stage) -> None:
    narration.tell("gateway check verifies the journal and the hash chain of the audit log.")
    entries = await stage.check()
    narration.see(f"{entries} audit entries, each linked to the one before", entries > 0)
    broken = [str(violation) for cabinet in (stage.kerong, stage.waveshare) for violation in cabinet.violations()]
    narration.see("no cabinet saw a rule of its wire broken", not broken)
