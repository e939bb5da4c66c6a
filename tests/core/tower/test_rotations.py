"""The rotations of a tower's key: installed, sunset, revoked, expired (blink-protocol.md 4.1, 11.1)."""

from collections.abc import Callable

import pytest

from openharbor.blink.refusals import Rejected
from openharbor.tower.rotations import Keys, Rotation, expired, find, installed, keys_of, revoked, sealing_key, sunset

ROOT = {number: bytes([number]) * 32 for number in range(10)}


def rotation(number: int, root: bytes | None = None, expires: int = 0) -> Rotation:
    return Rotation(number=number, state="active", root=root or ROOT[number], expires=expires)


def keys(*numbers: int) -> Keys:
    made = keys_of({numbers[0]: rotation(numbers[0])}, numbers[0])
    for number in numbers[1:]:
        made = installed(made, 1, rotation(number))
    return made


def code_of(call: Callable[[], object]) -> int:
    with pytest.raises(Rejected) as refused:
        call()
    return refused.value.code


def test_the_newest_rotation_seals_and_all_verify() -> None:
    made = keys(1, 2)
    assert (sealing_key(made).rotation, sorted(made.ring.keys)) == (2, [1, 2])


def test_the_same_key_again_changes_nothing_and_another_one_is_refused() -> None:
    made = keys(1, 2)
    assert installed(made, 1, rotation(2)) is made
    assert code_of(lambda: installed(made, 1, rotation(2, bytes(32)))) == 106
    assert code_of(lambda: installed(made, 2, rotation(3))) == 106
    gone = revoked(made, 1, 1)
    assert code_of(lambda: installed(gone, 1, rotation(1))) == 106


def test_a_sunset_rotation_is_not_woken_by_its_own_key() -> None:
    made = sunset(keys(1, 2), 1, 1, 500)
    assert installed(made, 1, rotation(1)).rotations[1].state == "sunset"


def test_there_is_room_for_four() -> None:
    made = keys(1, 2, 3, 4)
    assert code_of(lambda: installed(made, 1, rotation(5))) == 505
    assert 5 in installed(revoked(made, 1, 1), 1, rotation(5)).ring.keys


def test_a_sunset_counts_from_its_first_moment() -> None:
    made = sunset(keys(1, 2), 1, 2, 500)
    assert (made.ring.sunsets, sealing_key(made).rotation) == ({2: 500}, 1)
    assert sunset(made, 1, 2, 900) is made


def test_the_last_active_rotation_stays() -> None:
    made = sunset(keys(1, 2), 1, 1, 500)
    assert code_of(lambda: sunset(made, 1, 2, 500)) == 106
    assert code_of(lambda: revoked(made, 1, 2)) == 106
    assert 1 not in revoked(made, 1, 1).ring.keys


def test_a_revoked_or_unknown_rotation_is_203_and_keeps_no_key() -> None:
    made = revoked(keys(1, 2), 1, 1)
    assert made.rotations[1].root == b""
    for number in (1, 9):
        assert code_of(lambda number=number: find(made, 1, number)) == 203  # type: ignore[misc]  # as above
        assert code_of(lambda number=number: revoked(made, 1, number)) == 203  # type: ignore[misc]  # as above


def test_an_expired_rotation_is_sunset_at_its_expiry_unless_it_is_the_last() -> None:
    made = installed(keys(1), 1, rotation(2, expires=100))
    after, over = expired(made, 100)
    assert ([one.number for one in over], after.ring.sunsets, after.seal_with) == ([2], {2: 100}, 1)
    alone = keys_of({1: rotation(1, expires=100)}, 1)
    assert expired(alone, 1000) == (alone, ())


def test_no_key_is_shown() -> None:
    made = keys(1)
    assert ROOT[1].hex() not in repr(made) + repr(made.rotations[1])
    assert repr(ROOT[1]) not in repr(made.rotations[1])
