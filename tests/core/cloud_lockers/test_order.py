"""Order, gaps, repeats, parts, dropped events, log loss, clocks: what an upload comes to does not depend on its way."""

import random
from itertools import permutations

import pytest
from msgspec.structs import replace

from openharbor.cloud.lockers.facts import After, ClockUnsure, Executed, Fact, KeyRevoked, Passed, Updated, UpdateReason
from openharbor.cloud.lockers.reports import apply, next_run
from simulation.scene import NUMBER, P, Scene


def busy_scene() -> Scene:
    """A token used for both ways, then a second one that is not used; eight events that nobody has uploaded."""
    scene = Scene()
    scene.dropoff_token(duration_s=43_200)
    scene.use()
    scene.close()
    scene.wait(300)
    scene.use(outcome="jams")
    scene.device.reopen(scene.now_s)
    scene.wait(30)
    scene.close()
    scene.device.client_event(scene.now_s)
    scene.push()
    return scene


def outcome(scene: Scene) -> tuple[str, list[str]]:
    return scene.status, scene.told()


def expected() -> tuple[str, list[str]]:
    scene = busy_scene()
    scene.told()
    scene.sync()
    return outcome(scene)


def test_one_upload_of_everything() -> None:
    used = "LOCKER_OPERATION/LOCKER_TOKEN_USED"
    assert expected() == ("available", [used, used, "LOCKER_RELEASED/PICKED_UP"])


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_any_order_of_uploads_comes_to_the_same(order: tuple[int, ...]) -> None:
    scene = busy_scene()
    scene.told()
    events = scene.new_events()
    parts = [events[:1], events[1:3], events[3:4], events[4:]]
    for place in order:
        scene.upload(parts[place])
    assert outcome(scene) == expected()


@pytest.mark.parametrize("seed", range(30))
def test_any_overlap_and_repetition_comes_to_the_same(seed: int) -> None:
    rng = random.Random(seed)
    scene = busy_scene()
    scene.told()
    events = scene.new_events()
    while scene.desk.tower.next_event <= len(events):
        start = rng.randrange(len(events))
        scene.upload(events[start : start + rng.randrange(1, 4)])
    assert outcome(scene) == expected()


@pytest.mark.parametrize("cut", range(1, 7))
def test_two_parts_leave_the_same_locker_and_tower(cut: int) -> None:
    scene = busy_scene()
    events = scene.new_events()
    desk = scene.desk
    whole = apply(desk.tower, desk.lockers, events, now=scene.now)
    first = apply(desk.tower, desk.lockers, events[:cut], now=scene.now)
    second = apply(first.tower, {**desk.lockers, **first.lockers}, events, now=scene.now)
    assert {**first.lockers, **second.lockers} == dict(whole.lockers)
    assert second.tower == whole.tower


def test_a_run_ends_at_the_first_gap() -> None:
    assert next_run([(5, 3), (1, 2)], 1) == 3
    assert next_run([(3, 2), (1, 4), (5, 3)], 1) == 8
    assert next_run([(1, 2)], 3) == 3
    assert next_run([], 9) == 9


def test_nothing_beyond_a_gap_settles_a_token() -> None:
    scene = Scene()
    scene.dropoff_token(duration_s=60)
    scene.wait(60)
    scene.device.client_event(scene.now_s)
    scene.device.client_event(scene.now_s)
    events = scene.new_events()
    scene.upload(events[1:])
    assert scene.status == "rented"
    scene.upload(events[:1])
    assert scene.status == "available"


def test_dropped_ids_move_the_frontier() -> None:
    scene = Scene()
    applied = apply(scene.desk.tower, scene.desk.lockers, [Passed(event_id=1, at_s=5)], now=scene.now, until=9)
    assert applied.tower.next_event == 9
    assert applied.synced is not None
    assert (applied.synced.event_start, applied.synced.event_count, applied.synced.synced_until) == (1, 8, 5)


def test_no_events_tell_nothing() -> None:
    scene = Scene()
    assert apply(scene.desk.tower, scene.desk.lockers, [], now=scene.now).synced is None


def without(events: list[Fact], *dropped: int) -> list[Fact]:
    return [fact for place, fact in enumerate(events) if place not in dropped]


def test_a_closing_implies_the_dropoff_that_was_dropped() -> None:
    scene = Scene()
    scene.dropoff_token()
    scene.told()
    scene.use()
    scene.close()
    applied = scene.desk.apply(without(scene.new_events(), 0), scene.now)
    assert applied.tower.next_event == 3
    assert outcome(scene) == ("occupied", ["LOCKER_OPERATION/LOCKER_TOKEN_USED"])


