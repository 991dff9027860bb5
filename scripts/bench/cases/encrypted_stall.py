"""Case of sending encrypted messages to 100 recipients while a task measures the stalls of the event loop."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any

from .clients import RECIPIENTS, new_message, open_async_client
from .measurement import options, serve

PAUSE = 0.001


async def longest_gap(sending: asyncio.Task[Any]) -> float:
    """Wake up every millisecond until the task is done and return the seconds of the longest gap in between."""
    longest, woken = 0.0, time.perf_counter()
    while not sending.done():
        await asyncio.sleep(PAUSE)
        now = time.perf_counter()
        longest, woken = max(longest, now - woken), now
    await sending
    return longest


def main() -> None:
    """Serve rounds of messages, all on one event loop."""
    settings = options()
    build = new_message(settings["package"], id=settings["package"], phone_numbers=RECIPIENTS)
    loop = asyncio.new_event_loop()
    stack = AsyncExitStack()
    client = loop.run_until_complete(open_async_client(stack, settings))

    async def work(count: int) -> dict[str, float]:
        gaps = [await longest_gap(asyncio.create_task(client.send(build()))) for _ in range(count)]
        return {"stall": max(gaps)}

    serve(lambda count: loop.run_until_complete(work(count)))
    loop.run_until_complete(stack.aclose())
    loop.close()


if __name__ == "__main__":
    main()
