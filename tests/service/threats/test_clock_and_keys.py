"""T-05, T-08, T-09, T-10: a stolen tower, clocks that go back or run ahead, keys that leak (blink-protocol.md 16)."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from core.tower.desk import Desk, fixture_tower
from harness.blink_vectors import tower_keys
from harness.flashes import store as store
from openharbor.blink.events import Booted, ErrorSeen, KeyChanged
from openharbor.blink.keys import derive
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import Declined, PhoneSession
from openharbor.kit.database.sqlite import SqliteDatabase
from openharbor.tower import flash
from openharbor.tower.power_up import started
from openharbor.tower.rotations import Rotation, keys_of
from openharbor.tower.state import Hardware, Identity, Tower
from service.threats.visitors import ALL, Visitor, code_of, credentials, packet, time_of, token, visitor, with_clock

DAY = 86_400
OTHER_ROOT = bytes(reversed(range(32)))


# -- T-05


def second_tower() -> Tower:
    """Another tower of the same server, even under the same rotation number and with the same id."""
    key = Rotation(number=3, state="active", root=OTHER_ROOT)
    return replace(fixture_tower(), keys=keys_of({3: key}, 3))


def test_t05_the_keys_of_one_tower_open_nothing_of_another() -> None:
    desk = Desk(second_tower())
    at, own = time_of(desk), derive(OTHER_ROOT, 3)
    assert code_of(refusal(Visitor(desk, credentials(at)))) == 207, "201, under the stolen key"
    phone = Visitor(desk, credentials(at, ALL, key=own))
    assert isinstance(phone.begin(), PhoneSession)
    assert code_of(phone.open(token(at, 1))) == 207
    assert code_of(phone.push(packet(at, 7, {1: 89, 60: "Mine"}))) == 207
    assert desk.pulses == []
    assert desk.tower.last_command == 6


def test_t05_even_under_a_shared_key_a_payload_is_for_one_tower() -> None:
    desk = Desk()
    other = Identity(tower_id=bytes.fromhex("01000000000000ff"), name="Other")
    at = time_of(desk)
    phone = visitor(desk, ALL)
    desk.tower = replace(desk.tower, identity=other)
    assert code_of(phone.open(token(at, 1))) == 206
    assert code_of(phone.push(packet(at, 7, {1: 89, 60: "Mine"}))) == 206
    assert code_of(refusal(Visitor(desk, credentials(at)))) == 206


async def test_t05_its_store_holds_tokens_as_ids_and_codes_as_macs(store: SqliteDatabase, tmp_path: Path) -> None:
    desk = Desk()
    phone = visitor(desk, ALL)
    sealed = token(time_of(desk), 1)
    phone.open(sealed)
    phone.say(Packet.SET_KEYPAD_CODE, {80: "4829135577", 81: False, 82: b"", 83: True})
    await store.write(partial(flash.save, before=None, after=desk.tower))
    await store.close()
    dump = everything(tmp_path)
    for secret in (b"4829135577", sealed.payload[:40], sealed.auth, phone.given.seed):
        assert secret not in dump
        assert secret.hex().encode() not in dump


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


# -- T-08


def power_cut(desk: Desk, *, wall_s: int | None = None) -> None:
    """As from flash, with everything else forgotten."""
    desk.at_ms += 60_000
    desk.tower = started(desk.tower, Hardware(), wall_s=wall_s, at_ms=desk.at_ms, challenge=b"fresh-" + b"12")
    desk.failures = 0
    desk.read()


STEPS: tuple[Callable[[Visitor], object], ...] = (
    lambda phone: phone.say(Packet.REQUEST_SYNC_STATUS),
    lambda phone: phone.open(token(time_of(phone.desk), 1)),
    lambda phone: phone.say(Packet.SYNC_PULL, {31: 1}),
    lambda phone: phone.say(Packet.ADD_CLIENT_EVENT, {62: b"x"}),
    lambda phone: phone.end(),
)


@pytest.mark.parametrize("cut", range(len(STEPS) + 1))
def test_t08_no_power_cut_with_a_lost_clock_brings_an_expired_token_back(cut: int) -> None:
    desk = Desk()
    at = time_of(desk)
    old = token(at - 7200, 2, expires=at - 1)
    assert code_of(visitor(desk).open(old)) == 107
    phone = visitor(desk)
    for place, step in enumerate(STEPS):
        if place == cut:
            break
        step(phone)
    desk.closes(1)
    pulses, floor = list(desk.pulses), desk.tower.clock.floor
    power_cut(desk)
    assert time_of(desk) >= floor, "never below what was stored before a sealed time left"
    assert code_of(visitor(desk).open(old)) == 107
    assert desk.pulses == pulses


def test_t08_what_the_last_sealed_time_had_outlived_stays_dead() -> None:
    desk = Desk()
    at = time_of(desk)
    short = token(at, 2, expires=at + 300)
    phone = visitor(desk)
    desk.advance(299)
    phone.say(Packet.ADD_CLIENT_EVENT, {62: b"x"})
    desk.advance(2)
    phone.say(Packet.SYNC_PULL, {31: 1})  # the server reads a time past the expiry
    power_cut(desk)
    assert code_of(visitor(desk).open(short)) == 107


def test_t08_an_old_command_to_set_the_clock_is_worth_nothing() -> None:
    desk = Desk()
    power_cut(desk)
    challenge, at = desk.tower.clock.challenge, time_of(desk)
    assert code_of(visitor(desk, ALL).push(packet(at, 7, {1: 73, 129: at + 50, 229: challenge}))) == 0
    assert desk.tower.clock.sure
    clock, fresh = desk.tower.clock, desk.tower.clock.challenge
    assert fresh != challenge
    again = visitor(desk, ALL)
    assert code_of(again.push(packet(at, 8, {1: 73, 129: at - DAY, 229: challenge}))) == 0
    assert desk.newest() == replace(desk.newest(), failed={8: 106})
    assert desk.tower.clock.base_ms >= clock.base_ms
    assert time_of(desk) >= at + 50


def test_t08_old_session_payloads_and_packets_move_no_clock_back() -> None:
    desk = Desk()
    at = time_of(desk)
    old_session, old_packet = credentials(at), packet(at, 7, {1: 89, 60: "Old"}, life=30 * DAY)
    desk.advance(1800)
    before = time_of(desk)
    phone = Visitor(desk, old_session)
    assert isinstance(phone.begin(), PhoneSession)
    assert code_of(phone.push(old_packet)) == 0
    assert time_of(desk) >= before


# -- T-09


def test_t09_a_clock_400_days_ahead_is_right_again_after_two_requests_and_two_syncs() -> None:
    right = time_of(Desk())
    desk = Desk(with_clock(fixture_tower(), 400 * DAY))
    assert code_of(refusal(Visitor(desk, credentials(right)))) == 107
    desk.advance(2)
    phone = Visitor(desk, credentials(right + 2, ALL))
    assert isinstance(phone.begin(), PhoneSession), "the second, newer one gets a session"
    assert code_of(phone.open(token(right, 1))) == 204, "for sync alone"
    (told,) = [one for one in desk.since(12) if isinstance(one, ErrorSeen) and one.source == 6]
    assert told.code == 307
    assert told.time_challenge == desk.tower.clock.challenge
    assert code_of(phone.say(Packet.SYNC_PULL, {31: 1})) == 0, "one sync brings the challenge up"
    sealed = packet(right + 5, 7, {1: 73, 129: right + 5, 229: told.time_challenge})
    assert code_of(phone.push(sealed)) == 0, "one more brings the answer down, expired or not by the wrong clock"
    assert desk.tower.clock.sure
    assert time_of(desk) == right + 5
    phone.end()
    assert code_of(visitor(desk).open(token(right + 5, 1))) == 0


def test_t09_a_phone_alone_cannot_set_it_back() -> None:
    desk = Desk()
    at = time_of(desk)
    old = [credentials(at - 3 * DAY + n, life=600) for n in range(2)]
    refused, granted = Visitor(desk, old[0]), Visitor(desk, old[1])
    assert code_of(refusal(refused)) == 107
    assert isinstance(granted.begin(), PhoneSession), "recorded payloads reach a session for sync"
    assert code_of(granted.open(token(at, 1))) == 204, "which opens nothing"
    assert time_of(desk) == at


# -- T-10


def test_t10_after_a_revocation_payloads_under_the_old_rotation_are_203() -> None:
    desk = Desk()
    at, leaked = time_of(desk), tower_keys()[2]
    phone = visitor(desk, ALL)
    assert code_of(phone.open(token(at, 1, key=leaked))) == 0, "both rotations work during the rollover"
    desk.closes(1)
    assert code_of(phone.open(token(at, 2))) == 0
    desk.closes(2)
    assert code_of(phone.push(packet(at, 7, {1: 8, 40: 1, 43: 2}))) == 0
    (told,) = [one for one in desk.since(12) if isinstance(one, KeyChanged)]
    assert (told.rotation, told.action, told.valid) == (2, 3, False)
    assert code_of(phone.open(token(at, 6, key=leaked))) == 203
    assert code_of(phone.push(packet(at, 8, {1: 89, 60: "Leak"}, key=leaked))) == 203
    assert code_of(refusal(Visitor(desk, credentials(at, ALL, key=leaked)))) == 203
    assert code_of(visitor(desk).say(Packet.FIND_AVAILABLE_LOCKERS)) == 0
    assert desk.tower.keys.rotations[2].root == b""


def test_t10_a_start_brings_no_revoked_key_back() -> None:
    desk = Desk()
    at = time_of(desk)
    visitor(desk, ALL).push(packet(at, 7, {1: 8, 40: 1, 43: 2}))
    power_cut(desk, wall_s=at + 60)
    assert any(isinstance(one, Booted) for one in desk.since(12))
    assert code_of(refusal(Visitor(desk, credentials(at, key=tower_keys()[2])))) == 203


def refusal(phone: Visitor) -> Declined:
    refused = phone.begin()
    assert isinstance(refused, Declined)
    return refused
