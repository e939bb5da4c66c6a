"""HTTP for who runs the cloud: is it well, and its figures. Outside the contracts; open to everybody who reaches it."""

from functools import partial

import msgspec
from prometheus_client import CollectorRegistry

from openharbor.cloud.parts import CloudParts
from openharbor.kit.http.operation import Answer, Call, Operation
from openharbor.kit.metrics import CONTENT_TYPE, render


class Health(msgspec.Struct, frozen=True):
    """`status`: ok, or failing while the database cannot be written."""

    status: str


def operations(parts: CloudParts, registry: CollectorRegistry) -> list[Operation]:
    return [
        Operation("get_health", "GET", "/health", partial(_health, parts), None, limited=False),
        Operation("get_metrics", "GET", "/metrics", partial(_metrics, registry), None, limited=False),
    ]


async def _health(parts: CloudParts, _call: Call) -> Answer:
    status = parts.database.state
    return Answer(200 if status == "ok" else 503, Health(status))


async def _metrics(registry: CollectorRegistry, _call: Call) -> Answer:
    return Answer(200, render(registry), media_type=CONTENT_TYPE)
