"""How a tower begins: from its provisioning file, and at every start (blink-protocol.md 7.3, 10.3, 12)."""

from msgspec.structs import replace

from openharbor.blink.events import Booted
from openharbor.blink.provisioning import SENSORS, Provision
from openharbor.tower import activity, openings
from openharbor.tower.device_clock import Clock
from openharbor.tower.event_log import EventLog
from openharbor.tower.lockers import Locker
from openharbor.tower.rotations import Rotation, keys_of
from openharbor.tower.state import Hardware, Identity, Tower, logged, now

POWER, WATCHDOG, COMMAND, FAULT, UPDATE = range(5)  # reset_cause, #233


def provisioned(provision: Provision, code_key: bytes) -> Tower:
    """A new tower, before its first start. `code_key`: 32 random bytes, under which keypad codes are stored."""
    key = provision.key
    rotation = Rotation(
        number=key.rotation, state="active", root=bytes.fromhex(key.root), expires=key.expires, locator="tower"
    )
    return Tower(
        identity=Identity(tower_id=bytes.fromhex(provision.tower_id), name=provision.name),
        keys=keys_of({rotation.number: rotation}, rotation.number),
        lockers={
            one.number: Locker(
                number=one.number,
                type_id=one.type,
                port=one.port,
                sensor=SENSORS.index(one.door_sensor),
                disabled=one.disabled,
                generation=one.retired_generation,
                retired=one.retired_generation,
            )
            for one in provision.lockers
        },
        clock=Clock(base_ms=provision.made_at * 1000, since_ms=0, floor=provision.made_at),
        code_key=code_key,
        settings=provision.settings,
        last_command=provision.last_command,
        log=EventLog(first=provision.next_event, last=provision.next_event - 1, epoch=provision.event_epoch),
    )


def started(
    stored: Tower, hardware: Hardware, *, wall_s: int | None, at_ms: int, challenge: bytes, cause: int = POWER
) -> Tower:
    """The tower after a start: clock, journal, BOOT_EVENT. All locks are off; nothing is fired.

    `wall_s`: the machine's time, None if it has lost it. `at_ms`: uptime. `challenge`: 8 random bytes.
    """
    sure = wall_s is not None and wall_s >= stored.clock.floor
    time = wall_s if sure and wall_s is not None else stored.clock.floor
    clock = Clock(base_ms=time * 1000, since_ms=at_ms, floor=stored.clock.floor, sure=sure, challenge=challenge)
    tower = Tower(
        identity=stored.identity,
        keys=stored.keys,
        lockers=stored.lockers,
        clock=clock,
        code_key=stored.code_key,
        settings=stored.settings,
        hardware=hardware,
        last_command=stored.last_command,
        # what was pulled before the start may have left: it must not change any more
        log=replace(stored.log, pulled=stored.log.last),
        boot_count=stored.boot_count + 1,
        intent=stored.intent,
        late=openings.late_after_start(stored.late, at_ms),
        activity=activity.counted(stored.activity, activity.WAKEUPS),
        faults=stored.faults,
    )
    tower = openings.resolved(tower, at_ms)
    return logged(tower, _booted(tower, cause, at_ms), at_ms)


def _booted(tower: Tower, cause: int, at_ms: int) -> Booted:
    sure = tower.clock.sure
    return Booted(
        event_id=0,
        at=now(tower, at_ms),
        firmware=tower.hardware.firmware,
        boot_count=tower.boot_count,
        reset_cause=cause,
        clock_state=0 if sure else 1,
        time_challenge=None if sure else tower.clock.challenge,
        battery_mv=tower.hardware.battery_mv or None,
    )
