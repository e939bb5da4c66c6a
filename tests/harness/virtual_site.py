"""A site on boards that exist only in the gateway's process, or on any others, served for a test."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.api import Api
from harness.processes import Service, openharbor, serving, until
from harness.sites import site_file

PASSWORD = "correct horse battery staple"


def virtual(name: str, lockers: int) -> tuple[str, int]:
    """A board that exists only in the gateway's process."""
    return f"virtual://{name}?lockers={lockers}", lockers


def found(
    directory: Path, boards: Sequence[tuple[str, int]], *, types: Sequence[str] = ("medium",), detection: int = 2
) -> Path:
    """A new gateway's data directory below `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    site = site_file(directory / "site.toml", boards, types=types, detection=detection)
    data = directory / "data"
    openharbor("gateway", "init", "--data", str(data), "--site", str(site), "--admin-password-stdin", stdin=PASSWORD)
    return data


@contextmanager
def served(data: Path, *flags: str, env: dict[str, str] | None = None) -> Iterator[Service]:
    """The gateway of `data` on a free port."""
    arguments = ("gateway", "serve", "--data", str(data), "--port", "0", *flags)
    with serving(*arguments, log=data.parent / "gateway.log", env=env) as service:
        yield service


@contextmanager
def running(
    directory: Path, boards: Sequence[tuple[str, int]], *, types: Sequence[str] = ("medium",), detection: int = 2
) -> Iterator[Api]:
    """A new gateway whose boards have all been heard of."""
    with served(found(directory, boards, types=types, detection=detection)) as service:
        api = Api(service.url)
        await_boards(api, len(boards))
        yield api


def await_boards(api: Api, count: int, within: float = 30.0) -> None:
    """Waits until that many boards are online and every locker is operational."""

    def ready() -> bool:
        health = api.get("/health").body
        return bool(health["controllers"]["online"] >= count and health["lockers"]["notOperational"] == 0)

    until(ready, within=within)
