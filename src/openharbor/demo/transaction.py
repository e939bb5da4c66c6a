"""The story of a transaction: a locker is given, the door opens, something goes in and out, the locker comes free."""

import asyncio
import signal
import sys
from collections.abc import Callable
from typing import Any

import uvloop

from openharbor.boards.emulator.emulator import Emulator
from openharbor.boards.emulator.lock import Lock
from openharbor.demo.narration import Narration, Unseen
from openharbor.demo.stage import Stage, on_stage
from openharbor.kit.clock import SystemClock
from openharbor.kit.logs import configure


def run(*, serve: bool, seed: int, say: Callable[[str], None]) -> int:
    """Tells the story; the exit code is 0 only if every step was seen to work. `serve` goes on until it is stopped."""
    try:
        return uvloop.run(_run(serve=serve, seed=seed, say=say))
    except KeyboardInterrupt:
        return 0


async def _run(*, serve: bool, seed: int, say: Callable[[str], None]) -> int:
    configure(log_level="critical")  # the story tells what the log would
    clock = SystemClock()
    narration = Narration(say, clock)
    async with on_stage(seed=seed, clock=clock) as stage:
        try:
            await _whole_story(narration, stage)
        except Unseen as unseen:
            print(f"openharbor: not seen: {unseen}", file=sys.stderr)  # noqa: T201
            return 1
        say(f"Every one of {narration.steps} steps was seen to work.")
        if serve:
            await _keep_serving(stage, say)
    return 0


async def _whole_story(narration: Narration, stage: Stage) -> None:
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


async def _keep_serving(stage: Stage, say: Callable[[str], None]) -> None:
    say(f"openharbor gateway ready {stage.url}")
    for cabinet in (stage.kerong, stage.waveshare):
        say(f"openharbor cabinet ready {cabinet.url()}")
    say(f"No key is needed on loopback. Admin sign-in: admin, {stage.admin_password}. Ctrl-C ends it.")
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
