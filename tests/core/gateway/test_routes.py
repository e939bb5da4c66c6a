"""The operations of the Local API: all of the contract, and what each answers on a real journal."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from openharbor.boards.outcomes import BoardState
from openharbor.gateway import messages as m
from openharbor.gateway.examples import VIRTUAL
from openharbor.gateway.journal import found_site
from openharbor.gateway.keeper import Keeper
from openharbor.gateway.parts import GatewayParts, Reply
from openharbor.gateway.routes import operations
from openharbor.gateway.site import Live
from openharbor.gateway.site_file import SiteFile, read_site_file
from openharbor.kit.clock import SteppedClock
from openharbor.kit.database.face import StorageState
from openharbor.kit.database.sqlite import SqliteDatabase
from openharbor.kit.errors import Refusal
from openharbor.kit.http.answers import render_answer
from openharbor.kit.http.decoding import body_decoder, headers_decoder, params_decoder, query_decoder
from openharbor.kit.http.operation import Answer, Call, Caller, Operation
from openharbor.kit.idempotency import Keyed
from openharbor.kit.logs import LogRing

CONTRACT = Path(__file__).parents[3] / "contract" / "gateway-local.yaml"
NOW = 1_772_471_051_482
KIOSK = Caller("apiKey", "Lobby kiosk", "10.0.0.9", "4", frozenset({"read"}))


@dataclass
class AskedToOpen:
    """An `Opening` without doors: it answers with what it was asked."""

    asked: list[tuple[object, ...]] = field(default_factory=list)

    async def open_by_transaction(self, transaction_id: str, key: Keyed | None, caller: Caller, now: int) -> Reply:
        return self._note(caller, now, transaction_id, key)

    async def open_by_locker(self, locker_id: int, key: Keyed | None, caller: Caller, now: int) -> Reply:
        return self._note(caller, now, locker_id, key)

    async def open_all(self, selection: m.OpenAllLockersRequest, caller: Caller, now: int) -> Reply:
        return self._note(caller, now, selection)

    def _note(self, caller: Caller, now: int, *what: object) -> Reply:
        assert (caller, now) == (KIOSK, NOW)
        self.asked.append(what)
        return Answer(200, m.OperationResponse(True))


@dataclass
class Gateway:
    """The operations by name, called as the server calls them."""

    parts: GatewayParts
    opening: AskedToOpen
    storage: list[StorageState]

    async def ask(self, name: str, raw: bytes = b"{}", query: bytes = b"", headers: Any = None, **params: str) -> Reply:
        return await self.ask_with(name, params, raw, query, headers)

    async def ask_with(
        self, name: str, params: dict[str, str], raw: bytes = b"{}", query: bytes = b"", headers: Any = None
    ) -> Reply:
        operation = next(one for one in operations(self.parts) if one.operation_id == name)
        call = Call(
            operation.method,
            operation.path,
            KIOSK,
            "r-1",
            NOW,
            params=operation.params and params_decoder(operation.params)(params),
            query=operation.query and query_decoder(operation.query)(query),
            headers=operation.headers and headers_decoder(operation.headers)(headers or {}),
            body=operation.body and body_decoder(operation.body)(raw),
            raw_body=raw if operation.body else b"",
        )
        return await operation.handler(call)

    async def answer(self, name: str, status: int, **more: Any) -> Any:
        reply = await self.ask(name, **more)
        assert isinstance(reply, Answer), reply
        assert reply.status == status
        return json_of(reply)


def json_of(reply: Answer) -> Any:
    _, _, payload = render_answer(reply)
    return msgspec.json.decode(payload) if payload else None


@pytest.fixture
async def gateway(database_file: Path) -> AsyncIterator[Gateway]:
    keeper, clock, opening, storage = Keeper(), SteppedClock(NOW), AskedToOpen(), list[StorageState](["ok"])
    database = SqliteDatabase(database_file, observer=keeper, reserve_bytes=4096)
    made = read_site_file(VIRTUAL.read_text(), gateway_id="gw", host_name="box", now=NOW)
    assert isinstance(made, SiteFile)
    await database.write(partial(found_site, site=made.site, admin_password_hash="x", now=NOW))
    await keeper.open(database)
    await clock.advance(90)
    parts = GatewayParts(
        keeper=keeper,
        clock=clock,
        opening=opening,
        live=lambda: dict.fromkeys(made.site.lockers, Live(True, True, False, NOW)),
        boards=lambda: {1: BoardState(online=True, last_seen_at=NOW), 2: BoardState(online=True, last_seen_at=NOW)},
        storage_state=lambda: storage[0],
        storage=lambda: m.Storage(database.size_bytes(), database.free_bytes()),
        logs=LogRing(1),
        metrics=lambda: b"openharbor_lockers 6\n",
        version="0.1.0",
        started_at=NOW,
        started=0.0,
    )
    yield Gateway(parts, opening, storage)
    await database.close()


async def test_every_operation_of_the_contract_is_served_and_no_other(gateway: Gateway) -> None:
    paths = yaml.load(CONTRACT.read_text(), Loader=yaml.CSafeLoader)["paths"]
    named = {
        (one["operationId"], method.upper(), path, one.get("x-required-scope"))
        for path, item in paths.items()
        for method, one in item.items()
        if method in ("get", "post", "put", "patch", "delete")
    }
    served = {(one.operation_id, one.method, one.path, one.scope) for one in operations(gateway.parts)}
    assert served == named


async def test_every_change_is_one_that_a_stopping_gateway_refuses(gateway: Gateway) -> None:
    def changes(one: Operation) -> bool:
        return one.method != "GET"

    assert all(one.changes_state == changes(one) for one in operations(gateway.parts))


async def test_a_transaction_is_created_shown_and_released(gateway: Gateway) -> None:
    made = await gateway.ask("createTransaction", raw=b'{"transactionId": "parcel:1", "lockerType": "medium"}')
    assert isinstance(made, Answer)
    assert (made.status, made.headers) == (201, {"Location": "/transactions/parcel:1"})
    body = json_of(made)
    assert (body["lockerId"], body["createdAt"]) == (2, "2026-03-02T17:04:11.482Z")
    assert await gateway.answer("getTransaction", 200, transactionId="parcel:1") == body
    assert await gateway.answer("listTransactions", 200) == [body]
    assert await gateway.answer("createTransaction", 409, raw=b'{"transactionId": "parcel:1"}') == body
    assert (await gateway.answer("getLocker", 200, lockerId="2"))["transactionId"] == "parcel:1"
    assert await gateway.answer("releaseTransaction", 204, transactionId="parcel:1") is None
    assert await gateway.answer("listTransactions", 200) == []


async def test_a_repeat_with_a_key_is_marked_as_replayed(gateway: Gateway) -> None:
    key, spaced = {"idempotency-key": "k-1"}, b'{ "transactionId":"p" }'
    first = await gateway.ask("createTransaction", raw=b'{"transactionId": "p"}', headers=key)
    again = await gateway.ask("createTransaction", raw=spaced, headers=key)
    other = await gateway.ask("createTransaction", raw=b'{"transactionId": "q"}', headers=key)
    assert isinstance(first, Answer)
    assert isinstance(again, Answer)
    assert json_of(first) == json_of(again)
    assert again.status == 201
    assert again.headers == {"Location": "/transactions/p", "Idempotency-Replayed": "true"}
    assert isinstance(other, Refusal)
    assert other.status == 409


@pytest.mark.parametrize(
    ("name", "params", "code"),
    [
        ("getTransaction", {"transactionId": "p"}, "TRANSACTION_NOT_FOUND"),
        ("releaseTransaction", {"transactionId": "p"}, "TRANSACTION_NOT_FOUND"),
        ("getLocker", {"lockerId": "2147483647"}, "LOCKER_NOT_FOUND"),
        ("getLockerType", {"slug": "extra-wide"}, "LOCKER_TYPE_NOT_FOUND"),
        ("getBankType", {"bankTypeId": "9"}, "BANK_TYPE_NOT_FOUND"),
    ],
)
async def test_what_is_well_formed_and_unknown_gives_404(
    gateway: Gateway, name: str, params: dict[str, str], code: str
) -> None:
    refused = await gateway.ask_with(name, params)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.status) == (code, 404)
    assert list(refused.details.values()) == list(params.values())


async def test_an_unknown_locker_cannot_be_changed_however_large_its_number(gateway: Gateway) -> None:
    refused = await gateway.ask("updateLocker", raw=b'{"brokenLock": true}', lockerId="2147483647")
    assert isinstance(refused, Refusal)
    assert refused.code == "LOCKER_NOT_FOUND"


async def test_a_change_of_service_state_shows_at_once(gateway: Gateway) -> None:
    out = b'{"outOfService": true, "reasonCode": "CLEANING"}'
    assert await gateway.answer("updateLocker", 200, raw=out, lockerId="3") == {"success": True}
    shown = await gateway.answer("listLockers", 200, query=b"outOfService=true")
    assert [(one["lockerId"], one["reasonCode"]) for one in shown] == [(3, "CLEANING"), (4, "ALWAYS_OOS")]
    assert (await gateway.answer("getLockerType", 200, slug="large"))["availableCount"] == 0


async def test_settings_are_changed_together_and_answered_with_the_system(gateway: Gateway) -> None:
    shown = await gateway.answer("updateSystem", 200, raw=b'{"timezone": "Asia/Tokyo", "pulseMs": 700}')
    assert (shown["timezone"], shown["settings"]["pulseMs"]) == ("Asia/Tokyo", 700)
    asked = await gateway.answer("getSystem", 200)
    assert {**shown, "storage": None} == {**asked, "storage": None}  # the disk is not ours alone
    assert shown["startedAt"] == "2026-03-02T17:04:11.482Z"
    assert shown["uptimeSeconds"] == 90
    assert shown["cloudLink"] == {"configured": False, "connected": False, "lastConnectedAt": None}
    assert (await gateway.answer("getLockerConfig", 200))["pulseMs"] == 700


async def test_a_heartbeat_is_stored(gateway: Gateway) -> None:
    raw = b'{"deviceId": "kiosk-1", "deviceType": "kiosk", "status": "ok"}'
    stored = await gateway.answer("receiveHeartbeat", 200, raw=raw)
    assert stored == {"success": True, "message": "Heartbeat stored"}
    assert gateway.parts.keeper.site.devices["kiosk-1"].ip_address == "10.0.0.9"


async def test_opens_are_asked_of_the_opening_with_their_key(gateway: Gateway) -> None:
    key = {"idempotency-key": "k-1"}
    await gateway.answer("openLockerByTransactionId", 200, transactionId="p", headers=key)
    await gateway.answer("openLockerById", 200, lockerId="2")
    await gateway.answer("openAllLockers", 200, raw=b'{"bankId": 1}')
    (by_id, keyed), by_locker, (selection,) = gateway.opening.asked
    assert by_id == "p"
    assert isinstance(keyed, Keyed)
    assert (keyed.space, keyed.key) == ("key 4", "k-1")
    assert by_locker == (2, None)
    assert isinstance(selection, m.OpenAllLockersRequest)
    assert selection.bank_id == 1


async def test_a_key_of_one_open_does_not_fit_another(gateway: Gateway) -> None:
    key = {"idempotency-key": "k-1"}
    for locker_id in ("1", "2", "1"):
        await gateway.ask("openLockerById", lockerId=locker_id, headers=key)
    first, second, again = (key.fingerprint for _, key in gateway.opening.asked if isinstance(key, Keyed))
    assert first == again != second


async def test_health_is_503_while_the_database_cannot_be_written(gateway: Gateway) -> None:
    well = await gateway.answer("getHealth", 200)
    assert (well["status"], well["controllers"]) == ("ok", {"total": 2, "online": 2})
    gateway.storage[0] = "failing"
    failing = await gateway.answer("getHealth", 503)
    assert (failing["status"], failing["database"]) == ("degraded", "failing")


async def test_logs_are_told_by_level_time_and_number(gateway: Gateway) -> None:
    for number, level in enumerate(("info", "error", "info")):
        gateway.parts.logs.add(NOW + number, level, "openharbor.opening", f"entry {number}", {})
    told = await gateway.answer("getSystemLogs", 200, query=b"level=error")
    assert [one["message"] for one in told] == ["entry 1"]
    told = await gateway.answer("getSystemLogs", 200, query=b"since=2026-03-02T17:04:11.483Z&limit=1")
    assert [one["message"] for one in told] == ["entry 1"]


async def test_browsers_are_sent_to_the_admin_page_which_links_to_the_docs(gateway: Gateway) -> None:
    sent = await gateway.ask("redirectToAdmin")
    page = await gateway.ask("getAdminInterface")
    assert isinstance(sent, Answer)
    assert isinstance(page, Answer)
    assert (sent.status, sent.headers) == (307, {"Location": "/admin"})
    assert page.media_type.startswith("text/html")
    assert isinstance(page.body, bytes)
    assert b'href="/docs"' in page.body


async def test_metrics_are_prometheus_text(gateway: Gateway) -> None:
    told = await gateway.ask("getMetrics")
    assert isinstance(told, Answer)
    assert told.media_type == "text/plain; version=0.0.4"
