"""The sender: attempts what is due, as often and in the order that webhooks.md 5 and 6 say.

Several processes may send from one database. A process that is killed loses nothing: what it had claimed becomes due
again when the claim runs out, and is then sent once more.
"""

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
import structlog

from openharbor.cloud.master_key import Vault
from openharbor.cloud.scope import INSTALLATION
from openharbor.cloud.settings import CloudSettings
from openharbor.cloud.webhooks import claims
from openharbor.cloud.webhooks.addresses import rules_of
from openharbor.cloud.webhooks.claims import Claim
from openharbor.cloud.webhooks.delivery import LIMIT_S, Attempt, Courier, Letter, attempt
from openharbor.cloud.webhooks.resolution import Resolve, Resolver
from openharbor.cloud.webhooks.retention import keep_forgetting
from openharbor.cloud.webhooks.retry_policy import succeeded
from openharbor.cloud.webhooks.signing import signature, signing
from openharbor.cloud.webhooks.slots import Limits, Slots
from openharbor.kit.clock import Clock
from openharbor.kit.database.face import Database
from openharbor.kit.errors import Closed, StorageUnavailable

log = structlog.get_logger("openharbor.webhooks")

GATHERING_S = 0.05


class Pace(msgspec.Struct, frozen=True):
    """Seconds. `attempt`: for one attempt in all. `lease`: a claim's life, well over that.

    `poll`: how long a delivery that another process recorded may go unseen. `parting`: for attempts under way when
    the sender is cancelled.
    """

    attempt: float = LIMIT_S
    lease: float = 45.0
    poll: float = 1.0
    parting: float = 3.0


class Sender:
    """`run` it beside the APIs; `wake` it after a change. Raises Failed for a range that is none."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        settings: CloudSettings,
        clock: Clock,
        *,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
        limits: Limits = Limits(),  # noqa: B008  # frozen
        pace: Pace = Pace(),  # noqa: B008  # frozen
    ) -> None:
        rules = rules_of(settings.webhook_networks, loopback=settings.environment != "production")
        self._database, self._vault, self._clock, self._pace = database, vault, clock, pace
        self._courier = Courier(
            clock, resolve or Resolver(), rules, tls or ssl.create_default_context(), limit_s=pace.attempt
        )
        self._slots = Slots(limits)
        self._woken = asyncio.Event()
        self._about_to_wake = False
        self._under_way: dict[asyncio.Task[None], Claim] = {}

    def wake(self) -> None:
        """Something may be due. Called in the loop that `run` runs in, after every change, and costs nothing.

        Changes that follow each other closely are looked at together: most have no endpoint that hears of them.
        """
        if not self._about_to_wake:
            self._about_to_wake = True
            asyncio.get_running_loop().call_later(GATHERING_S, self._wake_now)

    def _wake_now(self) -> None:
        self._about_to_wake = False
        self._woken.set()

    async def run(self) -> None:
        """Sends until it is cancelled, or the database is closed. Attempts under way are finished, or given back."""
        forgetting = asyncio.create_task(keep_forgetting(self._database, self._clock))
        try:
            with suppress(Closed):
                while True:
                    self._woken.clear()
                    await self._rest(await self._round())
        finally:
            forgetting.cancel()
            with suppress(Closed, StorageUnavailable):
                await self._part()

    async def _round(self) -> float:
        """Starts what is due and has a slot; for how many seconds there is nothing more to do."""
        try:
            due = await self._database.read(partial(claims.due, INSTALLATION))
            now = self._clock.now()
            shares = self._slots.share(due, now)
            if shares:
                await self._start(partial(claims.claim, INSTALLATION, wanted=shares, now=now), now)
        except StorageUnavailable as error:
            log.warning("Webhooks wait for the database", why=str(error))
            return self._pace.poll
        except Closed:
            raise
        except Exception:  # a defect must not end the sending
            log.exception("Webhooks could not be claimed")
            return self._pace.poll
        return min([self._pace.poll, *((due_at - now) / 1000 for due_at in due.values() if due_at > now)])

    async def _start(self, claim: Callable[..., list[Claim]], now: int) -> None:
        claimed_at = self._clock.monotonic()
        until = now + round(self._pace.lease * 1000)
        for claimed in await self._database.write(partial(claim, until=until)):
            self._slots.take(claimed.endpoint_id)
            task = asyncio.create_task(self._deliver(claimed, claimed_at))
            self._under_way[task] = claimed
            task.add_done_callback(self._ended)

    async def _deliver(self, claim: Claim, claimed_at: float) -> None:
        """One attempt, and its outcome on record. A claim that has grown old is left to run out unattempted."""
        if self._clock.monotonic() - claimed_at > (self._pace.lease - self._pace.attempt) / 2:
            return
        try:
            outcome = await attempt(self._courier, self._letter(claim))
            self._slots.tell(claim.endpoint_id, succeeded=succeeded(outcome.response_status))
            await self._record(claim, outcome)
        except (StorageUnavailable, Closed) as error:
            log.warning("Outcome of a webhook not recorded", delivery=claim.id, why=str(error))
        except Exception:  # a defect in one must not be lost with its task
            log.exception("A webhook could not be attempted", delivery=claim.id)

    async def _record(self, claim: Claim, outcome: Attempt) -> None:
        work = partial(claims.finish, INSTALLATION, claim=claim, attempt=outcome, now=self._clock.now())
        decision = await self._database.write(work)
        if decision is not None and decision.status == "dead":
            log.warning("Webhook given up", delivery=claim.id, endpoint=claim.endpoint_id)
        if decision is not None and decision.disables_endpoint:
            log.warning("Webhook endpoint disabled: it answered 410", endpoint=claim.endpoint_id)

    def _letter(self, claim: Claim) -> Letter:
        now = self._clock.now()
        secrets = [self._vault.open(sealed).decode("ascii") for sealed in signing(claim.secrets, now)]
        timestamp_s = now // 1000
        signed = signature(secrets, claim.id, timestamp_s, claim.body)
        return Letter(claim.url, claim.id, timestamp_s, signed, claim.body)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._slots.give_back(self._under_way.pop(task).endpoint_id)
        self._woken.set()

    async def _rest(self, seconds: float) -> None:
        """Until it is woken, or the time has passed."""
        waits: tuple[Coroutine[Any, Any, Any], ...] = (self._woken.wait(), self._clock.sleep(seconds))
        tasks = [asyncio.ensure_future(wait) for wait in waits]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()

    async def _part(self) -> None:
        """Attempts under way get some time to end; what is left is given back, to be sent after a restart."""
        if not self._under_way:
            return
        _, unfinished = await asyncio.wait(self._under_way, timeout=self._pace.parting)
        left = [self._under_way[task] for task in unfinished]
        for task in unfinished:
            task.cancel()
        if left:
            await self._database.write(partial(claims.give_back, INSTALLATION, claims=left, now=self._clock.now()))
