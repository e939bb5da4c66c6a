"""The control API of an emulated cabinet, as HTTP with JSON bodies (cli.md `cabinet serve`, lock-boards.md 6.4)."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from openharbor.boards.emulator.emulator import Emulator
from openharbor.boards.emulator.person import Action
from openharbor.boards.emulator.scenario import PowerCall, fault_act, person_act, play, power_act
from openharbor.boards.emulator.shortcuts import Latched, LineFault, LockerFault, NoSuchLocker, Shortcuts
from openharbor.boards.emulator.state import fault_view, state_of
from openharbor.kit.clock import SteppedClock

MOST_BODY = 65_536
MOST_ENTRIES = 1000
YEAR_MS = 366 * 86_400_000
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

Handler = Callable[[Request], Awaitable[object]]


class DoorCall(msgspec.Struct, forbid_unknown_fields=True):
    """Pull a door open or push it shut; `force` opens a latched one."""

    open: bool
    force: bool = False


class LockerFaultCall(msgspec.Struct, forbid_unknown_fields=True):
    fault: LockerFault


class LineFaultCall(msgspec.Struct, forbid_unknown_fields=True):
    fault: LineFault


class PowerSwitch(msgspec.Struct, forbid_unknown_fields=True):
    on: bool


class PersonCall(msgspec.Struct, forbid_unknown_fields=True):
    action: Action


class ClockCall(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    advance_ms: float


class ControlError(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(message)
        self.status, self.error, self.message = status, error, message


def control_app(emulator: Emulator, *, remote: bool = False) -> ASGIApp:
    """The API of one emulator. Unless `remote`, it answers only to names of this machine."""
    api = _Api(emulator)
    routes = [
        *_routes("/lockers", GET=api.lockers),
        *_routes("/lockers/{n:int}/door", POST=api.door),
        *_routes("/lockers/{n:int}/fault", POST=api.locker_fault),
        *_routes("/line/fault", POST=api.line_fault),
        *_routes("/power", POST=api.power),
        *_routes("/pulses", GET=api.pulses),
        *_routes("/v1/state", GET=api.state),
        *_routes("/v1/boards/{b:int}/locks/{n:int}/person", POST=api.person),
        *_routes("/v1/faults", GET=api.faults, POST=api.add_fault, DELETE=api.clear_faults),
        *_routes("/v1/faults/{id:int}", GET=api.fault, DELETE=api.remove_fault),
        *_routes("/v1/power", POST=api.supply),
        *_routes("/v1/clock", POST=api.clock),
        *_routes("/v1/scenario", POST=api.scenario),
        *_routes("/v1/trace", GET=api.trace),
        *_routes("/v1/reset", POST=api.reset),
    ]
    app = Starlette(routes=routes, exception_handlers={ControlError: _refused, HTTPException: _refused})
    return app if remote else _LocalOnly(app)


class _Api:
    """Decode, one call, encode."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._short = Shortcuts(emulator)

    async def lockers(self, _request: Request) -> object:
        return self._short.lockers()

    async def door(self, request: Request) -> object:
        call = await _body(request, DoorCall)
        return self._short.door(request.path_params["n"], open_=call.open, force=call.force)

    async def locker_fault(self, request: Request) -> object:
        call = await _body(request, LockerFaultCall)
        return self._short.fault(request.path_params["n"], call.fault)

    async def line_fault(self, request: Request) -> object:
        return self._short.line_fault((await _body(request, LineFaultCall)).fault)

    async def power(self, request: Request) -> object:
        return self._short.power(on=(await _body(request, PowerSwitch)).on)

    async def pulses(self, _request: Request) -> object:
        return self._emulator.pulses

    async def state(self, _request: Request) -> object:
        return state_of(self._emulator)

    async def person(self, request: Request) -> object:
        board, lock = request.path_params["b"], request.path_params["n"]
        call = await _body(request, PersonCall)
        try:
            act = person_act(self._emulator, board, lock, call.action)
        except ValueError as error:
            raise ControlError(404, "NOT_FOUND", str(error)) from error
        act()
        done = self._emulator.locks[board][lock]
        return {"board": board, "lock": lock, "door": done.door, "released": done.released}

    async def faults(self, _request: Request) -> object:
        return [fault_view(fault) for fault in self._emulator.faults]

    async def add_fault(self, request: Request) -> object:
        return {"id": fault_act(self._emulator, await _body(request, dict[str, Any]))()}

    async def clear_faults(self, _request: Request) -> object:
        self._emulator.faults.clear()
        self._short.forget()
        return None

    async def fault(self, request: Request) -> object:
        wanted = request.path_params["id"]
        for fault in self._emulator.faults:
            if fault.id == wanted:
                return fault_view(fault)
        raise ControlError(404, "NOT_FOUND", f"there is no fault {wanted}")

    async def remove_fault(self, request: Request) -> object:
        wanted = request.path_params["id"]
        if not self._emulator.faults.remove(wanted):
            raise ControlError(404, "NOT_FOUND", f"there is no fault {wanted}")
        return None

    async def supply(self, request: Request) -> object:
        call = await _body(request, PowerCall)
        self._emulator.cabinet.timeline.catch_up()
        power_act(self._emulator, call)()
        return {"supply": call.supply, "on": self._emulator.cabinet.supplies[call.supply].on}

    async def clock(self, request: Request) -> object:
        call = await _body(request, ClockCall)
        clock = self._emulator.clock
        if not isinstance(clock, SteppedClock):
            raise ControlError(409, "CONFLICT", "this cabinet runs on the machine's clock, which nobody advances")
        if not 0 <= call.advance_ms <= YEAR_MS:
            raise ValueError(f"advanceMs must be 0 to {YEAR_MS}, not {call.advance_ms:g}")
        await clock.advance(call.advance_ms / 1000)
        return {"now": clock.now()}

    async def scenario(self, request: Request) -> object:
        return {"steps": play(self._emulator, await _body(request, list[dict[str, Any]]))}

    async def trace(self, request: Request) -> object:
        return self._emulator.trace.since(_number(request, "since", 0), MOST_ENTRIES)

    async def reset(self, _request: Request) -> object:
        self._emulator.reset()
        self._short.forget()
        return None


