"""What the openings are answered with: the same bytes at once and, under an Idempotency-Key, for 24 h."""

from collections.abc import Sequence

import msgspec

from openharbor.gateway.messages import LockerOperationResponse, OpenAllLockersResponse, OpenAllLockersResult
from openharbor.gateway.opening_rules import OpenResult
from openharbor.kit.errors import Refusal
from openharbor.kit.http.answers import error_body
from openharbor.kit.http.operation import Answer
from openharbor.kit.idempotency import StoredAnswer


def stored_answer(result: OpenResult) -> StoredAnswer:
    """The answer of a single open; a function of the result alone, so that a replay has the same bytes."""
    if not result.success:
        return _error(result.refusal(), result.at)
    body = LockerOperationResponse(
        success=True,
        locker_id=result.locker_id,
        door_open=result.door_open,
        message=result.message,
        confirmed=result.confirmed,
        attempts=result.attempts,
        duration_ms=result.duration_ms,
    )
    return StoredAnswer(200, msgspec.json.encode(body))


def interrupted_answer(result: OpenResult) -> StoredAnswer:
    """What the key of an open answers that the gateway did not live to end (contract, "Idempotency")."""
    return _error(Refusal("INTERNAL_ERROR", 500, result.message, {"lockerId": str(result.locker_id)}), result.at)


def single_answer(result: OpenResult) -> Answer | Refusal:
    """What the caller gets at once; an open that did nothing is a plain refusal."""
    return answer_of(stored_answer(result)) if result.stored else result.refusal()


def answer_of(stored: StoredAnswer) -> Answer:
    return Answer(stored.status, stored.body, stored.headers)


def open_all_answer(results: Sequence[OpenResult]) -> Answer | Refusal:
    """200 when all opened, 503 when no controller answered at all, 207 otherwise (openAllLockers)."""
    failed = [result for result in results if not result.success]
    codes = {result.code for result in results}
    if failed and len(failed) == len(results) and codes <= {"CONTROLLER_UNREACHABLE"}:
        return _nobody_answers(results)
    if failed and codes == {"STORAGE_UNAVAILABLE"}:
        return results[0].refusal()
    body = OpenAllLockersResponse(
        success=not failed,
        total_lockers=len(results),
        opened_count=len(results) - len(failed),
        failed_count=len(failed),
        results=[_part(result, partial=bool(failed)) for result in results],
    )
    return Answer(207 if failed else 200, body)


def _nobody_answers(results: Sequence[OpenResult]) -> Refusal:
    controllers = ",".join(str(one) for one in sorted({result.controller_id for result in results}))
    details = {"totalLockers": str(len(results)), "controllerIds": controllers}
    message = "No controller of the selected lockers answers"
    return Refusal("CONTROLLER_UNREACHABLE", 503, message, details, retry_after=5)


def _part(result: OpenResult, *, partial: bool) -> OpenAllLockersResult:
    return OpenAllLockersResult(
        success=result.success,
        locker_id=result.locker_id,
        door_open=result.door_open,
        message=result.message,
        confirmed=result.confirmed,
        attempts=result.attempts,
        duration_ms=result.duration_ms,
        status=result.status if partial else msgspec.UNSET,
        error=result.code if result.code is not None else msgspec.UNSET,
    )


def _error(refusal: Refusal, at: int) -> StoredAnswer:
    headers = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
    return StoredAnswer(refusal.status, error_body(refusal, at), headers)
