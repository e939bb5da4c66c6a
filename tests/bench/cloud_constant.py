"""A server of the cloud's kind that answers minting with a constant: the same request decoded, nothing stored.

`python -m tests.bench.cloud_constant BYTES` answers with 200 and a body of that many bytes.
"""

import sys
from collections.abc import Mapping

from openharbor.cloud.catalog.messages import LockerPath
from openharbor.cloud.lockers.messages import LockerTokenCreate
from openharbor.kit.clock import SystemClock
from openharbor.kit.errors import Refusal
from openharbor.kit.http import server
from openharbor.kit.http.app import App, make_app
from openharbor.kit.http.error_styles import DETAIL_STYLE
from openharbor.kit.http.limits import Limits
from openharbor.kit.http.operation import Answer, Call, Caller, Handler, Operation
from openharbor.kit.logs import configure
from openharbor.kit.metrics import new_registry

PATH = "/api/v1/towers/{tower_id}/lockers/{locker_id}/dropoff-locker-tokens"


class OpenToAll:
    """Lets everybody in."""

    def admit(self, operation: Operation, headers: Mapping[str, str], address: str, now: int) -> Caller | Refusal:  # noqa: ARG002
        return Caller("client", "acme", address, tenant=1)

    def refused(self, operation: Operation, refusal: Refusal, caller: Caller | None, address: str) -> None:
        """Nothing is kept."""


def application(handler: Handler) -> App:
    """As the cloud makes its own, with minting alone."""
    mint = Operation(
        "create_dropoff_locker_token",
        "POST",
        PATH,
        handler,
        "service_provider",
        params=LockerPath,
        body=LockerTokenCreate,
        changes_state=True,
        limited=False,
    )
    return make_app(
        [mint],
        gatekeeper=OpenToAll(),
        clock=SystemClock(),
        error_style=DETAIL_STYLE,
        either_slash=True,
        limits=Limits(body_bytes=1 << 20, bounds_unlimited=True),
        registry=new_registry(),
        name="constant",
    )


def body_of(size: int) -> bytes:
    """JSON of that many bytes, 10 or more."""
    return b'{"id":"' + b"x" * (size - 9) + b'"}'


def run(handler: Handler) -> None:
    """Serves on a free port, which is told in a ready line."""
    configure("auto", "warning")
    ready = server.serve(
        application(handler), "127.0.0.1", 0, on_ready=lambda url: print("bench ready", url, flush=True)
    )
    server.run(ready)


if __name__ == "__main__":
    BODY = body_of(int(sys.argv[1]))

    async def constant(_: Call) -> Answer:
        return Answer(200, BODY)

    run(constant)
