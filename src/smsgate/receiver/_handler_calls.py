"""Calls of handlers, whose exceptions are caught and returned."""

from __future__ import annotations

import asyncio
import inspect
import math
from typing import TYPE_CHECKING, Any

import anyio
import sniffio

from smsgate.receiver._handlers import is_async

if TYPE_CHECKING:
    from smsgate import webhooks
    from smsgate.receiver._handlers import Handler
    from smsgate.receiver._thread_pool import ThreadPool


async def call_handler(handler: Handler, event: webhooks.Event, threads: ThreadPool) -> BaseException | None:
    """Call a handler, in this loop or in a thread, and return its exception.

    A handler that calls ``sys.exit()`` or awaits something cancelled has failed like any other: it must not end the
    server. Only the cancellation of this task itself is raised.
    """
    try:
        if is_async(handler):
            result: Any = handler(event)
        else:
            result, error = await threads.run(lambda: _call_in_thread(handler, event))
            if error is not None:
                return error
        if inspect.isawaitable(result):
            await result
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        if isinstance(error, anyio.get_cancelled_exc_class()) and _is_cancelled():
            raise
        return error
    return None


def _call_in_thread(handler: Handler, event: webhooks.Event) -> tuple[Any, BaseException | None]:
    try:
        return handler(event), None
    except BaseException as error:  # noqa: BLE001 - SystemExit must not reach the event loop
        return None, error


def _is_cancelled() -> bool:
    """Tell whether the current task itself is cancelled."""
    if sniffio.current_async_library() == "trio":
        return True  # only trio itself raises its cancellation
    if anyio.current_effective_deadline() == -math.inf:
        return True
    cancelling = getattr(asyncio.current_task(), "cancelling", None)
    return cancelling is None or cancelling() > 0  # Python 3.10 cannot tell; the event comes back in either case
