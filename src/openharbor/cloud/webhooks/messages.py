"""Requests and answers of /webhook-endpoints, as in service-provider.yaml. Times are ready-made text."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from openharbor.cloud.catalog.messages import Body, Id, Skip

EventName = Literal["LOCKER_ASSIGNED", "LOCKER_OPERATION", "LOCKER_RELEASED", "LOCKER_ALARM", "TOWER_SYNCED"]
Url = Annotated[str, Meta(max_length=2048, description="must be at most 2048 characters")]
Events = Annotated[tuple[EventName, ...], Meta(max_length=5, description="must be a list of at most 5 events")]
Description = Annotated[str, Meta(max_length=200, description="must be at most 200 characters")]
DeliveryId = Annotated[
    str, Meta(pattern=r"^msg_[0-9A-HJKMNP-TV-Z]{26}\Z", description="must be msg_ and a ULID, 26 characters")
]
DeliveryStatus = Literal["pending", "delivered", "dead"]
Limit = Annotated[int, Meta(ge=1, le=100, description="must be 1 to 100")]


# Parameters -------------------------------------------------------------


class EndpointPath(msgspec.Struct):
    endpoint_id: Id


class DeliveryPath(msgspec.Struct):
    endpoint_id: Id
    delivery_id: DeliveryId


class DeliveryPage(msgspec.Struct):
    status: DeliveryStatus | UnsetType = UNSET
    skip: Skip = 0
    limit: Limit = 50


# Requests ---------------------------------------------------------------


class WebhookEndpointCreate(msgspec.Struct):
    url: Url
    events: Events = ()
    description: Description = ""
    enabled: bool = True


class WebhookEndpointUpdate(msgspec.Struct, rename="camel"):
    """What is left out stays as it is."""

    url: Url | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    rotate_secret: bool = False


class WebhookTestRequest(msgspec.Struct):
    event: EventName = "LOCKER_OPERATION"


# Answers ----------------------------------------------------------------


class WebhookEndpoint(Body):
    id: int
    url: str
    events: tuple[str, ...]
    description: str
    enabled: bool
    created_at: str
    updated_at: str


class WebhookEndpointWithSecret(WebhookEndpoint):
    """The only answer that shows the secret."""

    secret: str

    def __repr__(self) -> str:
        return f"{type(self).__name__}(id={self.id})"


class WebhookAttempt(Body):
    at: str
    response_status: int | None
    error: str | None
    duration_ms: int


class WebhookDelivery(Body):
    id: str
    endpoint_id: int
    event: str
    source: str
    tower_id: str
    locker_id: int | None
    status: str
    created_at: str
    next_attempt_at: str | None
    attempts: tuple[WebhookAttempt, ...]
