"""Making, showing and cancelling Locker Open links (locker-states.md A3, A9, A11). Units of work."""

import msgspec

from openharbor.cloud.catalog.reading import LOCATION_NOT_FOUND
from openharbor.cloud.catalog.store import has_location
from openharbor.cloud.links import store
from openharbor.cloud.links.inputs import Texts
from openharbor.cloud.links.keypad_codes import make_code
from openharbor.cloud.links.store import Link, Wanted
from openharbor.cloud.lockers import links, states
from openharbor.cloud.lockers import store as locker_store
from openharbor.cloud.lockers.attempts import Attempt, carry_out, organization_of
from openharbor.cloud.lockers.change import Change
from openharbor.cloud.lockers.ending import conflict, following, is_settled, not_found
from openharbor.cloud.lockers.store import Loaded
from openharbor.cloud.scope import TenantScope
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Refusal

LINK_NOT_FOUND = not_found("Locker open request not found")
TYPE_NOT_FOUND = not_found("Locker type not found")
NONE_AVAILABLE = conflict("No locker available")
PICKUP_LIFE_MS = 30 * 86_400_000


class NewLink(msgspec.Struct, frozen=True, kw_only=True):
    """What both kinds have. `link_id` is fresh."""

    link_id: int
    texts: Texts
    keypad_intent: str | None
    persist_keypad_code: bool


class NewDropoff(NewLink, frozen=True, kw_only=True):
    """`assignment_id` is fresh; `locker_token`: 16 random bytes as hex; `randomness`: 8 random bytes for a code."""

    wanted: Wanted
    assignment_id: int
    locker_token: str
    randomness: bytes

    def __repr__(self) -> str:
        return f"NewDropoff(link_id={self.link_id})"


class NewPickup(NewLink, frozen=True, kw_only=True):
    """`randomness`: 8 random bytes for a code."""

    locker_id: int
    randomness: bytes

    def __repr__(self) -> str:
        return f"NewPickup(link_id={self.link_id})"


def create_dropoff(scope: TenantScope, tx: Transaction, command: NewDropoff, attempt: Attempt) -> Link | Refusal:
    """A link that holds a free locker for 300 s. 404, or 409 when every matching locker is taken."""
    chosen = _choose(scope, tx, command, attempt.now)
    details = {"link": command.link_id, "location": command.wanted.location_id, "type": command.wanted.type_id}
    if isinstance(chosen, Refusal):
        carry_out(scope, tx, attempt, chosen, tower_id=None, locker_id=None, details=details)
        return chosen
    locker, now = chosen.locker, attempt.now
    code = None
    if command.keypad_intent is not None:
        code = make_code(command.randomness, _codes_in(scope, tx, locker.tower_id))
    link = _link(scope, command, "dropoff", chosen, now, now + links.HOLD_MS, code)
    store.add(scope, tx, link)
    carry_out(scope, tx, attempt, chosen, tower_id=locker.tower_id, locker_id=locker.locker_id, details=details)
    return link


def _choose(scope: TenantScope, tx: Transaction, command: NewDropoff, now: int) -> Change | Refusal:
    """The first locker that can be held; who is locked by others is theirs."""
    wanted = command.wanted
    if not has_location(scope, tx, wanted.location_id):
        return LOCATION_NOT_FOUND
    if not store.has_locker_type(scope, tx, wanted.type_id):
        return TYPE_NOT_FOUND
    if command.keypad_intent is not None:
        store.claim_towers(scope, tx, wanted.location_id)
    found = store.candidate(scope, tx, wanted, None, now)
    while found is not None:
        held = links.hold(
            found.locker,
            organization_of(scope),
            link_id=command.link_id,
            assignment_id=command.assignment_id,
            locker_token=command.locker_token,
            client_info=command.texts.client_info,
            now=now,
        )
        if isinstance(held, Change):
            return held
        found = store.candidate(scope, tx, wanted, found, now)
    return NONE_AVAILABLE


def _codes_in(scope: TenantScope, tx: Transaction, tower_id: str) -> set[str]:
    """Every code that is, or may come, in force in a tower: of its links that hold a locker, and of live tokens."""
    codes: set[str] = set()
    for locker in store.tower_lockers(scope, tx, tower_id):
        codes.update(token.keypad_code for token in locker.tokens if not is_settled(token))
        codes.update(one.code.keypad_code for one in locker.queued if one.code is not None)
        if locker.hold is not None:
            codes.add(store.keypad_code(scope, tx, locker.hold.link_id) or "")
    return codes


