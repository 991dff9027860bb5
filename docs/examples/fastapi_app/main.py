"""Two-way text service that replies to received texts, follows its replies, and shows both on a page.

Settings come from the environment: SMSGATE_USERNAME, SMSGATE_PASSWORD (and SMSGATE_BASE_URL) for sending,
SMSGATE_SIGNING_KEY and PUBLIC_URL for receiving, EVENTS_FILE for unhandled events.
"""

from __future__ import annotations

import os
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from smsgate import AsyncAPIClient, ConflictError, webhooks
from smsgate.fastapi import SQLiteStore, WebhookRouter, install_error_handlers, lifespan_client

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

PUBLIC_URL = os.environ["PUBLIC_URL"].rstrip("/")
EVENTS = ["sms:received", "sms:sent", "sms:delivered", "sms:failed"]

client = AsyncAPIClient.from_env()
hooks = WebhookRouter(
    "/sms",
    signing_key=os.environ["SMSGATE_SIGNING_KEY"],
    store=SQLiteStore(os.environ.get("EVENTS_FILE", "events.db")),
)


@dataclass
class Conversation:
    """A received text, and the state of the reply."""

    sender: str
    text: str
    reply: str
    state: str = "Pending"


conversations: dict[str, Conversation] = {}
"""Conversations by the id of the reply. A real service keeps them in its database."""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    """Share the client, and register the webhooks if they are not registered yet."""
    async with lifespan_client(client)(app):
        await client.ensure_webhooks(f"{PUBLIC_URL}/sms", EVENTS, name="two_way", remove_stale=True)
        yield


@hooks.on(webhooks.SmsReceived)
async def reply(event: webhooks.SmsReceived) -> None:
    """Reply to a text.

    The id of the reply is the id of the event: if this runs twice because the process died, the gateway refuses the
    second reply. Short codes and names get no reply, because machines may reply in turn.
    """
    sender, text = event.payload.remote, event.payload.message
    if not sender or not sender.startswith("+"):
        return
    text_of_reply = f"You wrote {len(text.split())} words. Thank you!"
    conversations.setdefault(event.id, Conversation(sender, text, text_of_reply))
    with suppress(ConflictError):  # sent before
        await client.send(text_of_reply, to=sender, id=event.id, device_id=event.device_id)


@hooks.on(webhooks.SmsSent, webhooks.SmsDelivered, webhooks.SmsFailed)
async def follow(event: webhooks.SmsSent | webhooks.SmsDelivered | webhooks.SmsFailed) -> None:
    """Update the state of a reply. Reports arrive in any order, so Sent does not replace a final state."""
    conversation = conversations.get(event.payload.message_id)
    if conversation is None:
        return  # sent by another program, or before the last start
    state = {"sms:sent": "Sent", "sms:delivered": "Delivered", "sms:failed": "Failed"}[event.event]
    if state != "Sent" or conversation.state == "Pending":
        conversation.state = state


app = FastAPI(title="Two-way texts", lifespan=lifespan)
app.include_router(hooks)
install_error_handlers(app)


@app.get("/", response_class=HTMLResponse)
async def status() -> str:
    """Show the conversations. Add authentication before publishing this page."""
    rows = "".join(
        f"<tr><td>{escape(one.sender)}</td><td>{escape(one.text)}</td><td>{escape(one.reply)}</td><td>{one.state}</td></tr>"
        for one in conversations.values()
    )
    return f"<table><tr><th>From</th><th>Text</th><th>Reply</th><th>State</th></tr>{rows}</table>"
