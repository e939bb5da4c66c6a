"""A tower's first state and every start: clock, journal, boot event (blink-protocol.md 7.3, 10.3, 12)."""

from msgspec.structs import replace

from core.blink.rig import CLOCK
from core.tower.desk import AT_MS, DRAWS, TOKENS, Desk, fixture_tower
from openharbor.blink.events import CLOSED, Accessed, Booted
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import Declined, ask
from openharbor.blink.provisioning import USUAL_SETTINGS, Key, Locker, Provision
from openharbor.tower import device
from openharbor.tower.power_up import provisioned, started
from openharbor.tower.state import Hardware, Tower, now

CHALLENGE = bytes(range(8))


def start(tower: Tower, wall_s: int | None = CLOCK + 60) -> Tower:
    return started(tower, Hardware(firmware="1.0.0"), wall_s=wall_s, at_ms=0, challenge=CHALLENGE)


def cut_after_the_intent(token: str) -> Tower:
    """A power cut between the journal and the result."""
    desk = Desk()
    desk.only_session("F")
    fields = {9: bytes.fromhex(TOKENS[token]["payload"]), 10: bytes.fromhex(TOKENS[token]["payload_auth"])}
    question = ask(desk.phones["F"], Packet.OPEN_LOCKER_WITH_TOKEN, fields, bytes(16))
    return device.received(desk.tower, question.frame, AT_MS, DRAWS).tower


def resolution(tower: Tower) -> Accessed:
    event = tower.log.events[-2]
    assert isinstance(event, Accessed)
    return event


def test_an_open_drop_off_counts_as_done() -> None:
    tower = start(cut_after_the_intent("drop-off, locker 1"))
    assert (tower.lockers[1].available, tower.lockers[1].generation, tower.intent) == (False, 1, None)
    assert (resolution(tower).reason, resolution(tower).confirmed) == (1, None)


def test_an_open_pick_up_or_release_counts_as_not_done() -> None:
    for token, reason in (("pick-up, locker 3", 2), ("release, locker 3", 3)):
        tower = start(cut_after_the_intent(token))
        assert (tower.lockers[3].available, tower.lockers[3].retired) == (False, 4)
        assert (resolution(tower).reason, resolution(tower).confirmed) == (reason, None)


def test_a_resolved_drop_off_whose_door_is_found_closed_is_told_as_closed_at_once() -> None:
    tower = start(cut_after_the_intent("drop-off, locker 1"))
    tower = device.doors(tower, {0: False}, 500).tower
    event = tower.log.events[-1]
    assert isinstance(event, Accessed)
    assert (event.reason, event.token_id) == (CLOSED, 101)


def test_a_watched_door_is_told_as_closed_after_the_start() -> None:
    desk = Desk()
    desk.only_session("F")
    desk.use("F", "pick-up, locker 3")
    tower = device.doors(start(desk.tower), {2: False}, 500).tower
    event = tower.log.events[-1]
    assert isinstance(event, Accessed)
    assert (event.reason, event.available) == (CLOSED, True)


def test_a_start_fires_nothing_and_ends_every_session() -> None:
    desk = Desk()
    desk.only_session("F")
    desk.tower = start(desk.tower)
    desk.at_ms = 0
    reply = desk.say("F", Packet.FIND_AVAILABLE_LOCKERS)
    assert isinstance(reply, Declined)
    assert reply.code == 202
    assert desk.pulses == []


def test_a_machine_whose_clock_is_not_behind_the_floor_starts_sure() -> None:
    tower = start(fixture_tower(), CLOCK)
    assert (tower.clock.sure, now(tower, 0), now(tower, 5_000)) == (True, CLOCK, CLOCK + 5)
    event = tower.log.events[-1]
    assert isinstance(event, Booted)
    assert (event.boot_count, event.clock_state, event.time_challenge) == (10, 0, None)


def test_a_machine_that_lost_its_time_starts_unsure_from_the_floor_with_a_challenge() -> None:
    for wall_s in (CLOCK - 1, 0, None):
        tower = start(fixture_tower(), wall_s)
        assert (tower.clock.sure, now(tower, 0)) == (False, CLOCK)
        event = tower.log.events[-1]
        assert isinstance(event, Booted)
        assert (event.clock_state, event.time_challenge) == (1, CHALLENGE)


def test_a_provisioned_tower_is_as_its_file_says() -> None:
    locker = Locker(number=16, port=-1, type=3, door_sensor="none", disabled=False, retired_generation=7)
    provision = Provision(
        format="openharbor-tower-provision/1",
        tower_id="0100000000000014",
        name="Library foyer",
        made_at=CLOCK,
        key=Key(key_id=1, rotation=2, root="6b" * 32, expires=0),
        last_command=41,
        next_event=100,
        event_epoch=2,
        settings=replace(USUAL_SETTINGS, clock_mode="strict"),
        lockers=(locker,),
    )
    tower = provisioned(provision, bytes(32))
    assert (tower.lockers[16].generation, tower.lockers[16].retired, tower.lockers[16].sensor) == (7, 7, 2)
    assert (tower.last_command, tower.log.first, tower.log.last, tower.log.epoch) == (41, 100, 99, 2)
    assert (tower.keys.seal_with, list(tower.keys.ring.keys)) == (2, [2])
    booted = start(tower).log.events[-1]
    assert (booted.event_id, booted.at) == (100, CLOCK + 60)
