"""Requests and answers of reservations, open tokens and assigned lockers, as in service-provider.yaml."""

from typing import Annotated

import msgspec
from msgspec import Meta

from openharbor.cloud.catalog.messages import Body, Id, Locker, TowerId

ReservationSeconds = Annotated[int, Meta(ge=1, le=86_400, description="must be 1 to 86400")]
TokenSeconds = Annotated[int, Meta(ge=1, le=2_592_000, description="must be 1 to 2592000")]


# Parameters -------------------------------------------------------------


class ReservationPath(msgspec.Struct):
    tower_id: TowerId
    locker_id: Id
    reservation_id: Id


class ReservationCreate(msgspec.Struct, frozen=True):
    duration: ReservationSeconds


class LockerTokenCreate(msgspec.Struct, frozen=True):
    """`client_info`: at most 500 bytes of UTF-8, which a type cannot say."""

    client_info: str = ""
    duration: TokenSeconds = 3600


# Answers ----------------------------------------------------------------


class Reservation(Body):
    id: int
    locker_id: int
    tower_id: str
    duration: int
    expires: str
    created_at: str
    locker: Locker


class LockerToken(msgspec.Struct, gc=False):
    """In snake case, as public clients read it. `payload` and `payload_auth` as lower-case hex."""

    id: int
    tower_id: str
    locker: Locker
    payload_auth: str
    payload: str
    expires: str

    def __repr__(self) -> str:
        return f"LockerToken(id={self.id})"


class Assignment(Body):
    since: str
    reservation_expires: str | None
    token_expires: str | None
    client_info: str


class AssignedLocker(Locker):
    assignment: Assignment
