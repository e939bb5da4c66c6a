"""When a token is dead (locker-states.md 2, S1 to S4), and what follows: D1 and D2. Never by the cloud's time alone."""

from collections.abc import Callable

from msgspec.structs import replace

from openharbor.cloud.lockers.change import Change, LinkChange, Source
from openharbor.cloud.lockers.ending import end_clear, following, is_clear
from openharbor.cloud.lockers.facts import After, Executed
from openharbor.cloud.lockers.locker import Access, Locker, Queued, Report, Settlement, Status, Token

SECOND_TRY_S = 7200  # a session lives an hour (5.6), during which the clock may step forward by another (10.2)
Verdict = Callable[[Token], Settlement | None]


def settle(locker: Locker, verdict: Verdict, row: str) -> Change | None:
    """Marks the unsettled tokens on which there is a verdict. None: there is none.

    One that was unsettled at a log loss is marked, but does not count as settled before an inspection.
    """
    tokens: list[Token] = []
    settled: list[tuple[int, Settlement]] = []
    changed = False
    for token in locker.tokens:
        how = verdict(token) if token.settled is None else None
        if how is None:
            tokens.append(token)
            continue
        changed = True
        tokens.append(replace(token, settled=how))
        if not token.log_lost and token.kind != "keypad":
            settled.append((token.token_id, how))
    if not changed:
        return None
    return Change(row=row, locker=replace(locker, tokens=tuple(tokens)), settled=tuple(settled))


def aged(locker: Locker, at_s: int, now: int) -> Change | None:
    """S1: past its expiry by the tower's time (of an applied event) and by the cloud's. A keypad code has no expiry.

    A token whose opening jammed may get its second try in the session, without being judged again (blink-protocol.md
    7.5), so it is given until that session is over.
    """
    moment, jam = min(at_s, now // 1000), locker.jammed
    alive = jam.token_id if jam is not None and at_s < jam.at_s + SECOND_TRY_S else None

    def verdict(token: Token) -> Settlement | None:
        past = token.expires_s is not None and token.expires_s <= moment and token.token_id != alive
        return "expired" if past else None

    return settle(locker, verdict, "S1")


def by_key(rotation: int) -> Verdict:
    """S4 by revoking the key; a keypad code was made with none."""
    return lambda token: "revoked" if token.rotation == rotation and token.kind != "keypad" else None


def by_record(after: After, how: Settlement) -> Verdict:
    """S2 and S3: what the tower's record shows. `how`: by what a generation was retired."""

    def verdict(token: Token) -> Settlement | None:
        if token.kind == "keypad":  # entered without a generation; dead once erased, as in every free locker
            return "retired" if after.keypad is False or not after.taken else None
        if token.generation <= after.retired:
            return how
        return "superseded" if token.generation < after.generation else None

    return verdict


def reported(locker: Locker, after: After, *, how: Settlement = "retired", disabled: bool | None = None) -> Change:
    """The record of the tower after an event, and what it settles. Row S2 or S3 for the audit."""
    report = Report(
        taken=after.taken,
        locker_token=after.locker_token,
        generation=after.generation,
        retired=after.retired,
        disabled=locker.report.disabled if disabled is None else disabled,
    )
    known = replace(locker, report=report) if report != locker.report else locker
    return settle(known, by_record(after, how), "S4" if how == "revoked" else "S3") or Change(row="C11", locker=known)


def executed(locker: Locker, fact: Executed) -> Change | None:
    """What the results of queued commands settle (S3, S4). None: none of them is about this locker.

    A result that was lost proves nothing. A code whose result was lost may be in force, so it counts as set, unless
    the locker is free: that erased it.
    """
    end = fact.first + fact.count
    dealt_with = tuple(one for one in locker.queued if one.command_id < end)
    if not dealt_with:
        return None
    after = replace(locker, queued=tuple(one for one in locker.queued if one.command_id >= end))
    done = Change(row="S4", locker=after)
    for one in dealt_with:
        if one.command_id < fact.first:
            done = replace(done, locker=_with_doubtful_code(done.locker, one))
        elif fact.failed.get(one.command_id, 0) == 0:
            done = replace(following(done, carried_out(done.locker, one)), row="S4")
    return done


def _with_doubtful_code(locker: Locker, command: Queued) -> Locker:
    if command.code is None or not locker.report.taken:
        return locker
    return replace(locker, tokens=(*locker.tokens, command.code))


def carried_out(locker: Locker, command: Queued) -> Change:
    """The command has the result 0: its generations are retired, and unless it was `keep`, the locker is free there.

    A code is in force from now on, and what it replaces opens nothing any more.
    """
    if command.code is not None:
        others = tuple(one for one in locker.tokens if one.kind != "keypad")
        link_id = command.code.link_id
        shown = () if link_id is None else (LinkChange(link_id, "pending", code_in_force=True),)
        return Change(row="A11", locker=replace(locker, tokens=(*others, command.code)), links=shown)
    emptying = () if command.command_id in locker.emptying else locker.emptying
    after = replace(locker, emptying=emptying) if emptying != locker.emptying else locker
    report = after.report
    if command.form == "erase":
        record = After(taken=report.taken, keypad=False, generation=report.generation, retired=report.retired)
        return reported(after, replace(record, locker_token=report.locker_token))
    kept = command.form == "keep"
    record = After(
        taken=report.taken if kept else False,
        locker_token=report.locker_token if kept else "",
        generation=report.generation,
        retired=max(report.retired, command.generation),
        keypad=None if kept else False,
    )
    return reported(after, record, how="revoked")


def cleared(locker: Locker, at: int, now: int, *, revoked: bool) -> Change | None:
    """D1, D2, judged after each applied event. `at`: its time, ms. `revoked`: it showed a revocation executed."""
    rented = locker.status is Status.RENTED
    if not (rented or locker.status is Status.DECLINED) or not is_clear(locker):
        return None
    if rented and locker.hold is not None and locker.hold.ends_at > now:
        return None
    if rented:
        return end_clear(locker, "TOKEN_EXPIRED", at, row="D1", tower_clock=True, story=_last(locker))
    by_command = revoked or any(token.settled == "revoked" for token in locker.tokens)
    source: Source = "LOCKER_RELEASED" if by_command else "TOKEN_EXPIRED"
    story = None if by_command else _last(locker)
    return end_clear(locker, source, at, row="D2", tower_clock=True, story=story)


def _last(locker: Locker) -> Access | None:
    """The token that ran out last, for the notice."""
    tokens = [token for token in locker.tokens if token.kind != "keypad"]
    if not tokens:
        return None
    token = max(tokens, key=lambda one: (one.expires_s or 0, one.token_id))
    return Access(
        kind="dropoff",
        organization_id=token.organization_id,
        generation=token.generation,
        token_id=token.token_id,
        link_id=token.link_id,
        client_info=token.client_info,
    )
