"""What a token holds (blink-protocol.md 4.5, 7.2, 13.2), what is refused, and how far a locker may grow."""

import msgspec
import pytest

from openharbor.cloud.lockers.links import draw_dropoff, hold
from openharbor.cloud.lockers.locker import Locker, Status
from openharbor.cloud.lockers.mint import MOST_TOKENS
from openharbor.cloud.lockers.states import cancel_reservation, reserve
from openharbor.kit.errors import Refusal
from simulation.scene import NUMBER, P, Scene


def test_a_dropoff_token_is_for_its_tower_locker_and_time() -> None:
    scene = Scene()
    scene.dropoff_token(duration_s=3000)
    payload = scene.desk.issued[0].payload
    assert payload.tower_id.hex() == "0100000000000014"
    assert (payload.locker_number, payload.access_kind, payload.generation) == (NUMBER, 1, 1)
    assert (payload.issued, payload.expires) == (scene.now_s, scene.now_s + 3000)
    assert len(payload.locker_token) == 16
    assert payload.reuse


def test_only_the_first_token_of_an_assignment_must_find_the_locker_free() -> None:
    scene = Scene()
    scene.dropoff_token()
    scene.dropoff_token()
    scene.release()
    scene.dropoff_token()
    assert [one.payload.match_available for one in scene.desk.issued] == [True, None, None]


def test_the_first_token_of_a_reservation_must_find_the_locker_free() -> None:
    scene = Scene()
    scene.reserve()
    scene.dropoff_token()
    assert scene.desk.issued[0].payload.match_available is True


def test_all_tokens_of_an_assignment_share_generation_and_locker_token() -> None:
    scene = Scene()
    scene.deliver()
    scene.pickup_token()
    first, second = (one.payload for one in scene.desk.issued)
    assert (first.generation, first.locker_token) == (second.generation, second.locker_token)
    assert (second.access_kind, second.match_token) == (2, first.locker_token)


def test_a_new_assignment_has_a_new_generation() -> None:
    scene = Scene()
    scene.dropoff_token(duration_s=60)
    scene.wait(60)
    scene.push()
    scene.sync()
    scene.dropoff_token()
    assert [one.payload.generation for one in scene.desk.issued] == [1, 2]


def test_a_retired_generation_is_not_used_again() -> None:
    scene = Scene()
    scene.deliver()
    scene.pickup_token()
    scene.use()
    scene.sync()
    scene.pickup_token()
    payload = scene.desk.issued[-1].payload
    assert (payload.generation, payload.access_kind) == (2, 3)


def test_a_token_of_a_dropoff_link_ends_with_the_hold_and_carries_the_code() -> None:
    scene = Scene()
    scene.dropoff_link()
    scene.wait(100)
    scene.draw("482913", persists=True)
    payload = scene.desk.issued[0].payload
    assert (payload.expires, payload.reuse) == (scene.now_s + 200, False)
    assert (payload.keypad_code, payload.keypad_persists) == ("482913", True)


def test_a_token_of_a_pickup_link_lives_300_s_but_not_longer_than_the_link() -> None:
    scene = Scene()
    scene.deliver()
    scene.draw_pickup()
    scene.draw_pickup(link_ends_at=scene.now + 100_500)
    refusal = scene.draw_pickup(link_ends_at=scene.now)
    lives = [one.payload.expires - scene.now_s for one in scene.desk.issued[1:]]
    assert lives == [300, 100]
    assert refusal is not None
    assert refusal.message == "Locker open request is expired"


def test_a_seventeenth_dropoff_token_of_an_assignment_is_refused() -> None:
    scene = Scene()
    outcomes = [scene.dropoff_token() for _ in range(17)]
    assert outcomes[:16] == [None] * 16
    assert outcomes[16] is not None
    assert (outcomes[16].status, outcomes[16].message) == (409, "Too many drop-off tokens")


def test_a_dropoff_link_gives_out_sixteen_tokens() -> None:
    scene = Scene()
    scene.dropoff_link()
    outcomes = [scene.draw() for _ in range(17)]
    assert [one.message for one in outcomes if one] == ["Too many drop-off tokens"]


