"""Case of sending from many tasks through one asynchronous client."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from .clients import new_message, open_async_client
from .measurement import options, serve


def main() -> None:
    """Serve rounds of sends, all on one event loop."""
    settings = options()
    tasks = int(settings["at_once"])
    build = new_message(settings["package"])
    loop = asyncio.new_event_loop()
    stack = AsyncExitStack()
    client = loop.run_until_complete(open_async_client(stack, settings))

    async def sends(count: int) -> None:
        for _ in range(count):
            await client.send(build())

    async def work(count: int) -> None:
        await asyncio.gather(*(sends(count // tasks) for _ in range(tasks)))

    serve(lambda count: loop.run_until_complete(work(count)))
    loop.run_until_complete(stack.aclose())
    loop.close()


if __name__ == "__main__":
    main()
