"""Minting drop-off and pick-up tokens: rows A2, A4, A7, A10, A13 (blink-protocol.md 7.2, 13.1, 13.2).

Issued and expiring times are whole seconds. The hot path: structs are built, nothing is copied that does not change.
"""

from msgspec.structs import replace

from openharbor.blink.payloads import DROPOFF, PICKUP, RELEASE, OpenPayload
from openharbor.cloud.lockers.change import Change, Minted, Notice
from openharbor.cloud.lockers.ending import conflict, following, is_settled, notice
from openharbor.cloud.lockers.locker import Assignment, Locker, Status, Token, Tower
from openharbor.cloud.lockers.states import expire
from openharbor.kit.errors import Refusal

MOST_DROPOFFS = 16  # of one assignment; the tower refuses the seventeenth
MOST_TOKENS = 64  # remembered at a time

NOT_AVAILABLE = conflict("Locker is not available")
NOT_ASSIGNED = conflict("Locker is not assigned")
NOT_OCCUPIED = conflict("Locker is not occupied")
TOO_MANY_DROPOFFS = conflict("Too many drop-off tokens")
TOO_MANY = conflict("Too many open tokens")


def mint_dropoff(
    locker: Locker,
    tower: Tower,
    organization_id: int,
    *,
    token_id: int,
    assignment_id: int,
    locker_token: str,
    duration_s: int,
    client_info: str,
    now: int,
) -> Minted | Refusal:
    """A2, A4, A7, A10, A13. `assignment_id` and `locker_token` (16 random bytes as hex) serve an available locker.

    409 unless the locker is available or held by the caller, and for the 17th drop-off token of one assignment.
    """
    due = expire(locker, now) if locker.due_at is not None else None
    current = locker if due is None else due.locker
    assignment = current.assignment
    if current.status is Status.AVAILABLE:
        assignment = Assignment(
            assignment_id=assignment_id, organization_id=organization_id, since=now, locker_token=locker_token
        )
    elif assignment is None or assignment.organization_id != organization_id:
        return NOT_AVAILABLE
    draft = Token(
        token_id=token_id,
        organization_id=organization_id,
        kind="dropoff",
        generation=0,
        expires_s=now // 1000 + duration_s,
        client_info=client_info,
    )
    made = make_dropoff(current, tower, assignment, draft, now)
    if due is None or isinstance(made, Refusal):
        return made
    return Minted(change=following(due, made.change), payload=made.payload)


def make_dropoff(locker: Locker, tower: Tower, assignment: Assignment, draft: Token, now: int) -> Minted | Refusal:
    """The token `draft`, for the holder, with the generation and rotation that it must have."""
    if tower.rotation is None or locker.incident or locker.status is Status.OUT_OF_SERVICE:
        return NOT_AVAILABLE
    if assignment.minted >= MOST_DROPOFFS:
        return TOO_MANY_DROPOFFS
    tokens = with_room(locker.tokens, now)
    if tokens is None:
        return TOO_MANY
    generation = generation_for(locker, assignment)
    token = replace(draft, generation=generation, rotation=tower.rotation)
    before, reservation = locker.status, locker.reservation
    after = replace(
        locker,
        status=Status.OCCUPIED if before is Status.OCCUPIED else Status.RENTED,
        assignment=replace(
            assignment,
            client_info=token.client_info,
            minted=assignment.minted + 1,
            first_generation=assignment.first_generation or generation,
            reservation_id=reservation.reservation_id if reservation else assignment.reservation_id,
        ),
        reservation=None,
        tokens=(*tokens, token),
        generation=generation,
        renew=False,
    )
    used_up = None if reservation is None else reservation.reservation_id
    change = Change(
        row=_DROPOFF_ROWS[before],
        locker=after,
        notices=(created(after, token, now, used_up),),
        reservation_end=None if used_up is None else (used_up, "used"),
    )
    first = True if assignment.minted == 0 else None
    return Minted(change=change, payload=_dropoff_payload(after, assignment, token, now, first))


_DROPOFF_ROWS = {
    Status.AVAILABLE: "A2",
    Status.RESERVED: "A4",
    Status.RENTED: "A7",
    Status.OCCUPIED: "A10",
    Status.DECLINED: "A13",
}


