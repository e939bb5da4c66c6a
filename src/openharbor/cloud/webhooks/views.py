"""Endpoints and deliveries as their contract shows them."""

from openharbor.cloud.webhooks import messages as m
from openharbor.cloud.webhooks.delivery import Attempt
from openharbor.cloud.webhooks.delivery_store import Delivery
from openharbor.cloud.webhooks.store import Endpoint
from openharbor.kit.http.timestamps import rfc3339


def endpoint_body(endpoint: Endpoint) -> m.WebhookEndpoint:
    return m.WebhookEndpoint(
        endpoint.id,
        endpoint.url,
        endpoint.events,
        endpoint.description,
        endpoint.enabled,
        rfc3339(endpoint.created_at),
        rfc3339(endpoint.updated_at),
    )


def with_secret(endpoint: Endpoint, secret: str) -> m.WebhookEndpointWithSecret:
    return m.WebhookEndpointWithSecret(
        endpoint.id,
        endpoint.url,
        endpoint.events,
        endpoint.description,
        endpoint.enabled,
        rfc3339(endpoint.created_at),
        rfc3339(endpoint.updated_at),
        secret,
    )


def delivery_body(delivery: Delivery) -> m.WebhookDelivery:
    return m.WebhookDelivery(
        delivery.id,
        delivery.endpoint_id,
        delivery.event,
        delivery.source,
        delivery.tower_id,
        delivery.locker_id,
        delivery.status,
        rfc3339(delivery.created_at),
        None if delivery.next_attempt_at is None else rfc3339(delivery.next_attempt_at),
        tuple(_attempt_body(attempt) for attempt in delivery.attempts),
    )


def _attempt_body(attempt: Attempt) -> m.WebhookAttempt:
    return m.WebhookAttempt(rfc3339(attempt.at), attempt.response_status, attempt.error, attempt.duration_ms)
