"""`openharbor demo`: a transaction at a gateway, and whole deliveries at a Bluetooth tower, told step by step."""

import asyncio
import signal
import sys
from collections.abc import Callable

import uvloop

from openharbor.demo.delivery import tell_delivery
from openharbor.demo.narration import Narration, Unseen
from openharbor.demo.parcel import tell_parcel
from openharbor.demo.platform import TOWER, Platform, on_platform
from openharbor.demo.stage import Stage, on_stage
from openharbor.demo.street import Street, on_street
from openharbor.demo.transaction import tell_transaction
from openharbor.kit.clock import SystemClock
from openharbor.kit.logs import configure
from openharbor.tower.wire import listening


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
    async with (
        on_stage(seed=seed, clock=clock) as stage,
        on_platform(clock) as platform,
        on_street(platform, seed=seed, clock=clock) as street,
    ):
        try:
            say("A transaction, at a gateway:")
            await tell_transaction(narration, stage)
            say("An order that is cancelled, on the platform:")
            await tell_delivery(narration, platform)
            say("A parcel, from the token to the door and back:")
            await tell_parcel(narration, platform, street)
        except Unseen as unseen:
            print(f"openharbor: not seen: {unseen}", file=sys.stderr)  # noqa: T201
            return 1
        say(f"Every one of {narration.steps} steps was seen to work.")
        if serve:
            await _keep_serving(stage, platform, street, say)
    return 0


async def _keep_serving(stage: Stage, platform: Platform, street: Street, say: Callable[[str], None]) -> None:
    async with listening(street.tower, "127.0.0.1", 0) as address:
        await _until_stopped(stage, platform, street, address, say)


async def _until_stopped(
    stage: Stage, platform: Platform, street: Street, tower: str, say: Callable[[str], None]
) -> None:
    say(f"openharbor gateway ready {stage.url}")
    for cabinet in (stage.kerong, stage.waveshare, street.cabinet):
        say(f"openharbor cabinet ready {cabinet.url()}")
    say(f"No key is needed on loopback. Admin sign-in: admin, {stage.admin_password}.")
    say(f"openharbor cloud ready {platform.url}")
    say(f"Client {platform.client_id}, secret {platform.client_secret}.")
    say(f"openharbor tower ready {TOWER} {tower}")
    say("Ctrl-C ends it.")
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
