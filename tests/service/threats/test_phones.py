"""T-04, T-06, T-07, T-12, T-16, T-17, T-21: phones that are cloned, that keep things back, that mix things up."""

import itertools
import random
from typing import Any

import pytest

from core.tower.desk import Desk, fixture_tower
from core.tower.test_tower_vectors import SCENARIO_STEPS, SCENARIOS
from harness.blink_vectors import sealed, tower_id, tower_keys
from openharbor.blink.batches import Batch, BatchRefused, Conflict, new_events, open_batch
from openharbor.blink.cbor import Fields
from openharbor.blink.packets import Packet
from openharbor.blink.payloads import PICKUP
from openharbor.blink.phone_session import Credentials, Declined, PhoneSession, Reply
from openharbor.blink.sealing import Sealed
from openharbor.tower import device
from openharbor.tower.state import Tower
from service.threats.visitors import ALL, Visitor, code_of, credentials, packet, time_of, token, visitor

# -- T-04


def test_t04_a_clone_and_the_original_make_one_pick_up_at_most() -> None:
    desk = Desk()
    courier = visitor(desk)
    courier.open(token(time_of(desk), 1))
    courier.end()
    desk.closes(1)
    given, key = credentials(time_of(desk), client=b"recipient"), token(time_of(desk), 1, PICKUP, match_token=b"parcel")
    original, clone = Visitor(desk, given), Visitor(desk, given)
    assert isinstance(original.begin(), PhoneSession)
    assert isinstance(clone.begin(), PhoneSession), "until then the clone is the phone"
    assert code_of(clone.open(key)) == 0
    desk.closes(1)
    assert code_of(original.open(key)) == 205, "its session ended when the other spoke"
    assert isinstance(original.begin(), PhoneSession)
    assert code_of(original.open(key)) == 201
    assert isinstance(clone.begin(), PhoneSession)
    assert code_of(clone.open(key)) == 201
    assert desk.pulses == [1, 1]


def test_t04_a_retiring_command_kills_what_a_clone_carries() -> None:
    desk = Desk()
    stolen = token(time_of(desk), 1, generation=4)
    honest = visitor(desk, ALL)
    retire = packet(time_of(desk), 7, {1: 81, 70: 1, 73: True, 91: True, 249: 4})
    assert code_of(honest.push(retire)) == 0
    assert code_of(visitor(desk, client=b"clone").open(stolen)) == 201
    assert desk.pulses == []


def test_t04_a_token_that_is_bound_to_a_client_is_worth_nothing_to_another() -> None:
    desk = Desk()
    bound = token(time_of(desk), 1, client_id=b"courier")
    assert code_of(visitor(desk, client=b"thief").open(bound)) == 204
    assert code_of(visitor(desk, client=b"courier").open(bound)) == 0


def test_t04_the_session_payload_of_a_clone_ends_with_its_time() -> None:
    desk = Desk()
    stolen = credentials(time_of(desk), life=900)
    desk.advance(900)
    assert code_of(refusal(Visitor(desk, stolen))) == 107


def refusal(phone: Visitor) -> Declined:
    refused = phone.begin()
    assert isinstance(refused, Declined)
    return refused


# -- T-06


def pulled(phone: Visitor, start: int) -> tuple[int, int, Sealed]:
    reply = phone.say(Packet.SYNC_PULL, {31: start})
    assert isinstance(reply, Reply)
    return reply.fields[31], reply.fields[32], Sealed(reply.fields[9], reply.fields[10])


def every_batch(phone: Visitor) -> list[tuple[int, int, Sealed]]:
    batches = [pulled(phone, 1)]
    while batches[-1][1]:
        batches.append(pulled(phone, batches[-1][0] + batches[-1][1]))
    return batches


class Store:
    """The server's events of one epoch, by id."""

    def __init__(self) -> None:
        self.events: dict[int, Fields] = {}

    def take(self, first: int, count: int, batch: Sealed) -> Batch | BatchRefused | Conflict:
        opened = open_batch(
            tower_keys(), batch.payload, batch.auth, tower_id=tower_id(), epoch=1, first=first, count=count
        )
        if isinstance(opened, BatchRefused):
            return opened
        found = new_events(opened, self.events)
        if isinstance(found, Conflict):
            return found
        self.events |= {one[30]: one for one in found}
        return opened


