"""Case of an asynchronous adapter alone, posting ready requests."""

from __future__ import annotations

import asyncio
from importlib import import_module

from .measurement import options, serve
from .post import ACCEPTED, BODY, HEADERS


def main() -> None:
    """Serve rounds of posts, all on one event loop."""
    settings = options()
    tasks = int(settings["at_once"])
    ahttp = import_module("smsgate.ahttp")
    request = ahttp.Request("POST", f"{settings['url']}/messages", HEADERS, BODY, ahttp.Timeout())
    backend = ahttp.get_client(settings["library"])
    loop = asyncio.new_event_loop()

    async def posts(count: int) -> None:
        for _ in range(count):
            if (await backend.send(request)).status != ACCEPTED:
                raise RuntimeError("the server did not accept the message")

    async def work(count: int) -> None:
        await asyncio.gather(*(posts(count // tasks) for _ in range(tasks)))

    serve(lambda count: loop.run_until_complete(work(count)))
    loop.run_until_complete(backend.aclose())
    loop.close()


if __name__ == "__main__":
    main()
