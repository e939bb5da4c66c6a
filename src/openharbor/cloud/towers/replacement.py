"""What a new or another board means for the lockers of a tower: decisions (locker-states.md E7, E8)."""

from msgspec.structs import replace

from openharbor.blink import provisioning
from openharbor.cloud.lockers import states
from openharbor.cloud.lockers.change import Change
from openharbor.cloud.lockers.ending import is_clear
from openharbor.cloud.lockers.locker import Locker, Report, Status, Tower
from openharbor.cloud.towers.store import WiredLocker


def after_first_key(locker: Locker, now: int) -> Change:
    """The tower was provisioned for the first time."""
    return states.provisioned(locker, now)


def after_new_board(locker: Locker, tower: Tower, now: int) -> Change:
    """The old board cannot act any more, and a new one begins where the file says.

    A locker that is not clear goes out of service (E7). Any other keeps its status; the new board shows it as free, and
    every generation issued so far retired, so a token to come needs a new one.
    """
    if not is_clear(locker):
        return states.replaced(locker, tower, now)
    report = Report(generation=locker.generation, retired=locker.generation)
    after = replace(locker, report=report, queued=(), renew=locker.assignment is not None)
    return Change(row="E7", locker=after)


def in_file(wired: WiredLocker, after: Locker) -> provisioning.Locker:
    """The locker as the file tells it to the board."""
    return provisioning.Locker(
        number=after.number,
        port=wired.port,
        type=after.type_id,
        door_sensor=provisioning.door_sensor(wired.door_sensor),
        disabled=after.status is Status.OUT_OF_SERVICE,
        retired_generation=after.generation,
    )
