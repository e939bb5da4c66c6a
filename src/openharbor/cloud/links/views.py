"""Links and their tokens as the API shows them. Pure."""

import msgspec

from openharbor.cloud.links import messages as m
from openharbor.cloud.links.drawing import Drawn
from openharbor.cloud.links.store import Link
from openharbor.cloud.lockers.views import token_body
from openharbor.kit.http.timestamps import rfc3339


def request_body(link: Link, link_token: str, now: int) -> m.LockerOpenRequest:
    """`link_token`: the complete link."""
    return m.LockerOpenRequest(
        link.link_id, link.locker_id, link.tower_id, link_token, rfc3339(link.expires_at), link.status_at(now)
    )


def details_body(link: Link, link_token: str, now: int) -> m.LockerOpenRequestDetails:
    return m.LockerOpenRequestDetails(
        id=link.link_id,
        locker_id=link.locker_id,
        tower_id=link.tower_id,
        link_token=link_token,
        expires=rfc3339(link.expires_at),
        status=link.status_at(now),
        kind=link.kind,
        created_at=rfc3339(link.created_at),
        return_url=link.return_url,
        client_info=link.client_info,
        payload=msgspec.Raw(link.payload.encode()),
        keypad_intent=link.keypad_intent,
        persist_keypad_code=link.persist_keypad_code,
        keypad_code=link.keypad_code if link.code_in_force else None,
    )


def drawn_body(drawn: Drawn, sdk_access_token: str) -> m.LockerOpenToken:
    shown = token_body(drawn.token)
    return m.LockerOpenToken(
        shown.id, shown.tower_id, shown.locker, shown.payload_auth, shown.payload, shown.expires, sdk_access_token
    )