def test_a_closing_implies_the_whole_delivery_that_was_dropped() -> None:
    scene = Scene()
    scene.dropoff_token()
    scene.told()
    scene.use()
    scene.close()
    scene.wait(1)
    scene.use()
    scene.close()
    scene.desk.apply(without(scene.new_events(), 0, 1, 2), scene.now)
    used = "LOCKER_OPERATION/LOCKER_TOKEN_USED"
    assert outcome(scene) == ("available", [used, used, "LOCKER_RELEASED/PICKED_UP"])


def test_a_closing_implies_the_pickup_that_was_dropped() -> None:
    scene = Scene()
    scene.deliver()
    scene.pickup_token()
    scene.told()
    scene.use()
    scene.close()
    scene.desk.apply(without(scene.new_events(), 0), scene.now)
    assert outcome(scene) == ("available", ["LOCKER_OPERATION/LOCKER_TOKEN_USED", "LOCKER_RELEASED/PICKED_UP"])


def test_a_pickup_in_rented_implies_the_dropoff_that_was_dropped() -> None:
    scene = Scene()
    scene.dropoff_token()
    scene.told()
    scene.use()
    scene.close()
    scene.wait(1)
    scene.use()
    scene.desk.apply(without(scene.new_events(), 0, 1), scene.now)
    assert outcome(scene) == ("occupied", ["LOCKER_OPERATION/LOCKER_TOKEN_USED"])


def test_a_revert_implies_the_dropoff_that_was_dropped() -> None:
    scene = Scene()
    scene.dropoff_token()
    scene.told()
    scene.use()
    scene.revert()
    scene.close()
    scene.desk.apply(without(scene.new_events(), 0), scene.now)
    assert outcome(scene) == (
        "available",
        ["LOCKER_OPERATION/LOCKER_TOKEN_USED", "LOCKER_RELEASED/RESERVATION_CANCELLED"],
    )


def test_a_power_cut_counts_as_a_dropoff_but_not_as_a_pickup() -> None:
    scene = Scene()
    scene.dropoff_token()
    scene.use(outcome="power cut")
    scene.sync()
    assert scene.status == "occupied"
    scene.pickup_token()
    scene.use(outcome="power cut")
    scene.sync()
    assert scene.status == "occupied"
    assert scene.locker.access is None or scene.locker.access.kind == "dropoff"


def test_without_a_sensor_the_opening_is_the_closing() -> None:
    scene = Scene(sensors=False)
    scene.dropoff_token()
    scene.use()
    scene.sync()
    scene.pickup_token()
    scene.told()
    scene.use()
    scene.sync()
    assert outcome(scene) == ("available", ["LOCKER_OPERATION/LOCKER_TOKEN_USED", "LOCKER_RELEASED/PICKED_UP"])


def test_a_second_try_after_a_jam_is_the_access_itself() -> None:
    scene = Scene()
    scene.dropoff_token()
    scene.use(outcome="jams")
    scene.sync()
    assert scene.status == "rented"
    scene.device.reopen(scene.now_s)
    scene.sync()
    assert scene.status == "occupied"


def test_a_second_try_of_a_further_dropoff_is_told() -> None:
    scene = Scene()
    scene.deliver()
    scene.dropoff_token()
    scene.told()
    scene.use(outcome="jams")
    scene.device.reopen(scene.now_s)
    scene.sync()
    assert outcome(scene) == ("occupied", ["LOCKER_OPERATION/LOCKER_TOKEN_USED"])


def test_after_log_loss_the_log_alone_frees_nothing() -> None:
    scene = Scene()
    scene.dropoff_token(duration_s=60)
    scene.reset_log()
    scene.wait(60)
    scene.push()
    scene.sync()
    assert scene.status == "rented"
    assert [(one.settled, one.log_lost) for one in scene.locker.tokens] == [("expired", True)]
    scene.inspected()
    scene.push()
    scene.sync()
    assert scene.status == "available"


def test_the_clouds_time_alone_settles_nothing_and_the_towers_neither() -> None:
    scene = Scene()
    scene.dropoff_token(duration_s=60)
    scene.device.client_event(scene.now_s + 3600)
    scene.sync()
    assert scene.status == "rented"
    scene = Scene()
    scene.dropoff_token(duration_s=60)
    scene.device.client_event(scene.now_s)
    scene.wait(3600)
    scene.sync()
    assert scene.status == "rented"


def test_no_token_dies_of_age_while_a_clock_is_to_be_corrected() -> None:
    scene = Scene()
    scene.dropoff_token(duration_s=60)
    scene.device.lose_clock(scene.now_s, 5000)
    scene.sync()
    assert list(scene.desk.tower.corrections) == [1]
    scene.wait(100)
    scene.device.client_event(scene.now_s)
    scene.sync()
    assert scene.status == "rented"
    scene.push()
    scene.sync()
    assert list(scene.desk.tower.corrections) == []
    assert scene.status == "available"


