"""The catalog in one process: a real database, the import, its operations over ASGI."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import msgspec

from openharbor.cloud.accounts.gatekeeper import NOT_AUTHENTICATED
from openharbor.cloud.catalog.import_catalog import import_file
from openharbor.cloud.catalog.import_file import Environment
from openharbor.cloud.catalog.routes import operations
from openharbor.cloud.lockers.locker import Assignment, Hold, Locker, Reservation, Status, Token
from openharbor.cloud.parts import CloudParts
from openharbor.cloud.settings import CloudSettings
from openharbor.kit.clock import SteppedClock
from openharbor.kit.database.face import Database, Row
from openharbor.kit.database.numbers import Numbers
from openharbor.kit.errors import Refusal
from openharbor.kit.http.app import App, make_app
from openharbor.kit.http.error_styles import DETAIL_STYLE
from openharbor.kit.http.operation import Caller, Operation

ACME, LIBRARY = 1, 2
HEAD = """format = "openharbor-catalog/1"
[[organizations]]
key = "acme"
name = "Acme Parcels"
[[organizations]]
key = "library"
name = "Central Library"
[[locker_types]]
id = 3
name = "large"
display_name = "Large"
width_mm = 400
height_mm = 450
depth_mm = 500
[[locker_types]]
id = 1
name = "small"
display_name = "Small"
description = "Letters"
width_mm = 400
height_mm = 120
depth_mm = 500
"""


def location(key: str, *more: str) -> str:
    address = 'address1 = "1 Example Street"\ncity = "Harbortown"\nstate = "NC"\nzip = "28000"\ncountry = "US"\n'
    return "\n".join([f'[[locations]]\nkey = "{key}"\nname = "{key.title()}"\n{address}', *more, ""])


def tower(number: int, *more: str) -> str:
    return "\n".join([f'[[locations.towers]]\nid = "{tower_id(number)}"\nname = "Tower {number}"', *more, ""])


def lockers(numbers: str, kind: str = "small", first_port: int = 0, *more: str) -> str:
    table = f'[[locations.towers.lockers]]\nnumbers = "{numbers}"\ntype = "{kind}"\nfirst_port = {first_port}'
    return "\n".join([table, *more, ""])


def tower_id(number: int) -> str:
    return f"01000000{number:08x}"


PRIVATE = 'access = "private"\norganizations = ["library"]'


class Tenants:
    """Lets in whoever names an organization."""

    def admit(self, _operation: Operation, headers: Mapping[str, str], address: str, _now: int) -> Caller | Refusal:
        tenant = headers.get("x-tenant")
        if tenant is None:
            return NOT_AUTHENTICATED
        return Caller("client", tenant, address, tenant, frozenset({"service_provider"}), int(tenant) or None)

    def refused(self, operation: Operation, refusal: Refusal, caller: Caller | None, address: str) -> None:
        pass


FILES = itertools.count(1)


@dataclass
class Room:
    database: Database
    clock: SteppedClock
    directory: Path

    async def load(self, text: str, environment: Environment = "sandbox") -> dict[str, Any]:
        """Imports a file of this text; each its own, since two may be read at once."""
        file = self.directory / f"catalog-{next(FILES)}.toml"
        file.write_text(text, encoding="utf-8")
        return await import_file(self.database, file, environment=environment, now=self.clock.now())

    async def get(self, path: str, tenant: int = ACME) -> httpx2.Response:
        transport = httpx2.ASGITransport(self.app())
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(f"/api/v1{path}", headers={"x-tenant": str(tenant)})

    async def body(self, path: str, tenant: int = ACME) -> Any:
        answered = await self.get(path, tenant)
        assert answered.status_code == 200, answered.text
        return answered.json()

    def app(self) -> App:
        return make_app(
            operations(self.parts()),
            gatekeeper=Tenants(),
            clock=self.clock,
            error_style=DETAIL_STYLE,
            either_slash=True,
            name="cloud",
        )

    def parts(self) -> CloudParts:
        missing: Any = None  # the catalog uses none of it
        return CloudParts(
            database=self.database,
            clock=self.clock,
            numbers=Numbers(self.database),
            vault=missing,
            access_tokens=missing,
            settings=CloudSettings(),
            public_url="http://localhost",
            link_secret=b"",
            random=bytes,
            wake_webhooks=lambda: None,
        )

    async def rows(self, sql: str, **values: object) -> list[Row]:
        return await self.database.read(lambda tx: tx.all(sql, **values))

    async def execute(self, sql: str, **values: object) -> int:
        return await self.database.write(lambda tx: tx.execute(sql, **values))

    async def locker(self, number: int, tower: int = 1) -> Row:
        found = await self.rows(
            "SELECT * FROM lockers WHERE tower_id = :tower AND number = :number", tower=tower_id(tower), number=number
        )
        return found[0]

    async def provision(self, tower: int = 1) -> None:
        """What matters of it here: the tower has a key, its lockers are in service."""
        await self.execute("UPDATE towers SET rotation = 1 WHERE id = :id", id=tower_id(tower))
        for row in await self.rows("SELECT number FROM lockers WHERE tower_id = :id", id=tower_id(tower)):
            await self.put(row["number"], Status.AVAILABLE, tower)

    async def put(self, number: int, status: Status, tower: int = 1, **state: Any) -> None:
        """A locker in this status, held by the library where it has a holder."""
        row = await self.locker(number, tower)
        held = Assignment(assignment_id=1, organization_id=LIBRARY, since=0, locker_token="00" * 16)
        locker = Locker(
            locker_id=row["id"],
            tower_id=row["tower_id"],
            number=number,
            type_id=row["type_id"],
            status=status,
            assignment=held if status in (2, 3, 4, 5) else None,
            **state,
        )
        await self.execute(
            "UPDATE lockers SET status = :status, holder_id = :holder, due_at = :due, state = :state WHERE id = :id",
            id=row["id"],
            status=int(status),
            holder=locker.holder,
            due=locker.due_at,
            state=msgspec.json.encode(locker).decode(),
        )

    async def reserve(self, number: int, expires_at: int, tower: int = 1) -> None:
        reservation = Reservation(reservation_id=1, duration_s=300, expires_at=expires_at, created_at=0)
        await self.put(number, Status.RESERVED, tower, reservation=reservation)

    async def hold(self, number: int, ends_at: int, *, drawn: bool) -> None:
        """A link hold; `drawn`: a token of it is out."""
        token = Token(token_id=1, organization_id=LIBRARY, kind="dropoff", generation=1, expires_s=1, link_id=1)
        hold = Hold(link_id=1, ends_at=ends_at, drawn=int(drawn))
        await self.put(number, Status.RENTED, hold=hold, generation=1, tokens=(token,) if drawn else ())
