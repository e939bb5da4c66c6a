"""Rows C1 to C9: drop-off, pick-up, "doesn't fit", as the tower's log shows them."""

from collections.abc import Iterator

from simulation.rows import CANCELLED, CODE_USED, PICKED_UP, USED, row
from simulation.scene import NUMBER, P, Scene

# Facts from the tower log


@row("C1", "rented", "occupied", USED)
def dropoff(scene: Scene) -> Iterator[None]:
    scene.dropoff_link()
    scene.draw()
    yield
    scene.use()
    scene.sync()
    assert list(scene.desk.links.values()) == ["completed"]


@row("C2", "declined", "occupied", USED)
def dropoff_after_a_release(scene: Scene) -> Iterator[None]:
    scene.dropoff_token()
    scene.release()
    yield
    scene.use()
    scene.sync()


@row("C3", "occupied", "occupied", USED)
def further_dropoff(scene: Scene) -> Iterator[None]:
    scene.deliver()
    scene.dropoff_token()
    yield
    scene.use()
    scene.sync()


@row("C4", "occupied", "occupied")
def pickup_opens(scene: Scene) -> Iterator[None]:
    scene.deliver()
    scene.pickup_token()
    yield
    scene.use()
    scene.sync()


@row("C4", "declined", "declined")
def pickup_opens_after_a_release(scene: Scene) -> Iterator[None]:
    scene.deliver()
    scene.pickup_token()
    scene.release()
    yield
    scene.use()
    scene.sync()


@row("C4", "rented", "rented")
def pickup_opens_after_a_new_token(scene: Scene) -> Iterator[None]:
    _old_pickup_and_new_token(scene)
    yield
    scene.use(1)
    scene.sync()


def _old_pickup_and_new_token(scene: Scene) -> None:
    scene.deliver()
    scene.pickup_token()
    scene.release()
    scene.dropoff_token()


@row("C5", "occupied", "available", USED, PICKED_UP)
def pickup(scene: Scene) -> Iterator[None]:
    scene.deliver()
    scene.pickup_token()
    scene.use()
    scene.sync()
    yield
    scene.close()
    scene.sync()


@row("C5", "occupied", "declined", USED, PICKED_UP)
def pickup_with_a_newer_token_out(scene: Scene) -> Iterator[None]:
    scene.dropoff_token()
    scene.release()
    scene.use(0)
    scene.close()
    scene.sync()
    scene.pickup_token()
    scene.wait(1)
    scene.use(0)
    scene.sync()
    assert [one.payload.generation for one in scene.desk.issued] == [1, 2]
    yield
    scene.close()
    scene.sync()


@row("C5", "occupied", "available", CODE_USED, PICKED_UP)
def pickup_by_code(scene: Scene) -> Iterator[None]:
    scene.dropoff_link()
    scene.draw("482913")
    scene.use()
    scene.close()
    scene.sync()
    scene.device.enter_code(NUMBER, P, scene.now_s)
    yield
    scene.close()
    scene.sync()
    assert scene.desk.notices[0].keypad_code == "482913"
    assert scene.desk.notices[0].token_id is None


@row("C6", "declined", "declined", USED, PICKED_UP)
def pickup_after_a_release(scene: Scene) -> Iterator[None]:
    scene.deliver()
    scene.pickup_token()
    scene.release()
    scene.use()
    scene.sync()
    yield
    scene.close()
    scene.sync()


@row("C6", "declined", "available", USED, PICKED_UP)
def pickup_after_an_operator(scene: Scene) -> Iterator[None]:
    scene.deliver()
    scene.pickup_token()
    scene.set_available()
    scene.use()
    scene.sync()
    yield
    scene.close()
    scene.sync()


@row("C7", "rented", "rented", USED)
def pickup_of_an_older_generation(scene: Scene) -> Iterator[None]:
    _old_pickup_and_new_token(scene)
    scene.use(1)
    scene.sync()
    yield
    scene.close()
    scene.sync()


@row("C8", "occupied", "available", CANCELLED)
def does_not_fit(scene: Scene) -> Iterator[None]:
    scene.dropoff_link()
    scene.draw()
    scene.use()
    scene.sync()
    yield
    scene.revert()
    scene.sync()
    assert scene.status == "occupied"
    scene.close()
    scene.sync()
    assert list(scene.desk.links.values()) == ["cancelled"]


@row("C8", "occupied", "available", CANCELLED)
def does_not_fit_with_the_door_closed(scene: Scene) -> Iterator[None]:
    scene.dropoff_token()
    scene.use()
    scene.close()
    scene.sync()
    yield
    scene.revert()
    scene.sync()


@row("C8", "occupied", "declined", CANCELLED)
def does_not_fit_with_a_newer_token_out(scene: Scene) -> Iterator[None]:
    scene.dropoff_token()
    scene.release()
    scene.dropoff_token()
    scene.use(0)
    scene.sync()
    yield
    scene.revert()
    scene.close()
    scene.sync()


@row("C9", "occupied", "occupied")
def second_parcel_does_not_fit(scene: Scene) -> Iterator[None]:
    scene.deliver()
    scene.dropoff_token()
    scene.use()
    scene.sync()
    yield
    scene.revert()
    scene.close()
    scene.sync()
