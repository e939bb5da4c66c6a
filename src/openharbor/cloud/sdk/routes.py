"""HTTP of the SDK API (sdk.yaml): decode, run one unit of work, answer."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from openharbor.cloud.accounts.password_sign_in import PasswordSignIn
from openharbor.cloud.accounts.scopes import TOWER_ACCESS
from openharbor.cloud.accounts.wiring import Accounts
from openharbor.cloud.lockers.attempts import attempt_of
from openharbor.cloud.parts import CloudParts
from openharbor.cloud.sdk import messages as m
from openharbor.cloud.sdk import session_tokens, syncing, views
from openharbor.cloud.sdk.access import asker_of
from openharbor.cloud.sdk.configuration import configuration
from openharbor.cloud.sdk.lists import unfit_claims, unfit_packets
from openharbor.cloud.towers.alarms import TowerAlarms
from openharbor.cloud.towers.uploads import EventPacket
from openharbor.kit.errors import Refusal
from openharbor.kit.http.operation import Answer, Call, Operation

Reply = Answer | Refusal
PREFIX = "/sdk/v1"
TOWER = f"{PREFIX}/towers/{{tower_id}}"


def operations(parts: CloudParts, accounts: Accounts, alarms: TowerAlarms) -> list[Operation]:
    """Everything of the contract."""
    return [
        Operation(
            "login_access_token",
            "POST",
            f"{PREFIX}/login/access-token",
            partial(_sign_in, accounts.sign_in),
            None,
            form=m.PasswordLogin,
            changes_state=True,
            limited=False,
        ),
        Operation("get_services", "GET", f"{PREFIX}/services", _services, TOWER_ACCESS, limited=False),
        _post("create_session_token", "session-token", partial(_session_token, parts), body=m.SessionTokenCreate),
        _get("get_tower_configuration", "configuration", partial(_configuration, parts)),
        _get("get_tower_commands", "commands", partial(_commands, parts)),
        _post("upload_tower_events", "events", partial(_events, parts, alarms), body=m.SyncEventPackets),
        _post(
            "reset_tower_events",
            "reset-events",
            partial(_reset_events, parts),
            body=m.ResetEventsRequest | None,
            body_optional=True,
        ),
    ]


def _get(name: str, place: str, handler: Callable[..., Any]) -> Operation:
    return Operation(name, "GET", f"{TOWER}/{place}", handler, TOWER_ACCESS, params=m.TowerPath, limited=False)


def _post(name: str, place: str, handler: Callable[..., Any], *, body: Any, body_optional: bool = False) -> Operation:
    return Operation(
        name,
        "POST",
        f"{TOWER}/{place}",
        handler,
        TOWER_ACCESS,
        params=m.TowerPath,
        body=cast("type", body),  # whatever msgspec decodes into
        body_optional=body_optional,
        changes_state=True,
        limited=False,
    )


async def _sign_in(sign_in: PasswordSignIn, call: Call) -> Reply:
    form = call.body
    token = await sign_in.sign_in(form.username, form.password, call.caller.address, call.received_at)
    return token if isinstance(token, Refusal) else Answer(200, m.Token(token, "Bearer"))


async def _services(_: Call) -> Reply:
    return Answer(200, views.SERVICES)


async def _session_token(parts: CloudParts, call: Call) -> Reply:
    asker = unfit_claims(call.body.claims) or asker_of(call.caller)
    if isinstance(asker, Refusal):
        return asker
    random = parts.random(48)
    request = session_tokens.Request(
        tower_id=_tower_id(call),
        duration_s=call.body.duration,
        claims=call.body.claims,
        now=call.received_at,
        seed=random[:32],
        iv=random[32:],
    )
    unit = partial(session_tokens.mint, asker.scope, asker=asker, request=request, vault=parts.vault)
    minted = await parts.database.write(unit)
    return minted if isinstance(minted, Refusal) else Answer(200, views.session_token(minted))


async def _configuration(parts: CloudParts, call: Call) -> Reply:
    asker = asker_of(call.caller)
    if isinstance(asker, Refusal):
        return asker
    tower_id = _tower_id(call)
    found = await parts.database.read(partial(configuration, asker.scope, asker=asker, tower_id=tower_id))
    return found if isinstance(found, Refusal) else Answer(200, views.configuration(tower_id, found))


async def _commands(parts: CloudParts, call: Call) -> Reply:
    asker = asker_of(call.caller)
    if isinstance(asker, Refusal):
        return asker
    tower_id = _tower_id(call)
    unit = partial(
        syncing.waiting,
        asker.scope,
        asker=asker,
        tower_id=tower_id,
        vault=parts.vault,
        now=call.received_at,
        random=parts.random,
    )
    found = await parts.database.read(unit)
    if isinstance(found, Refusal):
        return found
    return Answer(200, [views.command_packet(tower_id, packet) for packet in found])


async def _events(parts: CloudParts, alarms: TowerAlarms, call: Call) -> Reply:
    asker = unfit_packets(call.body) or asker_of(call.caller)
    if isinstance(asker, Refusal):
        return asker
    unit = partial(
        syncing.upload,
        asker.scope,
        found=[_packet(one) for one in call.body],
        asker=asker,
        tower_id=_tower_id(call),
        vault=parts.vault,
        attempt=attempt_of(parts, call, "upload_tower_events"),
    )
    received = await parts.database.write(unit)
    if isinstance(received, Refusal):
        return received
    alarms.tell(received.alarms)
    if received.told:
        parts.wake_webhooks()
    return Answer(200, views.RECEIVED)


async def _reset_events(parts: CloudParts, call: Call) -> Reply:
    asker = asker_of(call.caller)
    if isinstance(asker, Refusal):
        return asker
    unit = partial(
        syncing.reset,
        asker.scope,
        asker=asker,
        tower_id=_tower_id(call),
        reason=None if call.body is None else call.body.reason,
        attempt=attempt_of(parts, call, "reset_tower_events"),
    )
    found = await parts.database.write(unit)
    return found if isinstance(found, Refusal) else Answer(200, views.tower(found))


def _tower_id(call: Call) -> str:
    tower_id: str = call.params.tower_id
    return tower_id.lower()


def _packet(one: m.SyncEventPacket) -> EventPacket:
    """Hex in either case is bytes here."""
    return EventPacket(
        one.sync_event_start, one.sync_event_count, bytes.fromhex(one.payload), bytes.fromhex(one.payload_auth)
    )
