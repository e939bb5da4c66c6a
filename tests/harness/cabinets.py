"""An emulated cabinet that is a process of its own, and its control."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.client import Client
from harness.processes import Service, start


@dataclass
class Cabinet:
    """`address`: what a site file takes."""

    service: Service

    @property
    def address(self) -> str:
        return self.service.ready.split(" ready ", 1)[1].split()[0]

    @property
    def port(self) -> int:
        """Of its line."""
        return int(self.address.split("://", 1)[1].split("?", 1)[0].rsplit(":", 1)[1])

    def control(self, method: str, path: str, body: object = None) -> Any:
        with Client(self.service.host_port) as client:
            answer = client.request(method, path, body)
        assert answer.status < 300, (method, path, answer)
        return answer.json if answer.body else None

    def pulses(self) -> Counter[int]:
        """How often each lock was pulsed since the start."""
        return Counter(int(pulse["lock"]) for pulse in self.control("GET", "/pulses"))

    def line_fault(self, fault: str) -> None:
        self.control("POST", "/line/fault", {"fault": fault})

    def fault(self, lock: int, fault: str) -> None:
        self.control("POST", f"/lockers/{lock}/fault", {"fault": fault})

    def shut(self, lock: int) -> None:
        self.control("POST", f"/lockers/{lock}/door", {"open": False})


def start_cabinet(
    log: Path, *, protocol: str = "waveshare", lockers: int = 8, port: int = 0, speed: float = 1.0
) -> Cabinet:
    """`speed`: how fast its doors and coils move."""
    return Cabinet(
        start(
            *(
                "cabinet",
                "serve",
                "--protocol",
                protocol,
                "--lockers",
                str(lockers),
                "--port",
                str(port),
                "--speed",
                str(speed),
            ),
            log=log,
        )
    )


@contextmanager
def cabinet(log: Path, *, protocol: str = "waveshare", lockers: int = 8, port: int = 0) -> Iterator[Cabinet]:
    """A cabinet for the time of a block; it may be killed meanwhile."""
    made = start_cabinet(log, protocol=protocol, lockers=lockers, port=port)
    try:
        yield made
    finally:
        made.service.stop()
        made.service.close()


def with_parameters(address: str, parameters: str) -> str:
    """A board URL with further ones: `pulse_ms=100`."""
    return f"{address}{'&' if '?' in address else '?'}{parameters}"
