"""Space kept aside beside a database, given up in four steps and taken back when there is room."""

import errno
from pathlib import Path

import pytest

from openharbor.kit.database.reserve import Reserve, free_bytes, space_may_help

MIB = 1 << 20


def test_it_takes_its_space_on_the_disk_and_gives_it_up_in_quarters(path: Path) -> None:
    reserve = Reserve(path, MIB)
    assert reserve.fill()
    file = path.with_name("site.db.reserve")
    assert file.stat().st_blocks * 512 >= MIB
    assert [(reserve.give_up_step(), reserve.held()) for _ in range(5)] == [
        (True, MIB * 3 // 4),
        (True, MIB // 2),
        (True, MIB // 4),
        (True, 0),
        (False, 0),
    ]
    assert reserve.fill()
    assert reserve.held() == MIB


def test_a_size_that_is_no_multiple_of_four_is_given_up_in_four_steps_too(path: Path) -> None:
    reserve = Reserve(path, 10_001)
    reserve.fill()
    assert [reserve.give_up_step() for _ in range(5)] == [True] * 4 + [False]


def test_one_that_was_larger_is_cut(path: Path) -> None:
    Reserve(path, MIB).fill()
    smaller = Reserve(path, MIB // 2)
    assert smaller.fill()
    assert smaller.held() == MIB // 2


def test_without_a_size_it_is_as_large_as_it_is_and_with_none_there_is_no_file(path: Path) -> None:
    Reserve(path, MIB).fill()
    as_it_is = Reserve(path)
    assert as_it_is.give_up_step()
    assert as_it_is.held() == MIB * 3 // 4
    none = Reserve(path.with_name("other.db"), 0)
    assert none.fill()
    assert not none.give_up_step()
    assert not path.with_name("other.db.reserve").exists()


def test_more_than_the_disk_has_is_not_taken_in_part(path: Path) -> None:
    reserve = Reserve(path, free_bytes(path.parent) + MIB)
    assert not reserve.fill()
    assert reserve.held() == 0


def test_an_action_that_wants_space_is_repeated_with_each_step_and_fails_after_the_last(path: Path) -> None:
    reserve = Reserve(path, MIB)
    reserve.fill()
    held: list[int] = []

    def needs_half() -> str:
        held.append(reserve.held())
        if reserve.held() > MIB // 2:
            raise OSError(errno.ENOSPC, "full")
        return "done"

    def needs_more() -> None:
        raise OSError(errno.ENOSPC, "full")

    assert reserve.make_room(needs_half) == "done"
    assert held == [MIB, MIB * 3 // 4, MIB // 2]
    with pytest.raises(OSError, match="full"):
        reserve.make_room(needs_more)
    assert reserve.held() == 0


def test_space_does_not_help_a_defect() -> None:
    assert not space_may_help(ValueError())
    assert space_may_help(OSError(errno.ENOSPC, "full"))