class _LocalOnly:
    """Refuses requests under any other name than this machine's: a web page elsewhere has no business here."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _host(scope) not in LOOPBACK:
            await _error(403, "FORBIDDEN", "control is for this machine only")(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _host(scope: Scope) -> str:
    host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
    return host if host.endswith("]") else host.rpartition(":")[0] or host


def _routes(path: str, **handlers: Handler) -> list[Route]:
    return [Route(path, _answering(handler), methods=[method]) for method, handler in handlers.items()]


def _answering(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return _json(await handler(request))
        except NoSuchLocker as error:
            return _error(404, "NOT_FOUND", str(error))
        except Latched as error:
            return _error(409, "CONFLICT", str(error))
        except ValueError as error:  # msgspec's errors among them
            return _error(400, "BAD_REQUEST", str(error))

    return answer


async def _body(request: Request, type_: type[Any]) -> Any:
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > MOST_BODY:
            raise ControlError(413, "TOO_LARGE", f"a body may have at most {MOST_BODY} bytes")
    return msgspec.json.decode(data, type=type_)


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise ValueError(f"{name} must be a whole number of 0 or more, not {text[:20]!r}")
    return int(text)


def _json(body: object) -> Response:
    if body is None:
        return Response(status_code=204)
    return Response(msgspec.json.encode(body), media_type="application/json")


def _error(status: int, error: str, message: str) -> Response:
    body = msgspec.json.encode({"error": error, "message": message})
    return Response(body, status, media_type="application/json")


async def _refused(_request: Request, error: Exception) -> Response:
    if isinstance(error, ControlError):
        return _error(error.status, error.error, error.message)
    if isinstance(error, HTTPException):
        name = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}.get(error.status_code, "BAD_REQUEST")
        return _error(error.status_code, name, error.detail)
    raise error
