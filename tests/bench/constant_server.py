"""The same server answering a constant: kit/http as the gateway has it, the same body decoded, nothing stored.

`python -m tests.bench.constant_server BYTES` answers `POST /transactions` with 201 and a body of that many bytes.
"""

import sys

from openharbor.gateway import messages as m
from openharbor.gateway.access import Access
from openharbor.gateway.site_file import SiteFile, read_site_file
from openharbor.kit.clock import SystemClock
from openharbor.kit.errors import Refusal
from openharbor.kit.http import server
from openharbor.kit.http.app import App, make_app
from openharbor.kit.http.operation import Answer, Call, Caller, Operation
from openharbor.kit.logs import configure
from openharbor.kit.metrics import new_registry


def operation(size: int) -> Operation:
    body = b'{"transactionId":"' + b"x" * (size - 20) + b'"}'

    async def answer(_: Call) -> Answer:
        return Answer(201, body, {"Location": "/transactions/parcel-1"})

    return Operation(
        "createTransaction",
        "POST",
        "/transactions",
        answer,
        "transactions",
        headers=m.IdempotencyHeaders,
        body=m.CreateTransactionRequest,
        changes_state=True,
    )


def application(size: int) -> App:
    """As the gateway makes its own."""
    empty = read_site_file("", gateway_id="gw-constant", host_name="constant", now=0)
    assert isinstance(empty, SiteFile)
    site, clock = empty.site, SystemClock()

    def audit(_operation: Operation, _refusal: Refusal, _caller: Caller) -> None:
        """Nothing is stored."""

    access = Access(lambda: site, clock, open_to_all=True, audit=audit)
    return make_app([operation(size)], gatekeeper=access, clock=clock, registry=new_registry())


if __name__ == "__main__":
    configure("auto", "warning")
    server.run(
        server.serve(
            application(int(sys.argv[1])), "127.0.0.1", 0, on_ready=lambda url: print("constant ready", url, flush=True)
        )
    )
