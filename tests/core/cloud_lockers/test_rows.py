"""Every row of locker-states.md 4 is a test named by its number: what was before, what happens, what is then told."""

import re
from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace

from openharbor.cloud.lockers import links, operators, reports
from openharbor.cloud.lockers.change import Disable, EraseCode, LinkChange, Retire
from openharbor.cloud.lockers.facts import Accessed, After, Forced, Reason, WrongDoor
from openharbor.cloud.lockers.locker import Status
from simulation.invariants import ARROWS, STATES_FILE
from simulation.scene import NUMBER, P, Q, Scene

Story = Callable[[Scene], Iterator[None]]
Case = tuple[str, str, str, tuple[str, ...], Story]
CASES: list[Case] = []
CREATED, USED = "LOCKER_OPERATION/LOCKER_TOKEN_CREATED", "LOCKER_OPERATION/LOCKER_TOKEN_USED"
CODE_USED = "LOCKER_OPERATION/KEYPAD_CODE_USED"
RELEASED, PICKED_UP = "LOCKER_RELEASED/LOCKER_RELEASED", "LOCKER_RELEASED/PICKED_UP"
CANCELLED, EXPIRED = "LOCKER_RELEASED/RESERVATION_CANCELLED", "LOCKER_RELEASED/RESERVATION_EXPIRED"
RAN_OUT = "LOCKER_RELEASED/TOKEN_EXPIRED"


def row(number: str, before: str, after: str, *webhooks: str) -> Callable[[Story], Story]:
    """A story: up to its `yield` it leads to `before`; the rest is the row."""

    def add(story: Story) -> Story:
        CASES.append((number, before, after, webhooks, story))
        return story

    return add


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
    scene.device.begin_session()
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


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[4].__name__}")
def test_row(case: Case) -> None:
    number, before, after, webhooks, story = case
    scene = Scene()
    steps = story(scene)
    next(steps)
    assert scene.status == before
    scene.told()
    scene.desk.rows.clear()
    assert next(steps, None) is None
    assert scene.status == after
    assert scene.told() == list(webhooks)
    if number not in ("A15", "B4"):
        assert number in scene.desk.rows


def documented() -> dict[str, list[str]]:
    """The rows of section 4: from, to, webhook, by number."""
    table = re.findall(r"^\| ([A-E]\d+) \|(.+)\|$", STATES_FILE.read_text(), re.MULTILINE)
    return {number: [cell.strip() for cell in cells.split("|")] for number, cells in table}


def test_every_row_of_the_document_has_a_story() -> None:
    assert {case[0] for case in CASES} == set(documented())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[4].__name__}")
def test_a_story_says_what_its_row_says(case: Case) -> None:
    number, before, after, webhooks, _ = case
    origin, _, _, to, told = documented()[number]
    assert before in origin or "any" in origin or (number == "B4" and before in origin)
    assert after in to or to in ("unchanged", "END: as A8", "END: as C5") or "unchanged" in to
    sources = {webhook.split("/")[1] for webhook in webhooks}
    assert all(source in told for source in sources) or told in ("as C5", "as E3")


def test_every_arrow_of_the_diagram_has_a_row() -> None:
    assert set(ARROWS) <= set(documented())


def test_an_event_of_an_unknown_locker_only_moves_the_frontier() -> None:
    scene = Scene()
    applied = reports.apply(
        scene.desk.tower,
        scene.desk.lockers,
        [Forced(event_id=1, at_s=scene.now_s, number=77)],
        now=scene.now,
    )
    assert applied.changes == ()
    assert applied.tower.next_event == 2
