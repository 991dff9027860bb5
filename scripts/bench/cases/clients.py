"""Clients of either package, which are used in the same way."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contextlib import AsyncExitStack, ExitStack

__all__ = ["RECIPIENTS", "new_encryptor", "new_message", "open_async_client", "open_client"]

OFFICIAL = "android_sms_gateway"
CREDENTIALS = ("ABCDEF", "a-password-of-usual-length")
RECIPIENTS = [f"+1555{number:07}" for number in range(100)]
THEIR_BACKENDS = {
    "httpx": "HttpxHttpClient",
    "requests": "RequestsHttpClient",
}
THEIR_ASYNC_BACKENDS = {
    "httpx": "HttpxAsyncHttpClient",
    "aiohttp": "AiohttpAsyncHttpClient",
}


def open_client(stack: ExitStack, options: dict[str, Any]) -> Any:
    """Open a synchronous client for as long as the stack lives; an empty backend name means the default."""
    package, backend = import_module(options["package"]), options["backend"] or None
    if backend and package.__name__ == OFFICIAL:
        adapters = import_module(f"{OFFICIAL}.http")
        backend = stack.enter_context(getattr(adapters, THEIR_BACKENDS[backend])())
    encryptor = new_encryptor(options["package"]) if options.get("encrypted") else None
    client = package.APIClient(*CREDENTIALS, base_url=options["url"], http=backend, encryptor=encryptor)
    return stack.enter_context(client)


async def open_async_client(stack: AsyncExitStack, options: dict[str, Any]) -> Any:
    """Open an asynchronous client for as long as the stack lives; an empty backend name means the default."""
    package, backend = import_module(options["package"]), options["backend"] or None
    if backend and package.__name__ == OFFICIAL:
        adapters = import_module(f"{OFFICIAL}.ahttp")
        backend = await stack.enter_async_context(getattr(adapters, THEIR_ASYNC_BACKENDS[backend])())
    encryptor = new_encryptor(options["package"]) if options.get("encrypted") else None
    client = package.AsyncAPIClient(*CREDENTIALS, base_url=options["url"], http_client=backend, encryptor=encryptor)
    return await stack.enter_async_context(client)


def new_encryptor(package: str) -> Any:
    """Return an encryptor with the iterations that both packages take by default."""
    return import_module(f"{package}.encryption").Encryptor("correct horse battery staple")


def new_message(package: str, **fields: Any) -> Any:
    """Return a function that builds a message; one is built for each send, as programs do."""
    fields.setdefault("phone_numbers", ["+15550100"])
    domain = import_module(f"{package}.domain")
    message, text_message = domain.Message, domain.TextMessage

    def build() -> Any:
        return message(**fields, text_message=text_message(text="Your table is ready"))

    return build
