"""Sign-in with e-mail address and password, for technicians' apps (sdk.yaml, login_access_token)."""

import asyncio
import secrets

import structlog

from openharbor.cloud import audit
from openharbor.cloud.accounts import store
from openharbor.cloud.accounts.failures import FailureCounter, FailureLimits
from openharbor.cloud.accounts.issuing import TokenIssuer
from openharbor.cloud.accounts.operators import hash_password, is_email, is_password
from openharbor.cloud.scope import INSTALLATION, TenantScope
from openharbor.kit.clock import Clock
from openharbor.kit.database.face import Database, Transaction
from openharbor.kit.errors import Refusal

LIMITS = FailureLimits(of_client=10, of_address=10)
MOST_WAITING = 16
INCORRECT = Refusal("SIGN_IN_FAILED", 400, "Incorrect email or password")
BUSY = Refusal("BUSY", 503, "Too many sign-ins at once", retry_after=5)
log = structlog.get_logger("openharbor.accounts")


class PasswordSignIn:
    """Checks passwords one at a time, each in a thread: a check takes a quarter of a second and much memory.

    `enabled` false: every sign-in fails.
    """

    def __init__(self, database: Database, clock: Clock, issuer: TokenIssuer, *, enabled: bool) -> None:
        self._database, self._clock, self._issuer, self._enabled = database, clock, issuer, enabled
        self._failures = FailureCounter(LIMITS)
        self._one_at_a_time = asyncio.Lock()
        self._waiting = 0
        self._nobody: str | None = None  # the hash that an unknown person's password is compared with

    async def sign_in(self, username: str, password: str, address: str, now: int) -> str | Refusal:
        """An access token; 400, 429 after 10 failures in five minutes, 503. `now`: ms since 1970."""
        if not self._enabled:
            return INCORRECT
        email = username.strip().lower()
        held_back = self._held_back(email, address)
        if held_back is not None:
            return held_back
        if self._waiting >= MOST_WAITING:
            return BUSY
        self._waiting += 1
        try:
            async with self._one_at_a_time:  # so that guesses at the same time are counted before the next is tried
                return self._held_back(email, address) or await self._check(email, password, address, now)
        finally:
            self._waiting -= 1

    def _held_back(self, email: str, address: str) -> Refusal | None:
        wait = self._failures.wait(email, address, self._clock.monotonic())
        return None if wait is None else Refusal("TOO_MANY", 429, "Too many failed sign-ins", retry_after=wait)

    async def _check(self, email: str, password: str, address: str, now: int) -> str | Refusal:
        stored = None
        if is_email(email):
            stored = await self._database.read(lambda tx: store.find_operator(INSTALLATION, tx, email))
        right = await asyncio.to_thread(self._is_right, stored, password)
        if right or stored is not None:
            await self._database.write(lambda tx: _note(INSTALLATION, tx, email, right=right, address=address, now=now))
        if right:
            return self._issuer.issue_to_operator(email, now=now)
        self._failures.add(email, address, self._clock.monotonic())
        # who does not exist stays out of the log: some people swap name and password
        log.warning("Sign-in refused", operator="unknown" if stored is None else email, address=address)
        return INCORRECT

    def _is_right(self, stored: str | None, password: str) -> bool:
        """An unknown person's password costs the same."""
        if self._nobody is None:
            self._nobody = hash_password(secrets.token_urlsafe(32))
        return is_password(stored or self._nobody, password) and stored is not None


def _note(scope: TenantScope, tx: Transaction, email: str, *, right: bool, address: str, now: int) -> None:
    audit.note(
        scope,
        tx,
        at=now,
        actor=f"operator:{email}",
        action="login_access_token",
        outcome="done" if right else INCORRECT.message,
        details={"address": address},
    )