def test_a_link_that_is_over_gives_out_nothing_although_nobody_has_written_it_down() -> None:
    scene = Scene()
    scene.dropoff_link()
    held = scene.locker
    assert held.hold is not None
    late = draw_dropoff(held, scene.desk.tower, held.hold.link_id, token_id=1, now=held.hold.ends_at)
    assert isinstance(late, Refusal)
    other = draw_dropoff(held, scene.desk.tower, 999, token_id=1, now=scene.now)
    assert isinstance(other, Refusal)


def test_a_locker_out_of_service_gives_out_no_token() -> None:
    scene = Scene(Status.OUT_OF_SERVICE)
    refusals = [scene.reserve(), scene.dropoff_token(), scene.pickup_token(), scene.dropoff_link()]
    assert [one.message for one in refusals if one] == [
        "Locker is not available",
        "Locker is not available",
        "Locker is not assigned",
        "No locker available",
    ]


def test_what_is_due_comes_before_what_is_asked_for() -> None:
    """Invariant 18: a reservation that is over is in nobody's way, whether or not a worker has run."""
    scene = Scene()
    scene.reserve(P, 10)
    outcome = reserve(
        scene.locker,
        8,
        reservation_id=1,
        assignment_id=2,
        locker_token="00" * 16,
        duration_s=300,
        now=scene.now + 10_000,
    )
    assert not isinstance(outcome, Refusal)
    assert [(told.source, told.organization_id) for told in outcome.notices] == [
        ("RESERVATION_EXPIRED", P),
        ("LOCKER_RESERVED", 8),
    ]
    assert (outcome.row, outcome.ended is not None) == ("A1", True)


def test_a_used_reservation_cannot_be_cancelled() -> None:
    scene = Scene()
    scene.reserve()
    reservation_id = scene.locker.reservation.reservation_id if scene.locker.reservation else 0
    scene.dropoff_token()
    refusal = cancel_reservation(scene.locker, P, reservation_id, scene.now)
    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.message) == (409, "Reservation is already used")


def test_pickup_tokens_without_end_keep_the_locker_small() -> None:
    scene = Scene()
    scene.deliver(duration_s=86_400)
    for _ in range(200):
        assert scene.pickup_token(duration_s=60) is None
        scene.wait(61)
    assert len(scene.locker.tokens) <= MOST_TOKENS
    assert len(msgspec.json.encode(scene.locker)) < 16_000


def test_more_pickup_tokens_at_a_time_than_are_remembered_are_refused() -> None:
    scene = Scene()
    scene.deliver()
    outcomes = [scene.pickup_token() for _ in range(MOST_TOKENS)]
    assert [one.message for one in outcomes if one] == ["Too many open tokens"]


def test_a_token_that_is_no_longer_remembered_is_still_its_holders() -> None:
    scene = Scene()
    scene.deliver(duration_s=86_400)
    scene.pickup_token(duration_s=60)
    forgotten = len(scene.desk.issued) - 1
    scene.use(forgotten)
    for _ in range(100):
        scene.pickup_token(duration_s=61)
        scene.wait(62)
    scene.told()
    scene.close()
    scene.sync()
    assert scene.told() == ["LOCKER_OPERATION/LOCKER_TOKEN_USED", "LOCKER_RELEASED/PICKED_UP"]
    assert not scene.locker.incident


@pytest.mark.parametrize("status", [Status.AVAILABLE, Status.OUT_OF_SERVICE])
def test_an_idle_locker_is_a_short_text(status: Status) -> None:
    scene = Scene(status)
    text = msgspec.json.encode(scene.locker)
    assert len(text) < 100
    assert msgspec.json.decode(text, type=Locker) == scene.locker


def test_a_busy_locker_survives_its_text() -> None:
    scene = Scene()
    scene.dropoff_link()
    scene.draw("482913")
    scene.use()
    scene.sync()
    scene.release()
    assert msgspec.json.decode(msgspec.json.encode(scene.locker), type=Locker) == scene.locker


def test_a_link_takes_only_an_available_locker() -> None:
    scene = Scene()
    scene.dropoff_token()
    taken = hold(scene.locker, P, link_id=1, assignment_id=2, locker_token="00" * 16, client_info="", now=scene.now)
    assert isinstance(taken, Refusal)
    assert taken.message == "No locker available"
