"""The six worked timelines of locker-states.md 6, line by line: statuses, webhooks in order, and their times."""

from openharbor.cloud.lockers.change import Notice
from simulation.scene import START_S, P, Q, Scene

CREATED, USED = "LOCKER_OPERATION/LOCKER_TOKEN_CREATED", "LOCKER_OPERATION/LOCKER_TOKEN_USED"
RELEASED, PICKED_UP = "LOCKER_RELEASED/LOCKER_RELEASED", "LOCKER_RELEASED/PICKED_UP"
RAN_OUT, SYNCED = "LOCKER_RELEASED/TOKEN_EXPIRED", "TOWER_SYNCED/TOWER_SYNCED"


def clock(told: Notice) -> str:
    """The time of day, UTC."""
    second = told.at // 1000 - START_S
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"


def webhooks(scene: Scene) -> list[tuple[str, str, str | None]]:
    """What was sent since the last call: event and source, when it happened, the status after it."""
    sent = [(f"{told.event}/{told.source}", clock(told), told.status) for told in scene.desk.notices]
    scene.desk.notices.clear()
    return sent


def test_6_1_delivery_with_its_own_pickup_token_everybody_online() -> None:
    scene = Scene()
    scene.at("10:00")
    scene.reserve(P, 300)
    assert webhooks(scene) == [("LOCKER_ASSIGNED/LOCKER_RESERVED", "10:00:00", "reserved")]
    scene.at("10:02:10")
    scene.dropoff_token(P, 3000)
    assert webhooks(scene) == [(CREATED, "10:02:10", "rented")]
    scene.at("10:03:20")
    scene.use()
    scene.at("10:03:45")
    scene.close()
    assert scene.status == "rented"
    scene.at("10:03:50")
    scene.sync()
    assert webhooks(scene) == [(USED, "10:03:20", "occupied"), (SYNCED, "10:03:50", None)]
    scene.at("10:05")
    scene.pickup_token(P, 3600)
    assert webhooks(scene) == [(CREATED, "10:05:00", "occupied")]
    scene.at("10:40")
    scene.use()
    scene.at("10:40:30")
    scene.close()
    assert scene.status == "occupied"
    scene.at("10:40:35")
    scene.sync()
    assert webhooks(scene) == [
        (USED, "10:40:30", "available"),
        (PICKED_UP, "10:40:30", "available"),
        (SYNCED, "10:40:35", None),
    ]
    assert scene.status == "available"


def test_6_2_a_dropoff_link_that_nobody_finishes() -> None:
    scene = Scene()
    scene.at("9:00")
    scene.dropoff_link()
    assert webhooks(scene) == [("LOCKER_ASSIGNED/LOCKER_OPEN_LINK_CREATED", "09:00:00", "rented")]
    scene.at("9:01")
    scene.draw()
    assert scene.desk.issued[0].payload.expires == START_S + 9 * 3600 + 5 * 60
    assert webhooks(scene) == [(CREATED, "09:01:00", "rented")]
    scene.at("9:05")
    assert scene.status == "rented"
    assert webhooks(scene) == []
    scene.at("9:30")
    refusal = scene.dropoff_token(Q)
    assert refusal is not None
    assert (refusal.status, refusal.message) == (409, "Locker is not available")
    scene.at("11:29:50")
    scene.device.client_event(scene.now_s)
    scene.at("11:30")
    scene.sync()
    assert webhooks(scene) == [(RAN_OUT, "11:29:50", "available"), (SYNCED, "11:30:00", None)]


def test_6_2_had_the_page_never_been_opened() -> None:
    scene = Scene()
    scene.at("9:00")
    scene.dropoff_link()
    webhooks(scene)
    scene.at("9:05")
    assert webhooks(scene) == [("LOCKER_RELEASED/RESERVATION_EXPIRED", "09:05:00", "available")]


