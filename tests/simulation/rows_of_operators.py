"""Rows E: operators."""

from collections.abc import Iterator

from msgspec.structs import replace

from openharbor.cloud.lockers import operators
from openharbor.cloud.lockers.change import Disable, Retire
from openharbor.cloud.lockers.locker import Status
from simulation.rows import RELEASED, row
from simulation.scene import NUMBER, Q, Scene

# Operators


@row("E1", "reserved", "available", RELEASED)
def operator_ends_a_reservation(scene: Scene) -> Iterator[None]:
    scene.reserve()
    yield
    assert scene.set_available() is None
    assert list(scene.desk.reservation_ends.values()) == [["ended"]]


@row("E1", "rented", "declined", RELEASED)
def operator_ends_a_rental(scene: Scene) -> Iterator[None]:
    scene.dropoff_token()
    yield
    assert scene.set_available() is None


@row("E1", "occupied", "declined", RELEASED)
def operator_empties(scene: Scene) -> Iterator[None]:
    scene.deliver()
    yield
    refusal = scene.set_available(empty=False)
    assert refusal is not None
    assert scene.set_available() is None


@row("E1", "occupied", "available", RELEASED)
def operator_empties_a_clear_one(scene: Scene) -> Iterator[None]:
    scene.deliver(duration_s=60)
    scene.wait(60)
    scene.push()
    scene.sync()
    yield
    assert scene.set_available() is None
    assert [one.form for one in scene.desk.queue.values() if isinstance(one, Retire)] == ["empty"]


@row("E2", "declined", "available", RELEASED)
def operator_ends_a_declined_one(scene: Scene) -> Iterator[None]:
    scene.deliver(duration_s=60)
    scene.release()
    scene.wait(60)
    refusal = scene.set_available()
    assert refusal is not None
    assert refusal.status == 409
    scene.device.client_event(scene.now_s)
    scene.sync()
    yield
    refusal = scene.set_available(empty=False)
    assert refusal is not None
    assert scene.set_available() is None
    assert [one.form for one in scene.desk.queue.values() if isinstance(one, Retire)] == ["unused", "empty", "empty"]


@row("E3", "rented", "out_of_service", RELEASED)
def out_of_service(scene: Scene) -> Iterator[None]:
    scene.dropoff_token()
    yield
    assert scene.set_out_of_service() is None
    assert list(scene.desk.queue.values()) == [Disable(1, NUMBER, True), Retire(2, NUMBER, 1, "unused")]


@row("E3", "available", "out_of_service")
def available_out_of_service(scene: Scene) -> Iterator[None]:
    yield
    assert scene.set_out_of_service() is None


@row("E4", "out_of_service", "available")
def return_to_service(scene: Scene) -> Iterator[None]:
    scene.dropoff_token(duration_s=60)
    scene.set_out_of_service()
    scene.use()
    scene.close()
    scene.wait(60)
    refusal = scene.return_to_service()
    assert refusal is not None
    assert refusal.status == 409
    scene.push()
    scene.sync()
    yield
    refusal = scene.return_to_service(empty=False)
    assert refusal is not None
    assert scene.return_to_service() is None
    assert [type(one).__name__ for one in scene.desk.queue.values()] == ["Disable", "Retire"]


@row("E5", "available", "reserved", "LOCKER_ASSIGNED/LOCKER_RESERVED")
def operator_reserves(scene: Scene) -> Iterator[None]:
    yield
    change = operators.reserve_for(
        scene.locker, Q, reservation_id=1, assignment_id=2, locker_token="00" * 16, duration_s=86_400, now=scene.now
    )
    assert scene.take(change) is None
    assert scene.locker.holder == Q


@row("E6", "rented", "rented")
def log_reset(scene: Scene) -> Iterator[None]:
    scene.dropoff_token()
    yield
    scene.reset_log()
    assert [token.log_lost for token in scene.locker.tokens] == [True]


@row("E7", "occupied", "out_of_service", RELEASED)
def board_replaced(scene: Scene) -> Iterator[None]:
    scene.deliver()
    yield
    scene.replaced()
    assert scene.locker.tokens == ()
    assert scene.locker.check_contents


@row("E8", "out_of_service", "available")
def first_key(scene: Scene) -> Iterator[None]:
    scene.desk.lockers[NUMBER] = replace(scene.locker, status=Status.OUT_OF_SERVICE)
    yield
    scene.provisioned()
