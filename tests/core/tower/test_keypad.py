"""Keypad codes: set, entered, guessed (blink-protocol.md 11.4)."""

from msgspec.structs import replace

from core.tower.desk import Desk
from openharbor.blink.events import BY_KEYPAD, Accessed, ErrorSeen, LockerUpdated
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import Declined, Reply
from openharbor.tower import device
from openharbor.tower.state import KeypadSays


def desk_with_code(code: str = "482913", *, persists: bool = False, free_after: bool = True) -> Desk:
    desk = Desk()
    desk.only_session("A")
    desk.use("A", "drop-off, locker 1")
    fields = {80: code, 81: persists, 82: b"next", 83: free_after}
    assert isinstance(desk.say("A", Packet.SET_KEYPAD_CODE, fields), Reply)
    return desk


def enter(desk: Desk, code: str) -> KeypadSays:
    desk.take(device.code_entered(desk.tower, code, desk.at_ms))
    return desk.shown[-1]


def test_a_code_opens_its_locker_once_and_frees_it() -> None:
    desk = desk_with_code()
    assert enter(desk, "482913") == KeypadSays("opened", 1)
    locker = desk.tower.lockers[1]
    assert (locker.available, locker.retired, locker.code) == (True, 1, None)
    event = desk.newest()
    assert isinstance(event, Accessed)
    assert (event.reason, event.token_id, event.session_ref) == (BY_KEYPAD, None, None)
    assert enter(desk, "482913") == KeypadSays("wrong")


def test_a_code_that_persists_leaves_the_locker_taken_under_the_next_token() -> None:
    desk = desk_with_code(persists=True, free_after=False)
    for _ in range(2):
        assert enter(desk, "482913") == KeypadSays("opened", 1)
    assert (desk.tower.lockers[1].available, desk.tower.lockers[1].locker_token) == (False, b"next")


def test_a_jammed_door_keeps_the_code() -> None:
    desk = desk_with_code()
    desk.closes(1)
    desk.jams.add(1)
    assert enter(desk, "482913") == KeypadSays("jammed", 1)
    desk.jams.clear()
    assert enter(desk, "482913") == KeypadSays("opened", 1)


def test_a_board_that_fails_is_no_wrong_code() -> None:
    desk = desk_with_code()
    desk.dead.add(1)
    assert enter(desk, "482913") == KeypadSays("failed", 1)
    assert desk.tower.tries.wrong == 0


def test_nobody_opens_by_code_while_the_tower_or_the_locker_is_disabled() -> None:
    desk = desk_with_code()
    identity = desk.tower.identity
    desk.tower = replace(desk.tower, identity=replace(identity, disabled=True))
    assert enter(desk, "482913") == KeypadSays("refused")
    disabled = replace(desk.tower.lockers[1], disabled=True)
    desk.tower = replace(desk.tower, identity=identity, lockers={**desk.tower.lockers, 1: disabled})
    assert enter(desk, "482913") == KeypadSays("wrong")
    assert desk.pulses == [1]


def test_a_made_up_code_is_reported_once_and_fits() -> None:
    desk = desk_with_code("auto")
    event = desk.newest()
    assert isinstance(event, LockerUpdated)
    assert event.reason == 3
    assert event.keypad_code is not None
    assert len(event.keypad_code) == 6
    assert event.keypad_code not in repr(event)
    assert enter(desk, event.keypad_code) == KeypadSays("opened", 1)


def test_a_made_up_code_is_never_the_one_of_another_locker() -> None:
    desk = desk_with_code("auto")
    assert isinstance(desk.say("A", Packet.SET_LOCKER_KEYPAD, {70: 3, 80: "auto", 81: False, 82: b"", 83: True}), Reply)
    codes = {desk.tower.lockers[number].code for number in (1, 3)}
    assert len(codes) == 2


def test_an_empty_code_removes_the_code() -> None:
    desk = desk_with_code()
    assert isinstance(desk.say("A", Packet.SET_KEYPAD_CODE, {80: "", 81: False, 82: b"", 83: False}), Reply)
    assert desk.tower.lockers[1].code is None
    event = desk.newest()
    assert isinstance(event, LockerUpdated)
    assert event.reason == 4


def test_a_pick_up_takes_the_code_with_it() -> None:
    desk = desk_with_code()
    desk.use("A", "pick-up, locker 1")
    reply = desk.say("A", Packet.SET_KEYPAD_CODE, {80: "482913", 81: False, 82: b"", 83: True})
    assert isinstance(reply, Declined)
    assert reply.code == 502
    assert enter(desk, "482913") == KeypadSays("wrong")


def test_staff_see_that_a_code_is_set_and_never_which() -> None:
    desk = desk_with_code()
    reply = desk.say("A", Packet.GET_LOCKER_INFO, {70: 1})
    assert isinstance(reply, Reply)
    assert reply.fields[80] == "****"


def test_after_five_wrong_codes_the_keypad_sleeps_and_ever_longer() -> None:
    desk = desk_with_code()
    for count in range(5):
        assert enter(desk, f"000{count}") == KeypadSays("wrong")
    event = desk.newest()
    assert isinstance(event, ErrorSeen)
    assert (event.code, event.source) == (201, 4)
    for seconds in (60, 120, 240, 480, 900, 900):
        desk.advance(seconds - 1)
        assert enter(desk, "482913") == KeypadSays("asleep")
        desk.advance(1)
        assert enter(desk, "9999") == KeypadSays("wrong")
    assert desk.pulses == [1]


def test_a_right_code_or_an_hour_wakes_the_keypad_for_good() -> None:
    desk = desk_with_code(persists=True, free_after=False)
    for code in ("0000",) * 4 + ("482913",) + ("0000",) * 4:
        enter(desk, code)
    assert enter(desk, "482913") == KeypadSays("opened", 1)
    for _ in range(5):
        enter(desk, "0000")
    desk.advance(60 + 3600)
    for _ in range(4):
        assert enter(desk, "0000") == KeypadSays("wrong")
    assert enter(desk, "482913") == KeypadSays("opened", 1)
