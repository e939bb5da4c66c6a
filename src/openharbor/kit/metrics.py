"""What a service counts, in the Prometheus text format. One registry a service; there is no global one."""

from prometheus_client import CollectorRegistry, disable_created_metrics
from prometheus_client.exposition import generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4"

# Else each counter shows its age as a series of its own.
disable_created_metrics()  # type: ignore[no-untyped-call]  # unannotated there


def new_registry() -> CollectorRegistry:
    """An empty registry: counters and gauges are made with `registry=` and belong to one service."""
    return CollectorRegistry(auto_describe=False)


def render(registry: CollectorRegistry) -> bytes:
    """Every metric as text, to be sent as CONTENT_TYPE."""
    return generate_latest(registry)