def busy() -> tuple[Desk, Visitor]:
    desk = Desk()
    phone = visitor(desk)
    for place in range(15):
        phone.say(Packet.ADD_CLIENT_EVENT, {62: bytes((place,)) * 120})
    return desk, phone


def test_t06_batches_in_any_order_and_any_number_of_times_become_the_same_log() -> None:
    desk, phone = busy()
    batches = every_batch(phone)
    assert len(batches) > 3
    rng = random.Random(6)
    for _ in range(20):
        store = Store()
        shuffled = [*batches, *batches]
        rng.shuffle(shuffled)
        for batch in shuffled:
            assert isinstance(store.take(*batch), Batch)
        assert sorted(store.events) == list(range(1, desk.tower.log.last + 1))


def test_t06_what_one_phone_drops_the_next_one_brings() -> None:
    desk, phone = busy()
    store = Store()
    for batch in every_batch(phone)[::2]:
        store.take(*batch)
    assert sorted(store.events) != list(range(1, desk.tower.log.last + 1)), "a gap that the server sees"
    phone.end()
    for batch in every_batch(visitor(desk)):
        store.take(*batch)
    assert sorted(store.events) == list(range(1, desk.tower.log.last + 1))


def test_t06_a_batch_that_was_edited_split_or_renumbered_is_refused() -> None:
    _, phone = busy()
    first, count, batch = pulled(phone, 1)
    rng, store = random.Random(6), Store()
    for _ in range(200):
        place = rng.randrange(len(batch.payload))
        bent = (
            batch.payload[:place] + bytes((batch.payload[place] ^ 1 << rng.randrange(8),)) + batch.payload[place + 1 :]
        )
        assert store.take(first, count, Sealed(bent, batch.auth)) == BatchRefused("signature", "the MAC does not fit")
    for other in ((first + 1, count), (first, count - 1), (first, count + 1)):
        refused = store.take(*other, batch)
        assert isinstance(refused, BatchRefused)
        assert refused.fault == "range"
    assert store.events == {}


def test_t06_a_phone_lets_the_tower_forget_nothing() -> None:
    desk, phone = busy()
    before = desk.tower.log
    for name, fields in ((Packet.SYNC_MARK_SEEN_EVENTS, {31: 10}), (Packet.RESET_EVENT_COUNTER, {31: 10})):
        assert code_of(phone.say(name, fields)) == 204
    assert (desk.tower.log.first, desk.tower.log.events) == (before.first, before.events)


# -- T-07


def in_order(at: int) -> list[Sealed]:
    return [
        packet(at, 7, {1: 89, 60: "One"}, {1: 83, 70: 1, 74: True}),
        packet(at, 9, {1: 89, 60: "Two"}, {1: 83, 70: 1, 74: False}, {1: 83, 70: 2, 74: True}),
        packet(at, 12, {1: 74, 154: 250}),
        packet(at, 13, {1: 89, 60: "Three"}, {1: 90, 155: True, 156: "paint"}),
    ]


def settled(tower: Tower) -> tuple[object, ...]:
    return tower.identity, tower.settings, tower.lockers, tower.last_command


def test_t07_packets_in_every_order_and_twice_end_where_the_right_order_ends() -> None:
    desk = Desk()
    packets = in_order(time_of(desk))
    phone = visitor(desk)
    for one in packets:
        assert code_of(phone.push(one)) == 0
    right = settled(desk.tower)
    for order in itertools.permutations(packets):
        assert settled(after_all(list(order) * len(packets))) == right


def after_all(packets: list[Sealed]) -> Tower:
    """One packet after the other, whatever comes of it."""
    desk = Desk()
    phone = visitor(desk)
    for one in packets:
        before = settled(desk.tower)
        code = code_of(phone.push(one))
        assert code in (0, 508)
        assert code == 0 or settled(desk.tower) == before, "a gap is refused whole"
    return desk.tower


def test_t07_a_packet_that_was_kept_back_for_too_long_is_refused() -> None:
    desk = Desk()
    late = packet(time_of(desk), 7, {1: 89, 60: "One"}, life=600)
    desk.advance(600)
    assert code_of(visitor(desk).push(late)) == 107
    assert desk.tower.last_command == 6


# -- T-12

KINDS: dict[str, str] = {
    "session": "session_payloads",
    "token": "open_payloads",
    "packet": "command_packets",
    "batch": "event_batches",
}


