"""Who lost the link may open again for 120 s, whatever the clock or the power did meanwhile (blink-protocol.md 7.4)."""

from msgspec.structs import replace

from core.tower.desk import AT_MS, DRAWS, TOKENS, Desk
from openharbor.blink.events import DROPPED_OFF, REOPENED, REPEATED, Accessed
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import ask
from openharbor.tower import device
from openharbor.tower.clock_steps import with_clock
from openharbor.tower.power_up import started
from openharbor.tower.state import Hardware, Tower, now

DROP_OFF = "drop-off, locker 1"


def used(*jams: int) -> Desk:
    """A courier has opened, and heard nothing of it."""
    desk = Desk()
    desk.only_session("F")
    desk.jams.update(jams)
    desk.use("F", DROP_OFF)
    return desk


def used_again(desk: Desk) -> int:
    """The same token in another session: the reason of its access."""
    desk.session("A")
    desk.use("A", DROP_OFF)
    event = desk.newest()
    assert isinstance(event, Accessed)
    return event.reason


def step(tower: Tower, at_ms: int, seconds: int) -> Tower:
    return with_clock(tower, replace(tower.clock, base_ms=tower.clock.base_ms + seconds * 1000), at_ms)


def test_within_it_the_drop_off_is_repeated_and_changes_nothing() -> None:
    desk = used()
    desk.advance(100)
    assert used_again(desk) == REPEATED
    assert not desk.tower.lockers[1].available


def test_a_clock_that_is_put_right_takes_nothing_from_it() -> None:
    """A fresh session payload moves a slow clock forward; the parcel of that moment is inside."""
    for seconds in (1800, -200):
        desk = used()
        desk.tower = step(desk.tower, desk.at_ms, seconds)
        desk.advance(100)
        assert used_again(desk) == REPEATED
        assert not desk.tower.lockers[1].available


def test_nor_does_it_leave_a_door_open() -> None:
    desk = used()
    desk.read()
    events = len(desk.tower.log.events)
    desk.tower = step(desk.tower, desk.at_ms, 3600)
    desk.advance(1)
    assert len(desk.tower.log.events) == events
    opened_at = desk.tower.lockers[1].watched
    assert opened_at is not None
    assert now(desk.tower, desk.at_ms) - opened_at.opened_at < 10


def test_a_receipt_stays_a_receipt_when_the_clock_is_moved() -> None:
    desk = used()
    desk.say("F", Packet.CHECK_LOCKER_DOOR)
    before = desk.tower.lockers[1].used
    desk.closes(1)
    desk.tower = step(desk.tower, desk.at_ms, 3600)
    assert desk.tower.lockers[1].used == before


def test_after_a_jam_it_begins_with_the_second_try_that_opened() -> None:
    desk = used(1)
    desk.advance(110)
    desk.jams.clear()
    desk.say("F", Packet.REOPEN_LOCKER)
    event = desk.newest()
    assert isinstance(event, Accessed)
    assert (event.reason, event.confirmed) == (REOPENED, True)
    desk.advance(100)
    assert used_again(desk) == REPEATED


def test_after_a_power_cut_it_begins_with_the_start() -> None:
    """The courier waits for the lights to come back, and tries again; nobody knows whether the door was open before."""
    desk = Desk()
    desk.only_session("F")
    fields = {9: bytes.fromhex(TOKENS[DROP_OFF]["payload"]), 10: bytes.fromhex(TOKENS[DROP_OFF]["payload_auth"])}
    question = ask(desk.phones["F"], Packet.OPEN_LOCKER_WITH_TOKEN, fields, bytes(16))
    cut = device.received(desk.tower, question.frame, AT_MS, DRAWS).tower
    wall_s = now(cut, AT_MS) + 600
    after = started(cut, Hardware(), wall_s=wall_s, at_ms=0, challenge=bytes(8))
    assert [(one.reason, one.confirmed) for one in after.log.events if isinstance(one, Accessed)][-1] == (
        DROPPED_OFF,
        None,
    )
    assert after.lockers[1].used[0].at == wall_s
