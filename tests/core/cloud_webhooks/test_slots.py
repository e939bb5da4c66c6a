"""How many attempts are under way at once: no receiver holds up another."""

from openharbor.cloud.webhooks.slots import Limits, Slots

NOW = 1000


def test_an_endpoint_gets_its_share_and_no_more() -> None:
    slots = Slots(Limits(overall=100, endpoint=3))
    assert slots.share({7: NOW, 8: NOW + 1}, NOW) == {7: 3}
    slots.take(7)
    assert slots.share({7: NOW}, NOW) == {7: 2}
    slots.give_back(7)
    assert slots.share({7: NOW}, NOW) == {7: 3}


def test_over_all_there_are_so_many_and_the_longest_due_comes_first() -> None:
    slots = Slots(Limits(overall=5, endpoint=3))
    assert slots.share({1: NOW, 2: NOW - 10, 3: NOW - 5}, NOW) == {2: 3, 3: 2}


def test_an_endpoint_whose_last_attempt_failed_is_tried_one_at_a_time_until_one_succeeds() -> None:
    slots = Slots(Limits(overall=5, endpoint=3, troubled=1))
    slots.tell(7, succeeded=False)
    assert slots.share({7: NOW}, NOW) == {7: 1}
    slots.tell(7, succeeded=True)
    assert slots.share({7: NOW}, NOW) == {7: 3}
