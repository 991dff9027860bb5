"""Calling a handler so that whatever it raises is its own failure, and nobody else's end."""

from __future__ import annotations

import asyncio
import inspect
import math
from typing import TYPE_CHECKING, Any

import anyio
import sniffio

from smsgate.receiver._handlers import runs_in_loop

if TYPE_CHECKING:
    from smsgate import webhooks
    from smsgate.receiver._handlers import Handler
    from smsgate.receiver._thread_pool import Threads


async def call(handler: Handler, event: webhooks.Event, threads: Threads) -> BaseException | None:
    """Call a handler, in this loop or in a thread, and return what it raised.

    A handler that calls ``sys.exit()`` or awaits something cancelled has failed like any other: it must neither end
    the server nor pass for an interruption of this very task, which alone is raised.
    """
    try:
        if runs_in_loop(handler):
            result: Any = handler(event)
        else:
            result, error = await threads.run(lambda: _tried(handler, event))
            if error is not None:
                return error
        if inspect.isawaitable(result):
            await result
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        if isinstance(error, anyio.get_cancelled_exc_class()) and _interrupted():
            raise
        return error
    return None


def _tried(handler: Handler, event: webhooks.Event) -> tuple[Any, BaseException | None]:
    try:
        return handler(event), None
    except BaseException as error:  # noqa: BLE001 - a thread must not raise into the loop what would end it
        return None, error


def _interrupted() -> bool:
    """Tell whether the current task is told to end."""
    if sniffio.current_async_library() == "trio":
        return True  # only trio itself raises its cancellation
    if anyio.current_effective_deadline() == -math.inf:
        return True
    cancelling = getattr(asyncio.current_task(), "cancelling", None)
    return cancelling is None or cancelling() > 0  # Python 3.10 cannot tell; the event comes back in either case