def _dropoff_payload(
    locker: Locker, assignment: Assignment, token: Token, now: int, match_available: bool | None
) -> OpenPayload:
    """#91 true only in the first of an assignment: a later one may follow one that was used unseen."""
    return OpenPayload(
        issued=now // 1000,
        expires=token.expires_s or 0,
        tower_id=bytes.fromhex(locker.tower_id),
        token_id=token.token_id,
        locker_number=locker.number,
        generation=token.generation,
        access_kind=DROPOFF,
        locker_token=bytes.fromhex(assignment.locker_token),
        reuse=token.reuse,
        match_available=match_available,
        keypad_code=token.keypad_code or None,
        keypad_persists=token.keypad_persists,
    )


def mint_pickup(
    locker: Locker,
    tower: Tower,
    organization_id: int,
    *,
    token_id: int,
    duration_s: int,
    client_info: str,
    now: int,
) -> Minted | Refusal:
    """A10. 409 unless the caller holds the locker and it is occupied."""
    if locker.holder != organization_id:
        return NOT_ASSIGNED
    if locker.status is not Status.OCCUPIED:
        return NOT_ASSIGNED if _over(locker, now) else NOT_OCCUPIED
    draft = Token(
        token_id=token_id,
        organization_id=organization_id,
        kind="pickup",
        generation=0,
        expires_s=now // 1000 + duration_s,
        client_info=client_info,
    )
    return make_pickup(locker, tower, draft, now)


def _over(locker: Locker, now: int) -> bool:
    due = expire(locker, now)
    return due is not None and due.locker.assignment is None


def make_pickup(locker: Locker, tower: Tower, draft: Token, now: int) -> Minted | Refusal:
    """The token `draft` of an occupied locker. One that its tower reported free is opened by a release token (13.2)."""
    assignment = locker.assignment
    if assignment is None or tower.rotation is None or locker.incident:
        return NOT_AVAILABLE
    tokens = with_room(locker.tokens, now)
    if tokens is None:
        return TOO_MANY
    generation = generation_for(locker, assignment)
    taken = locker.report.taken
    token = replace(draft, generation=generation, rotation=tower.rotation, kind="pickup" if taken else "release")
    after = replace(
        locker,
        assignment=replace(assignment, client_info=token.client_info),
        tokens=(*tokens, token),
        generation=generation,
        renew=False,
    )
    change = Change(row="A10", locker=after, notices=(created(after, token, now, None),))
    held = (locker.report.locker_token if taken else "") or assignment.locker_token
    payload = OpenPayload(
        issued=now // 1000,
        expires=token.expires_s or 0,
        tower_id=bytes.fromhex(locker.tower_id),
        token_id=token.token_id,
        locker_number=locker.number,
        generation=generation,
        access_kind=PICKUP if taken else RELEASE,
        locker_token=bytes.fromhex(assignment.locker_token),
        match_token=bytes.fromhex(held),
    )
    return Minted(change=change, payload=payload)


def generation_for(locker: Locker, assignment: Assignment) -> int:
    """Of the next token: one more for a new assignment, after a queued revocation or a retirement (7.2)."""
    report = locker.report
    newest = max(locker.generation, report.generation, report.retired)
    if assignment.first_generation == 0 or locker.renew or report.retired >= locker.generation:
        return newest + 1
    return newest


def with_room(tokens: tuple[Token, ...], now: int) -> tuple[Token, ...] | None:
    """The tokens to remember beside one more; None: there is no room.

    When full, settled ones are forgotten, and of pick-up tokens that are alike and past their expiry only the last to
    expire is kept, which is settled no sooner than the others.
    """
    if len(tokens) < MOST_TOKENS:
        return tokens
    second = now // 1000
    kept: list[Token] = []
    last: dict[tuple[str, int, int, bool], Token] = {}
    for token in tokens:
        if is_settled(token):
            continue
        if token.kind in ("dropoff", "keypad") or token.expires_s is None or token.expires_s > second:
            kept.append(token)
            continue
        alike = (token.kind, token.generation, token.rotation, token.log_lost)
        other = last.get(alike)
        if other is None or (other.expires_s or 0) < token.expires_s:
            last[alike] = token
    kept[:0] = last.values()
    return tuple(kept) if len(kept) < MOST_TOKENS else None


def created(locker: Locker, token: Token, now: int, reservation_id: int | None) -> Notice:
    """LOCKER_TOKEN_CREATED; it never names the link (webhooks.md 2)."""
    return notice(
        locker,
        "LOCKER_OPERATION",
        "LOCKER_TOKEN_CREATED",
        token.organization_id,
        now,
        token_id=token.token_id,
        reservation_id=reservation_id,
        client_info=token.client_info,
    )
