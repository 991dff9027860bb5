"""Imports in a thread that lives as long as the process.

pyreqwest depends on the thread that imports it first: once that one has ended, making a client crashes the process.
"""

from __future__ import annotations

import sys
from importlib import import_module
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType


def import_in_lasting_thread(name: str) -> ModuleType:
    """Import a module, the first time in a thread that never ends by itself.

    Raises:
        ImportError: as the import does.
    """
    loaded = sys.modules.get(name)
    if loaded is not None and not getattr(loaded.__spec__, "_initializing", False):
        return loaded
    imported, failures = Event(), list[BaseException]()

    def run() -> None:
        try:
            import_module(name)
        except BaseException as error:  # noqa: BLE001 - raised below, in the thread that asked
            failures.append(error)
        imported.set()
        Event().wait()

    Thread(target=run, name="smsgate-imports", daemon=True).start()
    imported.wait()
    if failures:
        raise failures[0]
    return import_module(name)
