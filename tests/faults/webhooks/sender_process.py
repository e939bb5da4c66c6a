"""A process that sends webhooks from a database until it is killed: `python -m faults.webhooks.sender_process`."""

import asyncio
import sys
from pathlib import Path

from openharbor.cloud.master_key import load_vault
from openharbor.cloud.settings import CloudSettings
from openharbor.cloud.webhooks.dispatch import Pace, Sender
from openharbor.kit.clock import SystemClock
from openharbor.kit.database.opening import open_database

QUICK = Pace(attempt=0.5, lease=1.0, poll=0.05)


async def main(url: str, key: str) -> None:
    database = open_database(url, threads=4)
    sender = Sender(database, load_vault(Path(key)), CloudSettings(), SystemClock(), pace=QUICK)
    print("ready", flush=True)
    await sender.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