def test_6_3_used_offline_known_four_hours_later() -> None:
    scene = Scene()
    scene.at("8:00")
    scene.dropoff_token(P, 3600)
    assert webhooks(scene) == [(CREATED, "08:00:00", "rented")]
    scene.at("8:20")
    scene.use()
    scene.at("8:21")
    scene.close()
    scene.at("9:10")
    assert scene.status == "rented"
    refusals = [scene.pickup_token(P), scene.dropoff_token(Q)]
    assert [one.message for one in refusals if one] == ["Locker is not occupied", "Locker is not available"]
    scene.at("12:10")
    scene.sync()
    assert webhooks(scene) == [(USED, "08:20:00", "occupied"), (SYNCED, "12:10:00", None)]
    scene.at("12:11")
    scene.pickup_token(P)
    assert webhooks(scene) == [(CREATED, "12:11:00", "occupied")]
    assert [one.payload.generation for one in scene.desk.issued] == [1, 1]


def test_6_4_released_too_late() -> None:
    scene = Scene()
    scene.at("14:00")
    scene.dropoff_token(P, 21_600)
    assert webhooks(scene) == [(CREATED, "14:00:00", "rented")]
    scene.at("14:30")
    scene.release(P)
    assert webhooks(scene) == [(RELEASED, "14:30:00", "declined")]
    scene.at("14:40")
    scene.use()
    scene.at("14:41")
    scene.close()
    assert scene.status == "declined"
    scene.at("16:00")
    scene.push()
    scene.sync()
    assert webhooks(scene) == [(USED, "14:40:00", "occupied"), (SYNCED, "16:00:00", None)]
    scene.at("16:05")
    scene.pickup_token(P)
    assert webhooks(scene) == [(CREATED, "16:05:00", "occupied")]
    assert [one.payload.generation for one in scene.desk.issued] == [1, 2]
    scene.use()
    scene.close()
    scene.sync()
    assert scene.status == "available"


def test_6_4_had_nobody_opened() -> None:
    scene = Scene()
    scene.at("14:00")
    scene.dropoff_token(P, 21_600)
    scene.at("14:30")
    scene.release(P)
    webhooks(scene)
    scene.at("16:00")
    scene.push()
    scene.sync()
    assert webhooks(scene) == [(RELEASED, "16:00:00", "available"), (SYNCED, "16:00:00", None)]


def test_6_5_one_token_for_both_ways_uploads_out_of_order() -> None:
    scene = Scene()
    scene.at("10:00")
    scene.dropoff_token(P, 43_200)
    webhooks(scene)
    scene.at("10:10")
    scene.use()
    scene.close()
    first = scene.new_events()
    scene.at("15:00")
    scene.use()
    scene.at("15:01")
    scene.close()
    second = scene.new_events()
    scene.at("15:01:10")
    scene.upload(second)
    assert (scene.status, webhooks(scene)) == ("rented", [])
    scene.at("15:01:13")
    scene.upload(first)
    assert webhooks(scene) == [
        (USED, "10:10:00", "occupied"),
        (USED, "15:01:00", "available"),
        (PICKED_UP, "15:01:00", "available"),
        (SYNCED, "15:01:13", None),
    ]
    scene.at("17:00")
    scene.upload(first)
    assert (scene.status, webhooks(scene)) == ("available", [])


def test_6_6_out_of_service_while_a_token_is_out() -> None:
    scene = Scene()
    scene.at("11:00")
    scene.dropoff_token(P, 3600)
    webhooks(scene)
    scene.at("11:15")
    scene.set_out_of_service()
    assert sorted(scene.desk.queue) == [1, 2]
    assert webhooks(scene) == [(RELEASED, "11:15:00", "out_of_service")]
    scene.at("11:20")
    scene.use()
    scene.close()
    scene.at("12:30")
    refusal = scene.return_to_service()
    assert refusal is not None
    assert refusal.status == 409
    scene.at("13:00")
    scene.push()
    scene.sync()
    assert [told.organization_id for told in scene.desk.notices] == [P, None]
    assert webhooks(scene) == [(USED, "11:20:00", "out_of_service"), (SYNCED, "13:00:00", None)]
    assert scene.locker.check_contents
    scene.at("13:30")
    assert scene.return_to_service() is None
    assert scene.status == "available"
