"""Hand-written keywords beside the generated models, for mypy and pyright; never executed.

`send` takes the fields of a `Message` as keywords of its own. A field whose type or name changes in the spec is an
error here: where a keyword takes what the field holds, or where the field takes what the keyword allows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsgate import APIClient, AsyncAPIClient, JWTAuth, Message, TextMessage, TokenRequest, Webhook, WebhookEvent

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from smsgate import MessagePriority, MessageState


def keywords_take_what_fields_hold(client: APIClient, message: Message) -> MessageState:
    """Send the parts of a message as keywords."""
    return client.send(
        message.text_message.text if message.text_message else "",
        to=message.phone_numbers,
        id=message.id,
        device_id=message.device_id,
        sim_number=message.sim_number,
        with_delivery_report=message.with_delivery_report,
        priority=message.priority,
        ttl=message.ttl,
        valid_until=message.valid_until,
        schedule_at=message.schedule_at,
    )


async def asynchronous_keywords_take_what_fields_hold(client: AsyncAPIClient, message: Message) -> MessageState:
    """Send the parts of a message as keywords."""
    return await client.send(
        message.text_message.text if message.text_message else "",
        to=message.phone_numbers,
        id=message.id,
        device_id=message.device_id,
        sim_number=message.sim_number,
        with_delivery_report=message.with_delivery_report,
        priority=message.priority,
        ttl=message.ttl,
        valid_until=message.valid_until,
        schedule_at=message.schedule_at,
    )


def fields_take_what_keywords_allow(
    client: APIClient,
    text: str,
    to: Iterable[str],
    *,
    id: str | None,
    device_id: str | None,
    sim_number: int | None,
    with_delivery_report: bool,
    priority: MessagePriority | int,
    ttl: int | None,
    valid_until: datetime | None,
    schedule_at: datetime | None,
) -> Message:
    """Send keywords, and build the message that they describe."""
    client.send(
        text,
        to,
        id=id,
        device_id=device_id,
        sim_number=sim_number,
        with_delivery_report=with_delivery_report,
        priority=priority,
        ttl=ttl,
        valid_until=valid_until,
        schedule_at=schedule_at,
    )
    return Message(
        text_message=TextMessage(text=text),
        phone_numbers=list(to),
        id=id,
        device_id=device_id,
        sim_number=sim_number,
        with_delivery_report=with_delivery_report,
        priority=priority,
        ttl=ttl,
        valid_until=valid_until,
        schedule_at=schedule_at,
    )


def credentials_take_what_a_token_request_holds(login: str, password: str, request: TokenRequest) -> JWTAuth:
    """Build credentials from the request for their tokens, and the request from what credentials allow."""
    TokenRequest(scopes=["messages:send"], ttl=60)
    return JWTAuth(login, password, request.scopes, ttl=request.ttl)


def ensuring_takes_what_a_webhook_holds(client: APIClient, webhook: Webhook) -> list[Webhook]:
    """Register a webhook by its parts, and build one from what the keywords allow."""
    Webhook(url="https://example.com", event=WebhookEvent.SMS_RECEIVED, device_id="id")
    return client.ensure_webhooks(webhook.url, [webhook.event], device_id=webhook.device_id)