def create_pickup(scope: TenantScope, tx: Transaction, command: NewPickup, attempt: Attempt) -> Link | Refusal:
    """A link to an occupied locker of the caller, for 30 days. 404; 409 unless it is one."""
    with_code = command.keypad_intent is not None
    if with_code:
        store.claim_tower_of(scope, tx, command.locker_id)
    found = locker_store.load_by_id(scope, tx, command.locker_id, lock=True)
    code = None
    if with_code and isinstance(found, Loaded):
        code = make_code(command.randomness, _codes_in(scope, tx, found.locker.tower_id))
    decided = found if isinstance(found, Refusal) else _open_pickup(scope, found, command, code, attempt.now)
    made: Link | Refusal
    if isinstance(decided, Refusal):
        made = decided
    else:
        made = _link(scope, command, "pickup", decided, attempt.now, attempt.now + PICKUP_LIFE_MS, code)
        store.add(scope, tx, made)
    carry_out(
        scope,
        tx,
        attempt,
        decided,
        tower_id=None if isinstance(found, Refusal) else found.locker.tower_id,
        locker_id=command.locker_id,
        details={"link": command.link_id},
    )
    return made


def _open_pickup(scope: TenantScope, found: Loaded, command: NewPickup, code: str | None, now: int) -> Change | Refusal:
    locker = states.as_of(found.locker, now)  # what it changes is not occupied, so that nothing of it is written
    client_info = command.texts.client_info
    opened = links.open_pickup_link(locker, organization_of(scope), client_info=client_info)
    if code is None or isinstance(opened, Refusal):
        return opened
    given = links.give_code(
        opened.locker,
        found.tower,
        command.link_id,
        code=code,
        persists=command.persist_keypad_code,
        client_info=client_info,
    )
    return given if isinstance(given, Refusal) else following(opened, given)


def _link(
    scope: TenantScope, command: NewLink, kind: str, change: Change, now: int, expires_at: int, code: str | None
) -> Link:
    texts, locker = command.texts, change.locker
    return Link(
        link_id=command.link_id,
        organization_id=organization_of(scope),
        locker_id=locker.locker_id,
        tower_id=locker.tower_id,
        kind=kind,
        created_at=now,
        expires_at=expires_at,
        return_url=texts.return_url,
        client_info=texts.client_info,
        payload=texts.payload,
        keypad_intent=command.keypad_intent,
        persist_keypad_code=command.persist_keypad_code,
        keypad_code=code,
    )


def show(scope: TenantScope, tx: Transaction, *, link_id: int) -> Link | Refusal:
    """404 for an unknown one and for someone else's."""
    link = store.find(scope, tx, link_id)
    return LINK_NOT_FOUND if link is None else link


def cancel(scope: TenantScope, tx: Transaction, link_id: int, attempt: Attempt) -> Refusal | None:
    """None: it is cancelled, now or before. 404; 409 for one that is completed or expired."""
    link = store.find(scope, tx, link_id)
    details = {"link": link_id}
    if link is None:
        carry_out(scope, tx, attempt, LINK_NOT_FOUND, tower_id=None, locker_id=None, details=details)
        return LINK_NOT_FOUND
    decided = _cancel(scope, tx, link, attempt.now)
    carry_out(scope, tx, attempt, decided, tower_id=link.tower_id, locker_id=link.locker_id, details=details)
    return None if isinstance(decided, Change) or decided is IS_CANCELLED else decided


def _cancel(scope: TenantScope, tx: Transaction, link: Link, now: int) -> Change | Refusal:
    """The tower is locked before the locker: commands may be queued."""
    over = no_longer(link, now)
    if over is not None:
        return over
    tower = locker_store.load_tower(scope, tx, link.tower_id, lock=True)
    if isinstance(tower, Refusal):
        return tower
    found = locker_store.load(scope, tx, link.tower_id, link.locker_id, lock=True)
    if isinstance(found, Refusal):
        return found
    if link.kind == "dropoff":
        return links.cancel_dropoff_link(found.locker, found.tower, link.link_id, now)
    return links.cancel_pickup_link(found.locker, found.tower, link.link_id)


IS_COMPLETED = conflict("Locker open request is completed")
IS_CANCELLED = conflict("Locker open request is cancelled")
ENDS = {"completed": IS_COMPLETED, "expired": links.LINK_EXPIRED, "cancelled": IS_CANCELLED}


def no_longer(link: Link, now: int) -> Refusal | None:
    """Why a link does not work any more; None: it is pending."""
    return ENDS.get(link.status_at(now))
