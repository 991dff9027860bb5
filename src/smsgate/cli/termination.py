"""Signals that end a command."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable


@contextmanager
def handle_signals(numbers: Iterable[signal.Signals], handler: Callable[..., None]) -> Generator[None, None, None]:
    """Let a function handle signals; Python lets only the main thread do this, in another one nothing changes."""
    is_main = threading.current_thread() is threading.main_thread()
    before = {one: signal.signal(one, handler) for one in numbers if is_main}
    try:
        yield
    finally:
        for one, former in before.items():
            signal.signal(one, former)


def interrupt(*_signal: object) -> None:
    """Handle a signal like Ctrl-C, so that commands restore the terminal and say what is left to do.

    Raises:
        KeyboardInterrupt: always.
    """
    raise KeyboardInterrupt
