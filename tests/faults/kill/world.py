"""A site whose cabinet outlives its gateway: what is killed, and what counts the pulses meanwhile."""

from dataclasses import dataclass
from pathlib import Path

from harness.cabinets import Cabinet, start_cabinet, with_parameters
from harness.client import Client
from harness.processes import Service, openharbor, start, until
from harness.sites import TYPES

COUNTED = list(range(1, 9))  # lockers 1 to 8: on the cabinet, whose pulses are counted
PLAIN = list(range(9, 25))  # on a virtual board, which dies with the gateway
INSPECTED = list(range(25, 33))  # the same; nobody but the inspector touches them
BANKS = {1: ("small", COUNTED), 2: ("medium", PLAIN), 3: ("large", INSPECTED)}
PATIENT = "pulse_ms=100&unlock_ms=1500&read_ms=1000"  # a busy machine must not look like a lost answer


@dataclass
class World:
    """The processes of one site."""

    data: Path
    log: Path
    cabinet: Cabinet
    gateway: Service | None = None

    @property
    def host_port(self) -> str:
        assert self.gateway is not None
        return self.gateway.host_port

    def serve(self) -> None:
        """Starts the gateway again and waits until its boards answer."""
        self.gateway = start("gateway", "serve", "--data", str(self.data), "--port", "0", log=self.log)
        with Client(self.host_port) as client:
            until(lambda: client.get("/health").json["status"] == "ok", within=30)

    def kill(self) -> None:
        assert self.gateway is not None
        self.gateway.kill()
        self.gateway = None

    def shut_doors(self) -> None:
        for lock in COUNTED:
            self.cabinet.shut(lock)


def found(directory: Path) -> World:
    """A new site and its cabinet; the gateway is not started yet."""
    directory.mkdir()
    log = directory / "log"
    cabinet = start_cabinet(log, lockers=len(COUNTED), speed=4)
    site = directory / "site.toml"
    site.write_text(site_text(with_parameters(cabinet.address, PATIENT)))
    openharbor("gateway", "init", "--data", str(directory / "data"), "--site", str(site))
    return World(directory / "data", log, cabinet)


def site_text(address: str) -> str:
    """One bank for each way a locker is used in this test; each has lockers of one type."""
    text = TYPES.format(detection=2)
    for bank, (kind, lockers) in BANKS.items():
        text += f'[[bankTypes]]\nbankTypeId = {bank}\nfriendlyName = "{kind}"\nassociations = [\n'
        for number in range(1, len(lockers) + 1):
            text += f'  {{ bankLockerNumber = {number}, lockerType = "{kind}" }},\n'
        text += "]\n"
    addresses = [address, f"virtual://plain?locks={len(PLAIN)}", f"virtual://inspected?locks={len(INSPECTED)}"]
    for bank, url in enumerate(addresses, 1):
        text += f'[[controllers]]\nname = "Bank {bank}"\naddress = "{url}"\nbankTypeId = {bank}\ncommissioned = true\n'
    return text
