"""FastAPI integration: a router that receives events, one client for the whole application, errors as responses.

::

    client = AsyncAPIClient.from_env()
    app = FastAPI(lifespan=lifespan_client(client))
    hooks = WebhookRouter("/sms", signing_key=key)

    @hooks.on(webhooks.SmsReceived)
    async def reply(event: webhooks.SmsReceived) -> None: ...

    app.include_router(hooks)

Needs ``smsgate[fastapi]``.
"""

from __future__ import annotations

from importlib import import_module

from smsgate._extras import missing

try:
    import_module("fastapi")
except ImportError as error:
    raise ImportError(missing("smsgate.fastapi", "fastapi")) from error

from smsgate.fastapi._client import SharedClient, lifespan_client, shared_client
from smsgate.fastapi._errors import install_error_handlers
from smsgate.fastapi._router import WebhookResponse, WebhookRouter
from smsgate.receiver import EventStore, MemoryStore, SQLiteStore

__all__ = [
    "EventStore",
    "MemoryStore",
    "SQLiteStore",
    "SharedClient",
    "WebhookResponse",
    "WebhookRouter",
    "install_error_handlers",
    "lifespan_client",
    "shared_client",
]
