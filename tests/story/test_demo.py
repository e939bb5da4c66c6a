"""`openharbor demo`: transactions and deliveries on emulated cabinets, step by step; exit 0 only if all was seen."""

import os
import re
import signal
import subprocess

import pytest

from harness.api import Api
from harness.clouds import Client, bearer, lockers, token
from harness.processes import OPENHARBOR

pytestmark = pytest.mark.slow

QUIET = {**os.environ, "NO_COLOR": "1"}
# What a listener must have heard, in this order.
HEARD = (
    r"Kerong CU16 .* Waveshare .* one gateway",
    r"seen: both boards answer",
    r"POST /transactions asks for a small locker",
    r"seen: locker \d+ is held; no door moved",
    r"POST /transactions/parcel-1/open, over the Kerong CU16 protocol",
    r"confirmed=True",
    r"seen: the door sensor saw the door go from closed to open; pulse 1 of the lock",
    r"the same request with the same Idempotency-Key",
    r"seen: the first outcome again, and still one pulse",
    r"seen: the door sensor saw it shut",
    r"seen: the door sensor saw the door go from closed to open; pulse 2 of the lock",
    r"DELETE /transactions/parcel-1",
    r"seen: locker \d+ is available again",
    r"over the Waveshare protocol",
    r"seen: locker \d+ is available again",
    r"HARDWARE_MALFUNCTION",
    r"seen: told as jammed",
    r"seen: \d+ audit entries, each linked to the one before",
    r"seen: no cabinet saw a rule of its wire broken",
    r"A cloud with one library, two towers, twenty lockers",
    r"seen: the token is good for Acme's client",
    r"reserve a small one for 300 s",
    r"seen: locker \S+ is reserved",
    r"POST a drop-off token",
    r"seen: the locker is rented",
    r"opens the payload with the key of its provisioning file",
    r"seen: authentic, for this tower, this locker, a drop-off",
    r"seen: declined, until a phone has brought the tower the news",
    r"seen: the shop's webhooks, in order: LOCKER_RESERVED, LOCKER_TOKEN_CREATED, LOCKER_RELEASED",
    r"on the air, by virtual Bluetooth",
    r"seen: the locker is rented",
    r"The courier's phone scans, connects and begins a session",
    r"seen: the tower of the token, by its advertising",
    r"seen: the tower fired locker \d+, once",
    r"seen: its sensor saw the door open",
    r"seen: the phone reads it shut",
    r"seen: \d+ batches pulled and uploaded",
    r"seen: GET the locker: occupied",
    r"seen: the shop's webhooks, in order: LOCKER_RESERVED, LOCKER_TOKEN_CREATED, LOCKER_TOKEN_USED\n",
    r"The customer's phone scans",
    r"seen: the tower fired locker \d+, once",
    r"seen: GET the locker: available",
    r"seen: the shop's webhooks, in order: .*, PICKED_UP",
    r"seen: nobody answers there any more",
    r"seen: its sensor saw the door open",
    r"seen: the cloud is away: \d+ batches are carried along",
    r"seen: its sensor saw the door open",
    r"seen: the locker is still rented",
    r"seen: every event is with the cloud",
    r"seen: GET the locker: available",
    r"seen: the shop's webhooks, in order: .*, PICKED_UP",
)


def demo(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*OPENHARBOR, "demo", *flags], capture_output=True, text=True, timeout=120, env=QUIET)


def test_the_demo_ends_well_tells_each_step_in_order_and_saw_every_one() -> None:
    done = demo("--seed", "11")
    assert done.returncode == 0, done.stdout + done.stderr
    rest = done.stdout
    for words in HEARD:
        found = re.search(words, rest)
        assert found, f"{words!r} is missing after what came before\n{done.stdout}"
        rest = rest[found.end() :]
    steps = [int(number) for number in re.findall(r"^ *(\d+)\. ", done.stdout, re.MULTILINE)]
    assert steps == list(range(1, len(steps) + 1))
    assert f"Every one of {len(steps)} steps was seen to work." in done.stdout
    assert "Traceback" not in done.stderr
    for step in re.split(r"^ *\d+\. ", done.stdout, flags=re.MULTILINE)[1:]:
        assert "seen: " in step, step


def test_with_serve_everything_goes_on_until_it_is_stopped() -> None:
    process = subprocess.Popen(
        [*OPENHARBOR, "demo", "--serve"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=QUIET
    )
    try:
        assert process.stdout is not None
        line = next(line for line in process.stdout if line.startswith("openharbor gateway ready "))
        api = Api(line.split()[-1])
        assert api.post("/transactions", {"transactionId": "mine"}).status == 201
        assert api.post("/transactions/mine/open").body["confirmed"] is True
        line = next(line for line in process.stdout if line.startswith("openharbor cloud ready "))
        words = process.stdout.readline().replace(",", " ").replace(".", " ").split()
        client = Client(words[1], words[3])
        assert lockers(bearer(line.split()[-1], token(line.split()[-1], client)))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
