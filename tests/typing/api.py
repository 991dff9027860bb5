"""Typed calls of the clients for mypy and pyright; never executed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone

from pydantic import TypeAdapter
from typing_extensions import assert_type

from smsgate import (
    APIClient,
    AsyncAPIClient,
    BasicAuth,
    DataMessage,
    Device,
    DeviceSettings,
    HealthResponse,
    IncomingMessage,
    Message,
    MessagePriority,
    MessagesQueryFilter,
    MessageState,
    NotSent,
    Page,
    ProcessState,
    RetryPolicy,
    Scope,
    Sent,
    SettingsMessages,
    SMSGateError,
    TextMessage,
    Timeout,
    TokenRequest,
    TokenResponse,
    Webhook,
    WebhookEvent,
)
from smsgate.domain import Strict, strict
from smsgate.http import Request, Response
from smsgate.runtime.types import Operation
from smsgate_api import operations


def synchronous() -> None:
    """Use the synchronous client."""
    client = APIClient("login", "password", timeout=Timeout(total=5), retry=RetryPolicy(max_retries=1))
    message = Message(
        phone_numbers=["+15550100"],
        text_message=TextMessage(text="Hello"),
        priority=MessagePriority.BYPASS_THRESHOLD,
        valid_until=datetime(2030, 1, 1, tzinfo=timezone.utc),
    )
    assert_type(client.send(message), MessageState)
    assert_type(TextMessage("Hello"), TextMessage)
    assert_type(DataMessage("AQID", port=5), DataMessage)
    assert_type(TokenRequest([Scope.MESSAGES_SEND, "messages:read"], ttl=60), TokenRequest)
    TextMessage("Hello", "en")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    assert_type(TypeAdapter(strict(Message)).validate_json("{}"), Message)
    assert_type(client.send("Hello", to="+15550100", priority=50), MessageState)
    assert_type(client.get_messages(query=MessagesQueryFilter(state=ProcessState.Failed)), Page[MessageState])
    assert_type(client.get_messages(state="Failed")[0].state, ProcessState)
    assert_type(client.get_messages().total, "int | None")
    for state in client.iter_messages():
        assert_type(state, MessageState)
    for result in client.send_many([message]):
        assert_type(result, Sent | NotSent)
        if result.ok is True:
            assert_type(result.state, MessageState)
        else:
            assert_type(result.error, SMSGateError)
        if result.ok:  # pyright narrows attributes by `is`, not by their truth
            assert_type(result.state, MessageState)  # pyright: ignore[reportAssertTypeFailure]
        else:
            assert_type(result.error, SMSGateError)  # pyright: ignore[reportAssertTypeFailure]
        if isinstance(result, Sent):
            assert_type(result.state, MessageState)
        else:
            assert_type(result.error, SMSGateError)
        assert_type(result.unwrap(), MessageState)
    with client.stream_attachment("mms:1", 1) as chunks:
        for chunk in chunks:
            assert_type(chunk, bytes)
    assert_type(client.list_devices(), Page[Device])
    assert_type(client.health_check(), HealthResponse)
    assert_type(client.patch_settings(DeviceSettings(messages=SettingsMessages(limit_value=1))), DeviceSettings)
    assert_type(client.generate_token(TokenRequest(scopes=[Scope.MESSAGES_SEND, "messages:read"])), TokenResponse)
    assert_type(client.create_webhook(Webhook(url="https://a.test", event=WebhookEvent.SMS_RECEIVED)), Webhook)
    assert_type(client.wait("id", until={ProcessState.Sent}), MessageState)
    assert_type(client.wait_many(["id"]), Iterator[MessageState])
    assert_type(client.wait("id", until=lambda state: state.is_hashed), MessageState)
    assert_type(client.execute(operations.get_message("id")), MessageState)
    assert_type(client.execute_raw(operations.get_message("id")), Response)
    assert_type(operations.list_inbox(limit=1), Operation[Page[IncomingMessage]])


def endpoint(message: Strict[Message]) -> Message:
    """Take a message as a web framework hands it over."""
    return message


async def asynchronous() -> None:
    """Use the asynchronous client."""
    async with AsyncAPIClient(auth=BasicAuth("login", "password"), http="httpx") as client:
        assert_type(await client.send("Hello", to=["+15550100"]), MessageState)
        async for state in client.iter_messages(page_size=10):
            assert_type(state, MessageState)
        async for result in client.send_many([]):
            assert_type(result, Sent | NotSent)
        async with client.stream_attachment("mms:1", 1) as chunks:
            async for chunk in chunks:
                assert_type(chunk, bytes)
        assert_type(await client.list_inbox_messages(), Page[IncomingMessage])


class Own:
    """A backend of the user's own, by its shape alone."""

    def send(self, request: Request) -> Response:
        """Answer everything with an empty list."""
        return Response(200, {"X-Request-ID": request.method}, b"[]")
