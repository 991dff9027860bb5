"""A two-way text service: answers what people write, follows its answers, and shows both on a page.

Settings come from the environment: SMSGATE_USERNAME, SMSGATE_PASSWORD (and SMSGATE_BASE_URL) for sending,
SMSGATE_SIGNING_KEY and PUBLIC_URL for receiving, EVENTS_FILE for what is not handled yet.
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
    """A text that came in, and how far the answer to it got."""

    sender: str
    text: str
    answer: str
    state: str = "Pending"


conversations: dict[str, Conversation] = {}
"""By the id of the answer. In memory, for the sake of the example: a real service keeps them in its database."""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    """Share the client, and tell the phones where to report; at every start, which changes nothing when all is well."""
    async with lifespan_client(client)(app):
        await client.ensure_webhooks(f"{PUBLIC_URL}/sms", EVENTS, name="two_way", remove_stale=True)
        yield


@hooks.on(webhooks.SmsReceived)
async def reply(event: webhooks.SmsReceived) -> None:
    """Answer a text.

    The answer's id is made of the event's: should this run twice, because the process died in between, the gateway
    refuses the second answer. Short codes and names are not answered: they are machines, which may answer in turn.
    """
    sender, text = event.payload.remote, event.payload.message
    if not sender or not sender.startswith("+"):
        return
    answer = f"You wrote {len(text.split())} words. Thank you!"
    conversations.setdefault(event.id, Conversation(sender, text, answer))
    with suppress(ConflictError):  # sent before
        await client.send(answer, to=sender, id=event.id, device_id=event.device_id)


@hooks.on(webhooks.SmsSent, webhooks.SmsDelivered, webhooks.SmsFailed)
async def follow(event: webhooks.SmsSent | webhooks.SmsDelivered | webhooks.SmsFailed) -> None:
    """Note how far an answer got. Reports come in any order, so Sent does not replace what is final."""
    conversation = conversations.get(event.payload.message_id)
    if conversation is None:
        return  # not ours, or from before the last start
    state = {"sms:sent": "Sent", "sms:delivered": "Delivered", "sms:failed": "Failed"}[event.event]
    if state != "Sent" or conversation.state == "Pending":
        conversation.state = state


app = FastAPI(title="Two-way texts", lifespan=lifespan)
app.include_router(hooks)
install_error_handlers(app)


@app.get("/", response_class=HTMLResponse)
async def status() -> str:
    """Show the conversations. Put a login in front of it before the world can see it."""
    rows = "".join(
        f"<tr><td>{escape(one.sender)}</td><td>{escape(one.text)}</td><td>{escape(one.answer)}</td><td>{one.state}</td></tr>"
        for one in conversations.values()
    )
    return f"<table><tr><th>From</th><th>Text</th><th>Answer</th><th>State</th></tr>{rows}</table>"
