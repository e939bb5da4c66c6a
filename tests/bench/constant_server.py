"""The same server answering a constant: kit/http as the gateway has it, the same body decoded, nothing stored.

`python -m tests.bench.constant_server BYTES` answers `POST /transactions` with 201 and a body of that many bytes.
"""

import sys

from openharbor.gateway import messages as m
from openharbor.kit.http.operation import Answer, Call, Operation


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


if __name__ == "__main__":
    operation(int(sys.argv[1]))
