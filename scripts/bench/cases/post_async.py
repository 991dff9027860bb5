"""Case of an asynchronous HTTP library in its ordinary use, posting the bytes of a send."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .measurement import options, serve
from .post import ACCEPTED, BODY, HEADERS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    Post = Callable[[Any, str], Awaitable[int]]


async def with_httpx(client: Any, url: str) -> int:
    """Post once and return the status."""
    response = await client.post(url, content=BODY)
    return int(response.status_code) if response.content else 0


async def with_aiohttp(session: Any, url: str) -> int:
    """Post once and return the status."""
    async with session.post(url, data=BODY) as response:
        return int(response.status) if await response.read() else 0


async def with_pyreqwest(client: Any, url: str) -> int:
    """Post once and return the status."""
    response = await client.post(url).body_bytes(BODY).build().send()
    return int(response.status) if await response.bytes() else 0


def opened(library: str) -> tuple[AbstractAsyncContextManager[Any], Post]:
    """Return a library's client, still to be entered, and how to post with it."""
    if library == "httpx":
        return import_module("httpx").AsyncClient(headers=HEADERS), with_httpx
    if library == "aiohttp":
        return import_module("aiohttp").ClientSession(headers=HEADERS), with_aiohttp
    return import_module("pyreqwest.client").ClientBuilder().default_headers(HEADERS).build(), with_pyreqwest


async def enter(library: str) -> tuple[AbstractAsyncContextManager[Any], Any, Post]:
    """Enter a library's client on the running loop."""
    manager, post = opened(library)
    return manager, await manager.__aenter__(), post


def main() -> None:
    """Serve rounds of posts, all on one event loop."""
    settings = options()
    tasks = int(settings["at_once"])
    url = f"{settings['url']}/messages"
    loop = asyncio.new_event_loop()
    manager, client, post = loop.run_until_complete(enter(settings["library"]))

    async def posts(count: int) -> None:
        for _ in range(count):
            if await post(client, url) != ACCEPTED:
                raise RuntimeError("the server did not accept the message")

    async def work(count: int) -> None:
        await asyncio.gather(*(posts(count // tasks) for _ in range(tasks)))

    serve(lambda count: loop.run_until_complete(work(count)))
    loop.run_until_complete(manager.__aexit__(None, None, None))
    loop.close()


if __name__ == "__main__":
    main()
