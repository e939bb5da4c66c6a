"""Requests and answers of Locker Open requests, as in service-provider.yaml."""

from typing import Literal

import msgspec

from openharbor.cloud.catalog.messages import Body, Id
from openharbor.cloud.lockers.messages import LockerToken

KeypadIntent = Literal["pickup"] | None


# Requests ---------------------------------------------------------------


class RequestPath(msgspec.Struct):
    request_id: Id


class LinkRequest(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What both kinds of link have. Limits in bytes and the form of the URL are `inputs`' matter."""

    return_url: str = ""
    client_info: str = ""
    payload: dict[str, object] = {}
    keypad_intent: KeypadIntent = None
    persist_keypad_code: bool = False


class DropoffLockerRequest(LinkRequest, frozen=True, rename="camel", kw_only=True):
    location_id: Id
    locker_type_id: Id
    require_low_locker: bool = False


class PickupLockerRequest(LinkRequest, frozen=True, rename="camel", kw_only=True):
    locker_id: Id


# Answers ----------------------------------------------------------------


class LockerOpenRequest(Body):
    """`link_token` is a secret."""

    id: int
    locker_id: int
    tower_id: str
    link_token: str
    expires: str
    status: str

    def __repr__(self) -> str:
        return f"{type(self).__name__}(id={self.id})"


class LockerOpenRequestDetails(LockerOpenRequest):
    """`payload`: JSON text, as it was given. `keypad_code`: once it is known to be in force."""

    kind: str
    created_at: str
    return_url: str
    client_info: str
    payload: msgspec.Raw
    keypad_intent: str | None
    persist_keypad_code: bool
    keypad_code: str | None


class LockerOpenToken(LockerToken):
    sdk_access_token: str
