"""T-03, T-11: late answers and a flood of noise, against a tower that listens (blink-protocol.md 16).

Silent, half-open and idle links (T-14) are in tests/service/tower_shell/test_links.py; a tower that is killed in an
opening (T-18) in tests/service/tower_shell/test_power_cut.py.
"""

import asyncio
import random
import threading
from pathlib import Path

from fuzz.making import Maker
from fuzz.world import World
from harness.towers import Server, TowerRig, WirePhone, make_tower, phone_at, provision, tower_on, until
from openharbor.blink.frames import FrameReader
from openharbor.blink.packets import Packet
from openharbor.blink.payloads import DROPOFF
from openharbor.blink.phone_session import PhoneSession, Reply, ask, read_grant, request_session
from openharbor.blink.refusals import Rejected
from openharbor.kit.clock import SteppedClock
from openharbor.kit.database.face import Transaction
from openharbor.tower.app import running
from openharbor.tower.links import Link

FRAMES = 1500


async def test_t03_no_stale_answer_is_ever_delivered(tmp_path: Path) -> None:
    """A disk that takes 18 s: the phone may have given up by then, and would take the answer for the next one's."""
    clock = SteppedClock()
    data = await make_tower(tmp_path, ["virtual://absent"], provision(made_at=clock.now() // 1000))
    async with running(data, None, clock) as tower:
        sent: list[bytes] = []

        async def send(frame: bytes) -> None:
            sent.append(frame)

        link = Link(tower, send)
        task = asyncio.create_task(link.run())
        given = Server(clock).session()
        request = request_session(given, bytes(16), 0)
        link.feed(request.frame)
        await until(lambda: len(sent) == 1)
        session = read_grant(given, request, sent[0])
        assert isinstance(session, PhoneSession)
        disk, begun = threading.Event(), threading.Event()

        def hold(_: Transaction) -> None:
            begun.set()
            disk.wait(30)

        stuck = asyncio.create_task(tower._keeper._database.write(hold))
        await until(begun.is_set)
        link.feed(ask(session, Packet.ADD_CLIENT_EVENT, {62: b"x"}, bytes(16)).frame)
        await asyncio.sleep(0)
        await clock.advance(18.1)
        disk.set()
        await stuck
        await asyncio.wait_for(task, 20)
        assert len(sent) == 1, "the link is cut instead"


async def test_t11_noise_on_some_links_leaves_the_session_of_another_alone(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig, rig.phone() as honest:
        await honest.begin(rig.server.session())
        assert isinstance(await honest.do(Packet.FIND_AVAILABLE_LOCKERS), Reply)
        before = rig.running.state
        await flood(rig)
        after = rig.running.state
        assert rig.pulses() == []
        assert (after.lockers, after.keys, after.last_command) == (before.lockers, before.keys, before.last_command)
        assert len(after.requests.nonces) <= 64
        assert isinstance(await honest.open(rig.server.token(1, DROPOFF)), Reply)
        assert rig.pulses() == [1]


async def flood(rig: TowerRig) -> None:
    """Frames of the fuzzer, on links that are cut and opened again."""
    rng = random.Random(11)
    world = World(rng)
    maker = Maker(world, rng)
    count = 0
    while count < FRAMES:
        async with phone_at(rig.address) as attacker:
            while count < FRAMES and await answered(attacker, maker.make().frame):
                count += 1
        count += 1


async def answered(attacker: WirePhone, frame: bytes) -> bool:
    """Whether a frame got its answer; a link that is cut, or half a message, ends the link."""
    try:
        if not is_whole(frame):
            await attacker.send(frame)
            return False
        await attacker.exchange(frame)
    except (EOFError, OSError, asyncio.IncompleteReadError):
        return False
    return True


def is_whole(frame: bytes) -> bool:
    reader = FrameReader(info=True)
    try:
        reader.feed(frame)
        return reader.next() == frame
    except Rejected:
        return False


async def test_t14_a_second_phone_gets_in_beside_one_that_says_nothing(tmp_path: Path) -> None:
    async with tower_on(tmp_path, links=2) as rig, rig.phone(), rig.phone() as half:
        await half.send(b"\xd9\xd9\xf7\x58")
        async with rig.phone() as honest:
            await honest.begin(rig.server.session())
            assert isinstance(await honest.open(rig.server.token(2, DROPOFF)), Reply)
        assert rig.pulses() == [2]
