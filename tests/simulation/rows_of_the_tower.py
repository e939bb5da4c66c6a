"""Rows C10 to C16 and D: codes, alarms, broken promises, staff, settlement."""

from collections.abc import Iterator

from openharbor.cloud.lockers import operators
from openharbor.cloud.lockers.facts import Accessed, After, Forced, Reason, WrongDoor
from simulation.rows import CODE_USED, RAN_OUT, RELEASED, USED, row
from simulation.scene import NUMBER, P, Scene


@row("C10", "occupied", "occupied", CODE_USED)
def code_that_persists(scene: Scene) -> Iterator[None]:
    scene.dropoff_link()
    scene.draw("482913", persists=True)
    scene.use()
    scene.close()
    scene.sync()
    yield
    scene.device.enter_code(NUMBER, P, scene.now_s)
    scene.sync()


@row("C11", "occupied", "occupied")
def opened_again_in_the_session(scene: Scene) -> Iterator[None]:
    scene.dropoff_token()
    scene.use()
    scene.sync()
    yield
    scene.device.reopen(scene.now_s)
    scene.close()
    scene.use_again()
    scene.sync()


@row("C11", "occupied", "occupied")
def repeated_dropoff(scene: Scene) -> Iterator[None]:
    scene.dropoff_token()
    scene.use()
    scene.sync()
    yield
    scene.wait(119)
    scene.use()
    scene.sync()


@row("C11", "rented", "rented")
def jam(scene: Scene) -> Iterator[None]:
    scene.dropoff_token()
    yield
    scene.use(outcome="jams")
    scene.sync()


@row("C11", "declined", "declined")
def refused_token(scene: Scene) -> Iterator[None]:
    scene.dropoff_token(duration_s=60)
    scene.release()
    yield
    scene.device.begin_session(scene.now_s)
    scene.device.offset_s = 3600
    assert scene.use_again() == 107
    scene.sync()


@row(
    "C12", "occupied", "occupied", "LOCKER_ALARM/DOOR_FORCED", "LOCKER_ALARM/WRONG_DOOR", "LOCKER_ALARM/DOOR_LEFT_OPEN"
)
def alarms(scene: Scene) -> Iterator[None]:
    scene.dropoff_token()
    scene.use()
    scene.sync()
    yield
    event_id = scene.uploaded
    after = After(taken=True, generation=1, locker_token=scene.locker.report.locker_token)
    token_id = scene.desk.issued[0].payload.token_id
    scene.upload(
        [
            Forced(event_id=event_id, at_s=scene.now_s, number=NUMBER),
            WrongDoor(event_id=event_id + 1, at_s=scene.now_s, number=NUMBER),
            Accessed(
                event_id=event_id + 2,
                at_s=scene.now_s,
                number=NUMBER,
                reason=Reason.LEFT_OPEN,
                after=after,
                token_id=token_id,
            ),
        ]
    )
    assert [told.organization_id for told in scene.desk.notices if told.event == "LOCKER_ALARM"] == [P, P, P]
    assert [told.token_id for told in scene.desk.notices][2] == token_id


@row("C12", "available", "available", "LOCKER_ALARM/DOOR_FORCED")
def alarm_without_a_holder(scene: Scene) -> Iterator[None]:
    yield
    scene.upload([Forced(event_id=1, at_s=scene.now_s, number=NUMBER)])
    assert scene.desk.notices[0].organization_id is None


@row("C13", "out_of_service", "out_of_service", USED, USED)
def used_before_the_tower_knew(scene: Scene) -> Iterator[None]:
    scene.dropoff_token()
    scene.set_out_of_service()
    yield
    scene.use()
    scene.close()
    scene.wait(200)
    scene.use()
    scene.sync()
    assert len([told for told in scene.desk.notices if told.organization_id == P]) == 1
    scene.close()
    scene.sync()
    assert scene.locker.check_contents


@row("C14", "available", "out_of_service")
def use_of_a_settled_token(scene: Scene) -> Iterator[None]:
    yield
    scene.upload([_use_of_a_stranger(1, scene.now_s)])
    assert scene.locker.check_contents
    assert scene.locker.incident


def _use_of_a_stranger(event_id: int, at_s: int) -> Accessed:
    after = After(taken=True, locker_token="77" * 16, generation=0)
    return Accessed(
        event_id=event_id, at_s=at_s, number=NUMBER, reason=Reason.DROPOFF, after=after, token_id=9, kind="dropoff"
    )


@row("C14", "reserved", "out_of_service", RELEASED)
def use_of_a_settled_token_while_reserved(scene: Scene) -> Iterator[None]:
    scene.reserve()
    yield
    scene.upload([_use_of_a_stranger(1, scene.now_s)])
    assert list(scene.desk.reservation_ends.values()) == [["ended"]]


@row("C15", "rented", "rented")
def use_of_anothers_token(scene: Scene) -> Iterator[None]:
    scene.dropoff_token()
    yield
    scene.upload([_use_of_a_stranger(1, scene.now_s)])
    refusal = scene.dropoff_token()
    assert refusal is not None
    scene.take(operators.close_incident(scene.locker))
    assert scene.dropoff_token() is None
    scene.desk.notices.pop()


@row("C16", "available", "out_of_service")
def staff_disable(scene: Scene) -> Iterator[None]:
    yield
    scene.device.staff_disables(NUMBER, scene.now_s)
    scene.sync()
    assert not scene.locker.check_contents


@row("C16", "rented", "out_of_service", RELEASED)
def staff_take(scene: Scene) -> Iterator[None]:
    scene.dropoff_token()
    yield
    scene.device.staff_takes(NUMBER, scene.now_s)
    scene.sync()
    assert scene.locker.check_contents


# Settlement


@row("D1", "rented", "available", RAN_OUT)
def token_ran_out_unused(scene: Scene) -> Iterator[None]:
    scene.dropoff_token(duration_s=60)
    yield
    scene.wait(60)
    scene.push()
    scene.sync()


@row("D2", "declined", "available", RELEASED)
def revocation_executed(scene: Scene) -> Iterator[None]:
    scene.dropoff_token()
    scene.release()
    yield
    scene.push()
    scene.sync()


@row("D2", "declined", "available", RAN_OUT)
def declined_token_ran_out(scene: Scene) -> Iterator[None]:
    scene.dropoff_token(duration_s=60)
    scene.release()
    yield
    scene.wait(60)
    scene.device.client_event(scene.now_s)
    scene.sync()
