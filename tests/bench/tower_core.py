"""What a tower's processor does for one token, one session, one sync; and how its flash grows."""

import asyncio
import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from msgspec.structs import replace

from core.blink.rig import CLOCK, FIXTURE
from core.tower.desk import Desk, fixture_tower
from openharbor.blink.keys import derive
from openharbor.blink.packets import Packet
from openharbor.blink.payloads import DROPOFF, PICKUP, OpenPayload, SessionPayload, encode_open, encode_session
from openharbor.blink.phone_session import Credentials, PhoneSession, Reply, ask, read_grant, request_session
from openharbor.blink.sealing import seal
from openharbor.blink.sessions import Sessions
from openharbor.kit.database.migrations import sqlite_url, upgrade
from openharbor.kit.database.sqlite import SqliteDatabase
from openharbor.tower import device, flash, migrations
from openharbor.tower.lockers import Locker
from openharbor.tower.state import Step, Tower, draws_from

from .figures import Figure, most

CHECK_MS, GROWTH_BYTES = 1.0, 1024.0
LOCKERS, TIMES, EVENTS, EARLY, OPENINGS = 60, 500, 1000, 500, 2000
ROTATION = 7  # of the fixture's active rotations
NUMBER = 3


def measure(directory: Path) -> list[Figure]:
    """On this machine; the limits are those of the whole step, message and answer included."""
    return [_token_check(), _handshake(), _sync(), *_flash(directory)]


def _desk() -> Desk:
    """The fixture's tower with sixty lockers, and a phone that speaks."""
    lockers = {number: Locker(number=number, type_id=1, port=number - 1) for number in range(1, LOCKERS + 1)}
    tower = replace(fixture_tower(), lockers=lockers)
    desk = Desk(tower)
    _speak(desk)
    return desk


def _speak(desk: Desk) -> None:
    """A session of now, whatever was before."""
    desk.tower = replace(desk.tower, sessions=Sessions(), visit=None)
    desk.only_session("A")


def _key(tower: Tower) -> bytes:
    return tower.keys.rotations[tower.keys.seal_with].root


def _token(tower: Tower, kind: int, generation: int, token_id: int, number: int = NUMBER) -> dict[int, bytes]:
    payload = OpenPayload(
        issued=CLOCK,
        expires=CLOCK + 86_400,
        tower_id=tower.identity.tower_id,
        token_id=token_id,
        locker_number=number,
        generation=generation,
        access_kind=kind,
        locker_token=b"parcel",
    )
    sealed = seal(derive(_key(tower), tower.keys.seal_with), encode_open(payload), token_id.to_bytes(16))
    return {9: sealed.payload, 10: sealed.auth}


def _timed(times: int, work: Callable[[int], object]) -> list[float]:
    took = []
    for number in range(times):
        began = time.perf_counter()
        work(number)
        took.append((time.perf_counter() - began) * 1000)
    return sorted(took)


def _token_check() -> Figure:
    """OPEN_LOCKER_WITH_TOKEN up to the wish to fire: frame, session, MAC, decryption, decision, intent."""
    desk = _desk()
    tower, phone = desk.tower, desk.phones["A"]
    frames = [
        ask(
            phone, Packet.OPEN_LOCKER_WITH_TOKEN, _token(tower, DROPOFF, 1, 1 + number), (1 + number).to_bytes(16)
        ).frame
        for number in range(TIMES)
    ]
    draws = draws_from(bytes(range(136)))
    took = _timed(TIMES, lambda number: _fires(device.received(tower, frames[number], desk.at_ms, draws)))
    note = f"p50 {median(took):.2f} ms; a tower of {LOCKERS} lockers"
    return most("token check: message, seal, decision, p99", took[int(TIMES * 0.99)], CHECK_MS, "ms", note)


def _fires(step: Step) -> None:
    assert step.tower.pending is not None


def _handshake() -> Figure:
    """REQUEST_SESSION to a session at both ends."""
    tower = fixture_tower()
    payload = SessionPayload(
        issued=CLOCK,
        expires=CLOCK + 3600,
        tower_id=tower.identity.tower_id,
        permissions=7,
        client_id=b"bench",
        seed=bytes(32),
    )
    sealed = seal(derive(_key(tower), tower.keys.seal_with), encode_session(payload), bytes(16))
    credentials = Credentials(sealed.payload, sealed.auth, payload.seed)
    desk = Desk(tower)
    took = _timed(TIMES, partial(_granted, desk, credentials))
    return Figure("session handshake, both ends, p50", median(took), "ms", note=f"p99 {took[int(TIMES * 0.99)]:.2f} ms")


def _granted(desk: Desk, credentials: Credentials, number: int) -> None:
    question = request_session(credentials, (number + 1).to_bytes(16), CLOCK)
    draws = draws_from(random.Random(number).randbytes(136))
    step = device.received(desk.tower, question.frame, desk.at_ms, draws)
    desk.tower = step.tower
    answer = desk.take(step)
    assert answer is not None
    assert isinstance(read_grant(credentials, question, answer.frame), PhoneSession)


def _sync() -> Figure:
    """A thousand events pulled in batches, both ends."""
    desk = _desk()
    while desk.tower.log.last < FIXTURE["event_last"] + EVENTS:
        desk.opens(NUMBER)  # nobody asked for it: an event each time
        desk.closes(NUMBER)
        desk.advance(31)
    _speak(desk)
    began = time.perf_counter()
    start, last = desk.tower.log.first, desk.tower.log.last
    batches = 0
    while start <= last:
        pulled = desk.say("A", Packet.SYNC_PULL, {31: start})
        assert isinstance(pulled, Reply)
        start, batches = pulled.fields[31] + pulled.fields[32], batches + 1
    took = (time.perf_counter() - began) * 1000
    return Figure(f"sync of {EVENTS:,} events, both ends", took, "ms", note=f"{batches} batches")


def _flash(directory: Path) -> list[Figure]:
    """Drop-off, closing, pick-up, closing, with every state stored; nobody fetches the log."""
    path = directory / "tower.db"
    upgrade(sqlite_url(path), migrations.FOLDER, migrations.HEAD)
    desk = _desk()
    sizes, done = [], 0
    for until in (0, EARLY, OPENINGS):
        asyncio.run(_openings(path, desk, range(done, until), new=until == 0))
        sizes.append(path.stat().st_size)
        done = until
    growth = (sizes[1] - sizes[0]) / EARLY
    return [
        most("flash growth per opening, until the log is full", growth, GROWTH_BYTES, "bytes"),
        Figure("flash with a full log", sizes[2] / 1024, "kiB", note=f"{OPENINGS:,} openings, {2 * OPENINGS:,} events"),
    ]


async def _openings(path: Path, desk: Desk, openings: range, *, new: bool) -> None:
    """Carries them out, each state stored."""
    database = SqliteDatabase(path, reserve_bytes=0)
    if new:
        await database.write(partial(flash.save, before=None, after=desk.tower))
    for opening in openings:
        before = desk.tower
        _open(desk, opening)
        await database.write(partial(flash.save, before=before, after=desk.tower))
    await database.close()


def _open(desk: Desk, opening: int) -> None:
    """A drop-off and a pick-up in turn, locker after locker."""
    kind = PICKUP if opening % 2 else DROPOFF
    number, generation = 1 + opening // 2 % LOCKERS, 1 + opening // 2 // LOCKERS
    _speak(desk)
    reply = desk.say("A", Packet.OPEN_LOCKER_WITH_TOKEN, _token(desk.tower, kind, generation, 1 + opening, number))
    assert isinstance(reply, Reply), reply
    desk.closes(number)