def test_an_empty_batch_at_the_frontier_counts_as_an_event_of_its_time() -> None:
    scene = Scene()
    scene.dropoff_token(duration_s=60)
    scene.wait(60)
    applied = scene.desk.apply([], scene.now, sealed_s=scene.now_s)
    assert scene.status == "available"
    assert applied.synced is None


def test_revoking_a_key_settles_what_was_made_with_it() -> None:
    scene = Scene()
    scene.dropoff_token()
    scene.desk.tower = replace(scene.desk.tower, rotation=2)
    scene.dropoff_token()
    scene.upload([KeyRevoked(event_id=1, at_s=scene.now_s, rotation=1)])
    assert [one.settled for one in scene.locker.tokens] == ["revoked", None]


def test_a_clock_that_is_unsure_twice_is_corrected_twice() -> None:
    scene = Scene()
    facts = [ClockUnsure(event_id=one, at_s=scene.now_s, challenge=f"{one:016x}") for one in (1, 2)]
    applied = apply(scene.desk.tower, {NUMBER: scene.locker}, facts, now=scene.now)
    assert [(one.command_id, one.challenge[-1]) for one in applied.corrections] == [(1, "1"), (2, "2")]


def test_a_door_that_stands_open_after_a_pickup_keeps_the_locker() -> None:
    """Doubt favours the holder (invariant 9): settled tokens are not enough while the pick-up is not over."""
    scene = Scene()
    scene.deliver()
    scene.pickup_token()
    scene.set_available()
    scene.use()
    scene.sync()
    assert all(one.settled for one in scene.locker.tokens)
    assert (scene.status, scene.locker.holder) == ("declined", P)
    scene.close()
    scene.sync()
    assert scene.status == "available"


def test_a_release_while_occupied_waits_for_its_command() -> None:
    scene = Scene()
    scene.deliver()
    scene.pickup_token()
    scene.use()
    scene.release()
    scene.close()
    scene.sync()
    assert scene.status == "declined"
    scene.push()
    scene.sync()
    assert scene.status == "available"


def test_a_dropoff_after_a_release_undoes_it_for_good() -> None:
    """What the release queued does not keep the locker from its next end (A12, C2, C5)."""
    scene = Scene()
    scene.deliver()
    scene.dropoff_token()
    scene.release()
    scene.use()
    scene.close()
    scene.sync()
    assert scene.status == "occupied"
    scene.pickup_token()
    scene.use()
    scene.close()
    scene.sync()
    assert scene.status == "available"


def test_a_token_that_jammed_is_not_dead_of_age_while_its_session_may_try_again() -> None:
    """REOPEN_LOCKER after a jam is a second try that asks for no expiry (blink-protocol.md 7.5)."""
    scene = Scene()
    scene.dropoff_token(duration_s=60)
    scene.wait(50)
    scene.use(outcome="jams")
    scene.wait(60)
    scene.device.client_event(scene.now_s)
    scene.sync()
    assert scene.status == "rented"
    scene.device.reopen(scene.now_s)
    scene.sync()
    assert scene.status == "occupied"


def test_a_token_that_jammed_and_was_left_dies_of_age_in_the_end() -> None:
    scene = Scene()
    scene.dropoff_token(duration_s=60)
    scene.use(outcome="jams")
    scene.wait(7200)
    scene.device.client_event(scene.now_s)
    scene.sync()
    assert scene.status == "available"


def test_a_correction_whose_result_was_dropped_is_over_with_the_next_result() -> None:
    scene = Scene()
    scene.dropoff_token(duration_s=60)
    corrected = replace(scene.desk.tower, corrections=(scene.desk.tower.next_command,))
    later = Executed(event_id=corrected.next_event, at_s=scene.now_s, first=corrected.next_command + 1, count=1)
    assert apply(corrected, scene.desk.lockers, [later], now=scene.now).tower.corrections == ()
    earlier = replace(later, first=1, count=corrected.next_command - 1)
    assert apply(corrected, scene.desk.lockers, [earlier], now=scene.now).tower.corrections == corrected.corrections


def test_a_code_that_the_tower_made_up_is_a_token_of_the_holder_that_shows_it() -> None:
    scene = Scene()
    scene.dropoff_token()
    scene.use()
    scene.sync()
    report = scene.desk.lockers[NUMBER].report
    after = After(taken=True, locker_token=report.locker_token, generation=report.generation, keypad=True)
    event_id = scene.desk.tower.next_event
    fact = Updated(
        event_id=event_id,
        at_s=scene.now_s,
        number=NUMBER,
        reason=UpdateReason.CODE_SET,
        after=after,
        keypad_code="482913",
    )
    applied = apply(scene.desk.tower, scene.desk.lockers, [fact], now=scene.now)
    assert [one.keypad_code for one in applied.lockers[NUMBER].tokens if one.kind == "keypad"] == ["482913"]
