"""422 answers that list faults field by field, and the words for them (service-provider.yaml, HTTPValidationError)."""

from collections.abc import Sequence

from msgspec import inspect

from openharbor.kit.errors import FieldFault, Refusal
from openharbor.kit.http.fault_texts import fault_of, outermost, unreadable_fault
from openharbor.kit.http.wording import Part, Words

VALIDATION_ERROR = "VALIDATION_ERROR"  # seen in logs and metrics; the contract shows no codes


def field_fault(loc: Sequence[str | int], msg: str, type: str = "value_error") -> Refusal:  # noqa: A002  # the contract's word
    """The refusal of one field; `loc` from the outside in, such as ("body", "client_info")."""
    return field_faults([FieldFault(tuple(loc), msg, type)])


def field_faults(faults: Sequence[FieldFault]) -> Refusal:
    """422 with these faults, of which there is at least one. Raises ValueError without one."""
    if not faults:
        raise ValueError("a refusal by fields needs a fault")
    first = faults[0]
    where = ".".join(str(step) for step in first.loc)
    return Refusal(VALIDATION_ERROR, 422, f"{where}: {first.msg}", {where: first.msg}, faults=tuple(faults))


def _misfit(part: Part, error: str, shape: inspect.Type) -> Refusal:
    return field_faults([fault_of(part, error, shape)])


def _unreadable(part: Part, name: str, node: inspect.Type) -> Refusal:
    return field_faults([unreadable_fault(part, name, node)])


def _repeated(part: Part, name: str) -> Refusal:
    return field_fault((outermost(part), name), "Input should be given once")


def _malformed(part: Part, rule: str) -> Refusal:
    return field_fault((outermost(part),), f"Input {rule}")


def _not_json(_why: str, offset: int) -> Refusal:
    return field_fault(("body", offset), "JSON decode error", "json_invalid")


def _media_type(_given: str, needed: str) -> Refusal:
    return field_fault(("header", "content-type"), f"Input should be '{needed}'")


FAULT_WORDS = Words(
    misfit=_misfit,
    unreadable=_unreadable,
    repeated=_repeated,
    malformed=_malformed,
    not_json=_not_json,
    media_type=_media_type,
    no_body=field_fault(("body",), "Field required", "missing"),
    untyped_is_json=True,
)
