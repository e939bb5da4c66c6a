"""A gateway process on a site made for one test."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.client import Client
from harness.processes import Service, openharbor, serving, start, until
from harness.sites import site_file


@dataclass
class Gateway:
    """A running gateway and its data."""

    data: Path
    service: Service

    def client(self) -> Client:
        return Client(self.service.host_port)

    def wait_healthy(self, within: float = 30.0) -> None:
        """Until every board answers and the database can be written."""
        with self.client() as client:
            until(lambda: client.get("/health").json["status"] == "ok", within)

    def check(self) -> None:
        """`gateway check`, beside the running gateway."""
        openharbor("gateway", "check", "--data", str(self.data))


def new_site(
    directory: Path,
    boards: Sequence[tuple[str, int]],
    *,
    types: Sequence[str] = ("medium",),
    detection: int = 2,
    data: Path | None = None,
) -> Path:
    """Founds a site of (address, lockers); its data directory."""
    data = data or directory / "data"
    site = site_file(directory / "site.toml", boards, types=types, detection=detection)
    openharbor("gateway", "init", "--data", str(data), "--site", str(site))
    return data


@contextmanager
def gateway(data: Path, log: Path, *flags: str, env: dict[str, str] | None = None) -> Iterator[Gateway]:
    """Serves for the time of a block and must end cleanly."""
    with serving("gateway", "serve", "--data", str(data), "--port", "0", *flags, log=log, env=env) as service:
        yield Gateway(data, service)


def start_gateway(data: Path, log: Path, *flags: str, env: dict[str, str] | None = None) -> Gateway:
    """Serves until it is stopped or killed."""
    return Gateway(data, start("gateway", "serve", "--data", str(data), "--port", "0", *flags, log=log, env=env))
