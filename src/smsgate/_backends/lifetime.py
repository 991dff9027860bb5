"""To whom an open connection pool belongs: a process, and for asynchronous pools an event loop too."""

from __future__ import annotations

import asyncio
import os

import sniffio

__all__ = ["current_loop", "current_process"]


def current_process() -> int:
    """Return the process id: connections opened before a fork must not be used after it."""
    return os.getpid()


def current_loop() -> object:
    """Return what identifies the running event loop, asyncio's or trio's."""
    if sniffio.current_async_library() == "trio":
        import trio  # noqa: PLC0415 - only where it is running already

        return trio.lowlevel.current_trio_token()
    return asyncio.get_running_loop()
