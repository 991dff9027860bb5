"""Endpoints for webhooks, their deliveries, and the request log."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from smsgate.emulator._control import inputs, schemas, views
from smsgate.emulator._control.conversations import start_of
from smsgate.emulator._control.endpoints import Call, ControlError, Endpoint

if TYPE_CHECKING:
    from smsgate.emulator._control.controls import Controls
    from smsgate.phone import Delivery

_NOT_FOUND = (HTTPStatus.NOT_FOUND,)
_REQUEST_ID = re.compile(r"[0-9]{1,18}", re.ASCII)


def list_webhooks(controls: Controls, _call: Call) -> schemas.Page[schemas.WebhookView]:
    """Handle ``GET /webhooks``."""
    with controls.gateway.internals.lock:
        hooks = list(controls.state.webhooks.values())
    items = [
        schemas.WebhookView(id=hook["id"], url=hook["url"], event=hook["event"], device_id=hook.get("deviceId"))
        for hook in hooks
    ]
    return schemas.Page[schemas.WebhookView](items=items, total=len(items))


def list_deliveries(controls: Controls, call: Call) -> schemas.Page[schemas.DeliveryView]:
    """Handle ``GET /deliveries``: newest first."""
    query: inputs.DeliveriesQuery = call.query
    with controls.gateway.internals.lock:
        controls.settle()
        queue = controls.gateway.internals.queue
        found = [item for item in (*queue.finished, *queue.waiting) if _fits(item, query)]
        found.sort(key=lambda item: item.created_at, reverse=True)
        start = start_of(query.offset, len(found))
        items = [views.delivery(item) for item in found[start : start + query.limit]]
    return schemas.Page[schemas.DeliveryView](items=items, total=len(found))


def _fits(item: Delivery, query: inputs.DeliveriesQuery) -> bool:
    return (
        query.state in {None, item.state}
        and query.event in {None, item.event}
        and (query.message_id is None or query.message_id.encode() in item.body)
        and all(_has(item, search.casefold()) for search in query.search)
    )


def _has(item: Delivery, search: str) -> bool:
    bodies = [record.response_body for record in item.log]
    texts = [item.url, item.event, item.id, *(body.decode(errors="replace") for body in (item.body, *bodies))]
    return any(search in text.casefold() for text in texts)


def get_delivery(controls: Controls, call: Call) -> schemas.DeliveryView:
    """Handle ``GET /deliveries/{id}``."""
    with controls.gateway.internals.lock:
        controls.settle()
        return views.delivery(_delivery(controls, call.params["id"]), whole=True)


def _delivery(controls: Controls, delivery_id: str) -> Delivery:
    found = controls.gateway.internals.queue.find(delivery_id)
    if found is None:
        raise ControlError(HTTPStatus.NOT_FOUND, "there is no delivery with this id")
    return found


def redeliver(controls: Controls, call: Call) -> schemas.DeliveryView:
    """Handle ``POST /deliveries/{id}/redeliver``."""
    with controls.gateway.internals.lock:
        item = _delivery(controls, call.params["id"])
        controls.gateway.deliveries.redeliver(item.id)
        return views.delivery(item)


def list_requests(controls: Controls, call: Call) -> schemas.Page[schemas.RequestView]:
    """Handle ``GET /requests``: newest first."""
    query: inputs.RequestsQuery = call.query
    found = [
        entry
        for entry in controls.requests.newest_first()
        if query.method in {None, entry.request.method}
        and query.status in {None, entry.status}
        and all(entry.has(search.casefold()) for search in query.search)
    ]
    start = start_of(query.offset, len(found))
    items = [views.request(entry) for entry in found[start : start + query.limit]]
    return schemas.Page[schemas.RequestView](items=items, total=len(found))


def get_request(controls: Controls, call: Call) -> schemas.RequestView:
    """Handle ``GET /requests/{id}``."""
    number = call.params["id"]
    entry = controls.requests.find(int(number)) if _REQUEST_ID.fullmatch(number) else None
    if entry is None:
        raise ControlError(HTTPStatus.NOT_FOUND, "there is no request with this id in the log")
    return views.request(entry, whole=True)


def clear_requests(controls: Controls, _call: Call) -> None:
    """Handle ``DELETE /requests``."""
    controls.requests.clear()
    with controls.gateway.internals.lock:
        controls.state.changes.announce("state")


ENDPOINTS = [
    Endpoint("GET", "/webhooks", list_webhooks, "Registered webhooks", schemas.Page[schemas.WebhookView]),
    Endpoint(
        "GET",
        "/deliveries",
        list_deliveries,
        "Deliveries to webhooks, newest first",
        schemas.Page[schemas.DeliveryView],
        query=inputs.DeliveriesQuery,
    ),
    Endpoint(
        "GET",
        "/deliveries/{id}",
        get_delivery,
        "One delivery with its request and responses",
        schemas.DeliveryView,
        errors=_NOT_FOUND,
    ),
    Endpoint(
        "POST",
        "/deliveries/{id}/redeliver",
        redeliver,
        "Make another attempt of a delivery now",
        schemas.DeliveryView,
        HTTPStatus.ACCEPTED,
        errors=_NOT_FOUND,
    ),
    Endpoint(
        "GET",
        "/requests",
        list_requests,
        "Requests to the API, newest first",
        schemas.Page[schemas.RequestView],
        query=inputs.RequestsQuery,
    ),
    Endpoint(
        "GET",
        "/requests/{id}",
        get_request,
        "One request with headers and bodies",
        schemas.RequestView,
        errors=_NOT_FOUND,
    ),
    Endpoint("DELETE", "/requests", clear_requests, "Empty the request log", status=HTTPStatus.NO_CONTENT),
]
