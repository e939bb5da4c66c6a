"""What towers do that they must not, and what is kept from the cloud: in the audit, the log and the metrics.

An alarm is noted in the unit of work that found it, and told (`TowerAlarms.tell`) once that is durable.
"""

from collections.abc import Sequence
from functools import partial
from typing import Literal, get_args

import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter

from openharbor.cloud import audit
from openharbor.cloud.parts import CloudParts
from openharbor.cloud.scope import INSTALLATION, TenantScope
from openharbor.cloud.towers import event_store
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Closed

log = structlog.get_logger("openharbor.towers")

Kind = Literal["event_conflict", "event_gap", "event_unreadable", "epoch_unasked", "broken_promise"]
TEXTS: dict[Kind, str] = {
    "event_conflict": "A tower's event came again with other content; the first one stays",
    "event_gap": "Events of a tower are kept back: nobody brings those that are missing",
    "event_unreadable": "A tower's event cannot be read; it takes no effect",
    "epoch_unasked": "A tower restarted its event log without having been told to",
    "broken_promise": "A tower accepted a token that it must not accept",
}
USUAL_GAP_S = 86_400
AT_ONCE = 50
LONGEST_WAIT_S = 60.0


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """`event_id`: the event concerned, or the first one that is missing. `details`: for people."""

    kind: Kind
    tower_id: str
    epoch: int
    event_id: int | None = None
    locker_id: int | None = None
    details: str = ""


class TowerAlarms:
    """Counts alarms by kind, and logs them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._raised = Counter("openharbor_tower_alarms", "Alarms about towers by kind.", ["kind"], registry=registry)
        for kind in get_args(Kind):
            self._raised.labels(kind)

    def tell(self, alarms: Sequence[Alarm]) -> None:
        """Of a unit of work that is durable."""
        for alarm in alarms:
            self._raised.labels(alarm.kind).inc()
            log.warning(
                TEXTS[alarm.kind],
                alarm=alarm.kind,
                tower_id=alarm.tower_id,
                epoch=alarm.epoch,
                event_id=alarm.event_id,
                locker_id=alarm.locker_id,
                details=alarm.details,
            )


def note(_scope: TenantScope, tx: Transaction, alarm: Alarm, *, actor: str, now: int) -> None:
    """The audit entry of an alarm. It is the installation's: providers do not see each other's."""
    details: dict[str, object] = {"epoch": alarm.epoch}
    if alarm.event_id is not None:
        details["event"] = alarm.event_id
    if alarm.details:
        details["details"] = alarm.details
    audit.note(
        INSTALLATION,
        tx,
        at=now,
        actor=actor,
        action="tower.alarm",
        outcome=alarm.kind,
        tower_id=alarm.tower_id,
        locker_id=alarm.locker_id,
        details=details,
    )


def raise_gaps(scope: TenantScope, tx: Transaction, *, now: int, gap_s: int, limit: int) -> list[Alarm]:
    """One alarm for each gap that nobody closed within `gap_s`, the oldest first; each gap has it once."""
    gaps = event_store.untold_gaps(scope, tx, now - gap_s * 1000, limit)
    alarms = [
        Alarm(
            kind="event_gap",
            tower_id=gap.tower_id,
            epoch=gap.epoch,
            event_id=gap.event_id,
            details=f"missing for {(now - gap.since) // 1000} s",
        )
        for gap in gaps
    ]
    for alarm in alarms:
        note(scope, tx, alarm, actor="worker", now=now)
    event_store.set_gaps_told(scope, tx, gaps, now)
    return alarms


async def keep_watching_gaps(parts: CloudParts, alarms: TowerAlarms, gap_s: int = USUAL_GAP_S) -> None:
    """Runs until it is cancelled or the database closed. What fails is logged and tried again."""
    while True:
        wait_s = LONGEST_WAIT_S
        try:
            wait_s = await raise_now(parts, alarms, gap_s)
        except Closed:
            return
        except Exception:  # a defect or a lost database must not end it: the next round may work
            log.exception("Looking for gaps in the logs of towers failed")
        await parts.clock.sleep(wait_s)


async def raise_now(parts: CloudParts, alarms: TowerAlarms, gap_s: int) -> float:
    """Raises every alarm that is due; how many seconds to wait before looking again."""
    while True:
        since = await parts.database.read(partial(event_store.next_untold_gap, INSTALLATION))
        now = parts.clock.now()
        if since is None or since + gap_s * 1000 > now:
            return LONGEST_WAIT_S
        unit = partial(raise_gaps, INSTALLATION, now=now, gap_s=gap_s, limit=AT_ONCE)
        raised = await parts.database.write(unit)
        alarms.tell(raised)
        if not raised:  # another process has them
            return LONGEST_WAIT_S
