"""Typed event handlers for mypy and pyright; never executed."""

from __future__ import annotations

from typing_extensions import assert_type

from smsgate import AsyncAPIClient, webhooks
from smsgate.fastapi import SharedClient, WebhookRouter
from smsgate.receiver import WebhookApp, decide
from smsgate.webhooks import (
    Event,
    SmsCancelled,
    SmsDataReceived,
    SmsDelivered,
    SmsFailed,
    SmsReceived,
    SmsSent,
    SystemPing,
)


def handlers_get_the_classes_they_are_registered_for(hooks: WebhookRouter, app: WebhookApp) -> None:
    @hooks.on(SmsReceived)
    async def one(event: SmsReceived) -> None:
        assert_type(event.payload.message, str)

    @hooks.on(SmsReceived, SmsDataReceived)
    def two(event: SmsReceived | SmsDataReceived) -> str | None:
        return event.payload.remote

    @app.on()
    async def every(event: Event) -> None:
        assert_type(event.device_id, str)

    @app.on(SmsReceived)
    def wider(event: Event) -> None:
        assert_type(event.id, str)

    @hooks.on(SmsSent)  # type: ignore[arg-type]
    async def wrong(event: SmsReceived) -> None:  # pyright: ignore[reportArgumentType]
        assert_type(event.id, str)

    @hooks.on(SmsSent, SmsReceived)  # type: ignore[arg-type]
    async def too_narrow(event: SmsReceived) -> None:  # pyright: ignore[reportArgumentType]
        assert_type(event.id, str)

    @hooks.on(SmsReceived, SmsDataReceived, SmsSent, SmsDelivered, SmsFailed, SmsCancelled, SystemPing)  # type: ignore[arg-type]
    def seven(event: SmsReceived) -> None:  # pyright: ignore[reportArgumentType]
        assert_type(event.id, str)

    assert_type(two(webhooks.SmsReceived.model_validate({})), str | None)


async def keys_come_in_many_forms(key: str) -> None:
    async def look_up(device_id: str) -> str | None:
        return key if device_id else None

    def choose(device_id: str) -> list[str]:
        return [key, device_id]

    for router in (
        WebhookRouter("/a", signing_key=key),
        WebhookRouter("/b", signing_key=[key, "old"]),
        WebhookRouter("/c", signing_key={"phone": key}),
        WebhookRouter("/d", signing_key=look_up),
        WebhookRouter("/e", signing_key=choose),
    ):
        await router.receiver.drain()


async def path_operation(client: SharedClient) -> None:
    assert_type(client, AsyncAPIClient)


def decisions_carry_events(body: bytes) -> None:
    assert_type(decide(body, {}, signing_key="key").event, Event | None)
