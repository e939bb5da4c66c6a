"""What the gateway counts beside its requests: opens by outcome, attempts, lockers and controllers by state, alarms."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily, Metric

from openharbor.gateway.alarms import ALARM_CODES, AlarmCode, Change
from openharbor.gateway.messages import Health
from openharbor.gateway.opening_rules import OpenResult

OUTCOMES = ("opened", "unconfirmed", "hardware_malfunction", "controller_unreachable")


class Meters:
    """Counters of the openings; states are read from `health` when somebody asks."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._opens = Counter("openharbor_opens", "Opens by outcome.", ["outcome"], registry=registry)
        self._attempts = Counter("openharbor_open_attempts", "Attempts of all opens.", registry=registry)
        for outcome in OUTCOMES:
            self._opens.labels(outcome)
        self._raised = Counter("openharbor_alarms_raised", "Alarms raised, by code.", ["code"], registry=registry)
        for code in ALARM_CODES:
            self._raised.labels(code)
        self.registry = registry

    def count(self, result: OpenResult) -> None:
        self._opens.labels(result.outcome).inc()
        self._attempts.inc(result.attempts)

    def told(self, change: Change) -> None:
        """An alarm changed."""
        if change.kind == "raised":
            self._raised.labels(change.alarm.cause.code).inc()

    def show_alarms(self, counts: Callable[[], Mapping[AlarmCode, tuple[int, int]]]) -> None:
        """From now on, the open alarms are among the metrics: of each code those that last, those that ended unseen."""
        self.registry.register(AlarmCollector(counts))

    def show(self, health: Callable[[], Health]) -> None:
        """From now on, the states that `health` tells are among the metrics."""
        self.registry.register(StateCollector(health))


class StateCollector:
    """Gauges of the states of lockers and controllers."""

    def __init__(self, health: Callable[[], Health]) -> None:
        self._health = health

    def collect(self) -> Iterator[Metric]:
        health = self._health()
        lockers = GaugeMetricFamily("openharbor_lockers", "Lockers by state.", labels=["state"])
        for state in ("available", "assigned", "out_of_service", "not_operational"):
            lockers.add_metric([state], getattr(health.lockers, state))
        controllers = GaugeMetricFamily("openharbor_controllers", "Controllers by state.", labels=["state"])
        controllers.add_metric(["online"], health.controllers.online)
        controllers.add_metric(["offline"], health.controllers.total - health.controllers.online)
        yield lockers
        yield controllers
        yield GaugeMetricFamily("openharbor_database_ok", "1 while it can be written.", int(health.database == "ok"))


class AlarmCollector:
    """Gauges of the open alarms."""

    def __init__(self, counts: Callable[[], Mapping[AlarmCode, tuple[int, int]]]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        alarms = GaugeMetricFamily("openharbor_alarms", "Open alarms by code and state.", labels=["code", "state"])
        for code, (lasting, unseen) in self._counts().items():
            alarms.add_metric([code, "lasting"], lasting)
            alarms.add_metric([code, "unacknowledged"], unseen)
        yield alarms