@pytest.mark.parametrize(("kind", "place"), list(itertools.product(KINDS, ("session", "token", "packet"))))
def test_t12_no_kind_of_payload_passes_for_another(kind: str, place: str) -> None:
    if kind == place:
        return
    desk = Desk()
    row = next(one for one in sealed(KINDS[kind]) if one["rotation"] == 3 and len(one["payload"]) < 1000)
    payload = Sealed(bytes.fromhex(row["payload"]), bytes.fromhex(row["payload_auth"]))
    before = (desk.tower.lockers, desk.tower.keys, desk.tower.last_command)
    assert presented(desk, place, payload) == 101
    assert (desk.tower.lockers, desk.tower.keys, desk.tower.last_command) == before
    assert desk.pulses == []


def presented(desk: Desk, place: str, payload: Sealed) -> int:
    if place == "session":
        return code_of(refusal(Visitor(desk, Credentials(payload.payload, payload.auth, bytes(32)))))
    phone = visitor(desk)
    return code_of(phone.open(payload) if place == "token" else phone.push(payload))


def test_t12_the_server_takes_nothing_but_batches() -> None:
    for kind in ("session_payloads", "open_payloads", "command_packets"):
        row = next(one for one in sealed(kind) if one["rotation"] == 3)
        refused = Store().take(1, 1, Sealed(bytes.fromhex(row["payload"]), bytes.fromhex(row["payload_auth"])))
        assert isinstance(refused, BatchRefused)
        assert refused.fault == "type"


# -- T-16, T-21


@pytest.mark.parametrize(
    ("threat", "words"),
    [
        ("T-16", "occupied locker is never given to the next assignment"),
        ("T-21", "no keypad code for a free locker"),
        ("T-21", "revert a pick-up"),
    ],
)
def test_t16_t21_the_scenarios_of_the_vectors_hold(threat: str, words: str) -> None:
    row = next(one for one in SCENARIOS if words in one["name"])
    desk = Desk(fixture_tower(**row["given"]))
    for step in row["steps"]:
        SCENARIO_STEPS[step["do"]](desk, step)


def test_t21_a_drop_off_into_a_free_locker_erases_a_code_that_was_left() -> None:
    desk = Desk()
    phone = visitor(desk, ALL)
    phone.open(token(time_of(desk), 1))
    assert code_of(phone.say(Packet.SET_KEYPAD_CODE, {80: "482913", 81: True, 82: b"x", 83: False})) == 0
    desk.closes(1)
    assert code_of(phone.push(packet(time_of(desk), 7, {1: 81, 70: 1, 73: True}))) == 0
    assert desk.tower.lockers[1].code is None
    desk.take(device.code_entered(desk.tower, "482913", desk.at_ms))
    assert desk.pulses == [1]


# -- T-17

VISIT: list[tuple[Packet, dict[int, Any]]] = [
    (Packet.REQUEST_SYNC_STATUS, {}),
    (Packet.FIND_AVAILABLE_LOCKERS, {}),
    (Packet.OPEN_LOCKER_WITH_TOKEN, {}),
]


@pytest.mark.parametrize("lost", range(3))
@pytest.mark.parametrize("what", ["question", "answer"])
def test_t17_a_link_that_is_cut_after_any_message_of_a_drop_off_never_frees_the_locker(lost: int, what: str) -> None:
    """The phone has no LOCKER_OPENED, so it tries once more in a new session: the parcel must stay behind its door."""
    desk = Desk()
    key = token(time_of(desk), 1)
    phone = visitor(desk)
    for place, (name, fields) in enumerate(VISIT):
        question = phone.question(name, {9: key.payload, 10: key.auth} if name.name.startswith("OPEN") else fields)
        if place == lost and what == "question":
            break
        frame = phone.carry(question.frame)
        if place == lost:
            break
        phone.read(question, frame)
    desk.closes(1)
    desk.advance(100)
    assert code_of(visitor(desk).open(key)) == 0
    assert not desk.tower.lockers[1].available
    desk.closes(1)
    desk.advance(15)
    assert code_of(visitor(desk).open(key)) == 0, "a third try, within the window of the first use"
    assert not desk.tower.lockers[1].available


def test_t17_with_the_answer_in_its_hands_the_next_session_is_a_pick_up() -> None:
    desk = Desk()
    key = token(time_of(desk), 1)
    phone = visitor(desk)
    phone.open(key)
    phone.say(Packet.CHECK_LOCKER_DOOR)
    desk.closes(1)
    assert code_of(visitor(desk, client=b"recipient").open(key)) == 0
    assert desk.tower.lockers[1].available
