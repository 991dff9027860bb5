"""SMSGate for Python: send and receive text messages through your own Android phones.

Every public name is loaded on first use, so that ``import smsgate`` costs next to nothing. Models, errors and events
are those that their modules list in ``__all__``; the few other names are listed here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smsgate import (
        ahttp as ahttp,
        client as client,
        constants as constants,
        domain as domain,
        encryption as encryption,
        enums as enums,
        errors as errors,
        http as http,
        webhooks as webhooks,
    )
    from smsgate._async.client import AsyncAPIClient as AsyncAPIClient
    from smsgate._core.hooks import RequestEvent as RequestEvent, ResponseEvent as ResponseEvent
    from smsgate._core.ids import new_id as new_id
    from smsgate._core.messages import NotSent as NotSent, SendResult as SendResult, Sent as Sent
    from smsgate._sync.client import APIClient as APIClient
    from smsgate.ahttp import AsyncHttpClient as AsyncHttpClient
    from smsgate.auth import BasicAuth as BasicAuth, BearerAuth as BearerAuth, JWTAuth as JWTAuth
    from smsgate.constants import VERSION as __version__  # noqa: F401, N811 - the name that Python tools look for
    from smsgate.domain import *  # noqa: F403 - every model
    from smsgate.encryption import Encryptor as Encryptor
    from smsgate.errors import *  # noqa: F403 - every error
    from smsgate.http import HttpClient as HttpClient, Timeout as Timeout
    from smsgate.retry import RetryEvent as RetryEvent, RetryPolicy as RetryPolicy
    from smsgate.token_store import (
        FileTokenStore as FileTokenStore,
        MemoryTokenStore as MemoryTokenStore,
        TokenStore as TokenStore,
    )
    from smsgate.webhooks import Event as Event, UnknownEvent as UnknownEvent
    from smsgate_api.events import *  # noqa: F403 - every event
else:
    _MODULES = {"ahttp", "client", "constants", "domain", "encryption", "enums", "errors", "http", "webhooks"}
    _LISTS = ("smsgate.errors", "smsgate.domain", "smsgate_api.events")
    _SINGLE = {
        "smsgate._async.client": "AsyncAPIClient",
        "smsgate._core.hooks": "RequestEvent ResponseEvent",
        "smsgate._core.ids": "new_id",
        "smsgate._core.messages": "NotSent SendResult Sent",
        "smsgate._sync.client": "APIClient",
        "smsgate.ahttp": "AsyncHttpClient",
        "smsgate.auth": "BasicAuth BearerAuth JWTAuth",
        "smsgate.encryption": "Encryptor",
        "smsgate.http": "HttpClient Timeout",
        "smsgate.retry": "RetryEvent RetryPolicy",
        "smsgate.token_store": "FileTokenStore MemoryTokenStore TokenStore",
        "smsgate.webhooks": "Event UnknownEvent",
    }
    _HOMES = {name: module for module, names in _SINGLE.items() for name in names.split()}

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return import_module(f"smsgate.{name}")
        if name == "__all__":
            listed = [import_module(module).__all__ for module in _LISTS]
            value: Any = sorted({"__version__", *_MODULES, *_HOMES}.union(*listed))
        elif name == "__version__":
            value = import_module("smsgate.constants").VERSION
        else:
            value = getattr(import_module(_home(name)), name)
        globals()[name] = value
        return value

    def _home(name: str) -> str:
        """Return the module of a public name; lists are searched in the order of their import times."""
        if name in _HOMES:
            return _HOMES[name]
        for module in () if name.startswith("_") else _LISTS:
            if name in import_module(module).__all__:
                return module
        raise AttributeError(f"module 'smsgate' has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__getattr__("__all__")})
