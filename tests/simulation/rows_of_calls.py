"""Rows A and B: calls of service providers, and the cloud's clock."""

from collections.abc import Iterator

from openharbor.cloud.lockers import links
from openharbor.cloud.lockers.change import EraseCode, LinkChange, Retire
from simulation.rows import CANCELLED, CREATED, EXPIRED, RELEASED, row
from simulation.scene import NUMBER, P, Q, Scene

# Calls of service providers


@row("A1", "available", "reserved", "LOCKER_ASSIGNED/LOCKER_RESERVED")
def reservation(scene: Scene) -> Iterator[None]:
    yield
    assert scene.reserve() is None


@row("A2", "available", "rented", CREATED)
def first_token(scene: Scene) -> Iterator[None]:
    yield
    assert scene.dropoff_token() is None


@row("A3", "available", "rented", "LOCKER_ASSIGNED/LOCKER_OPEN_LINK_CREATED")
def dropoff_link(scene: Scene) -> Iterator[None]:
    yield
    assert scene.dropoff_link() is None
    assert scene.locker.hold is not None
    assert scene.locker.hold.ends_at == scene.now + 300_000
    assert scene.locker.tokens == ()


@row("A4", "reserved", "rented", CREATED)
def token_for_a_reservation(scene: Scene) -> Iterator[None]:
    scene.reserve()
    yield
    assert scene.dropoff_token() is None
    assert list(scene.desk.reservation_ends.values()) == [["used"]]


@row("A5", "reserved", "available", CANCELLED)
def cancelled_reservation(scene: Scene) -> Iterator[None]:
    scene.reserve()
    yield
    assert scene.cancel_reservation() is None


@row("A6", "reserved", "available", RELEASED)
def released_reservation(scene: Scene) -> Iterator[None]:
    scene.reserve()
    yield
    assert scene.release() is None


@row("A7", "rented", "rented", CREATED)
def second_token(scene: Scene) -> Iterator[None]:
    scene.dropoff_token()
    yield
    assert scene.dropoff_token() is None


@row("A7", "rented", "rented", CREATED)
def token_from_a_dropoff_link(scene: Scene) -> Iterator[None]:
    scene.dropoff_link()
    yield
    assert scene.draw() is None
    assert scene.desk.issued[-1].payload.reuse is False


@row("A8", "rented", "declined", RELEASED)
def released_with_a_token_out(scene: Scene) -> Iterator[None]:
    scene.dropoff_token()
    yield
    assert scene.release() is None
    assert list(scene.desk.queue.values()) == [Retire(1, NUMBER, 1, "unused")]


@row("A8", "rented", "available", RELEASED)
def released_without_a_token(scene: Scene) -> Iterator[None]:
    scene.dropoff_link()
    yield
    assert scene.release() is None


@row("A9", "rented", "declined", CANCELLED)
def cancelled_link_with_a_token_out(scene: Scene) -> Iterator[None]:
    scene.dropoff_link()
    scene.draw()
    yield
    assert scene.cancel_link() is None
    assert list(scene.desk.links.values()) == ["cancelled"]


@row("A9", "rented", "available", CANCELLED)
def cancelled_link(scene: Scene) -> Iterator[None]:
    scene.dropoff_link()
    yield
    assert scene.cancel_link() is None


@row("A10", "occupied", "occupied", CREATED, CREATED, CREATED)
def tokens_of_a_parcel(scene: Scene) -> Iterator[None]:
    scene.deliver()
    yield
    assert scene.dropoff_token() is None
    assert scene.pickup_token() is None
    assert scene.draw_pickup() is None


@row("A11", "occupied", "occupied")
def pickup_link(scene: Scene) -> Iterator[None]:
    scene.deliver()
    yield
    scene.take(links.open_pickup_link(scene.locker, P, client_info="recipient"))
    change = links.cancel_pickup_link(scene.locker, scene.desk.tower, 61)
    assert change.links == (LinkChange(61, "cancelled"),)
    scene.take(change)


@row("A11", "occupied", "occupied")
def pickup_link_with_a_code(scene: Scene) -> Iterator[None]:
    scene.dropoff_link()
    scene.draw("482913")
    scene.use()
    scene.sync()
    yield
    link_id = next(iter(scene.desk.links))
    change = links.cancel_pickup_link(scene.locker, scene.desk.tower, link_id)
    assert change.commands == (EraseCode(1, NUMBER),)
    scene.take(change)
    scene.push()
    scene.sync()
    assert [one.settled for one in scene.locker.tokens if one.kind == "keypad"] == ["retired"]


@row("A12", "occupied", "declined", RELEASED)
def released_with_a_parcel(scene: Scene) -> Iterator[None]:
    scene.deliver(duration_s=60)
    scene.wait(100)
    scene.push()
    scene.sync()
    yield
    assert all(token.settled for token in scene.locker.tokens)
    assert scene.release() is None
    queued = [command for command in scene.desk.queue.values() if isinstance(command, Retire)]
    assert [command.form for command in queued] == ["unused", "empty"]


@row("A13", "declined", "rented", CREATED)
def token_after_a_release(scene: Scene) -> Iterator[None]:
    scene.dropoff_token()
    scene.release()
    yield
    assert scene.dropoff_token() is None
    assert [one.payload.generation for one in scene.desk.issued] == [1, 2]


@row("A14", "declined", "declined")
def released_twice(scene: Scene) -> Iterator[None]:
    scene.dropoff_token()
    scene.release()
    yield
    assert scene.release() is None
    assert len(scene.desk.queue) == 1


@row("A15", "rented", "rented")
def anyone_else(scene: Scene) -> Iterator[None]:
    scene.dropoff_token()
    yield
    refusals = [
        scene.reserve(Q),
        scene.dropoff_token(Q),
        scene.pickup_token(Q),
        scene.release(Q),
        scene.cancel_reservation(Q),
        scene.pickup_token(P),
    ]
    assert [(one.status, one.message) for one in refusals if one] == [
        (409, "Locker is not available"),
        (409, "Locker is not available"),
        (409, "Locker is not assigned"),
        (409, "Locker is not assigned"),
        (404, "Reservation not found"),
        (409, "Locker is not occupied"),
    ]


# The cloud's clock


@row("B1", "reserved", "available", EXPIRED)
def reservation_runs_out(scene: Scene) -> Iterator[None]:
    scene.reserve(duration_s=1)
    yield
    scene.wait(1)
    assert list(scene.desk.reservation_ends.values()) == [["expired"]]


@row("B2", "rented", "available", EXPIRED)
def hold_ends_without_a_token(scene: Scene) -> Iterator[None]:
    scene.dropoff_link()
    yield
    scene.wait(300)
    assert list(scene.desk.links.values()) == ["expired"]


@row("B3", "rented", "rented")
def hold_ends_with_a_token_out(scene: Scene) -> Iterator[None]:
    scene.dropoff_link()
    scene.draw()
    yield
    scene.wait(300)
    assert list(scene.desk.links.values()) == ["expired"]


@row("B4", "rented", "rented")
def token_passes_its_expiry(scene: Scene) -> Iterator[None]:
    scene.dropoff_token(duration_s=60)
    yield
    scene.wait(10 * 365 * 86_400)


@row("B4", "occupied", "occupied")
def parcel_outlives_its_tokens(scene: Scene) -> Iterator[None]:
    scene.deliver()
    yield
    scene.wait(10 * 365 * 86_400)


@row("B4", "declined", "declined")
def declined_outlives_its_tokens(scene: Scene) -> Iterator[None]:
    scene.dropoff_token()
    scene.release()
    yield
    scene.wait(10 * 365 * 86_400)
