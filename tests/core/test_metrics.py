"""Metrics: one registry a service, in the text format of Prometheus."""

from prometheus_client import Counter

from openharbor.kit.http.request_metrics import RequestMetrics
from openharbor.kit.metrics import CONTENT_TYPE, new_registry, render


def test_the_text_is_that_of_the_contract() -> None:
    registry = new_registry()
    opens = Counter("openharbor_opens", "Opens by outcome.", ["outcome"], registry=registry)
    opens.labels("opened").inc(3)
    assert CONTENT_TYPE == "text/plain; version=0.0.4"
    assert render(registry).decode() == (
        "# HELP openharbor_opens_total Opens by outcome.\n"
        "# TYPE openharbor_opens_total counter\n"
        'openharbor_opens_total{outcome="opened"} 3.0\n'
    )


def test_two_services_in_one_process_count_apart() -> None:
    for registry in (new_registry(), new_registry()):
        RequestMetrics(registry).of("read")(200, 0.002)
        assert 'openharbor_http_requests_total{operation="read",status="200"} 1.0' in render(registry).decode()


def test_durations_are_counted_in_rising_bounds() -> None:
    registry = new_registry()
    observe = RequestMetrics(registry).of("read")
    for seconds in (0.0004, 0.001, 0.3, 100.0):
        observe(200, seconds)
    text = render(registry).decode()
    for bound, count in (("0.001", 2), ("0.25", 2), ("0.5", 3), ("60.0", 3), ("+Inf", 4)):
        assert f'openharbor_http_request_duration_seconds_bucket{{le="{bound}",operation="read"}} {count}.0' in text
    assert 'openharbor_http_request_duration_seconds_sum{operation="read"} 100.3014' in text
