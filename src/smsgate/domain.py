"""The models under the names that people use; `smsgate_api.models` is where they are generated.

A new model needs no line here. Models of a device's settings are loaded on first use: most programs need none of them.
"""

# ruff: noqa: PLC0414 - passed on to type checkers

from typing import TYPE_CHECKING, Any

from smsgate._core.queries import (
    InboxQueryFilter as InboxQueryFilter,
    MessagesQueryFilter as MessagesQueryFilter,
    QueryPagination as QueryPagination,
)
from smsgate.runtime.strict import Strict as Strict, strict as strict
from smsgate.runtime.types import Page as Page
from smsgate_api import models

if TYPE_CHECKING:
    from smsgate.webhooks import (
        MmsDownloadedAttachment as MmsDownloadedAttachment,
        MmsDownloadedPayload as MmsDownloadedPayload,
        MmsReceivedPayload as MmsReceivedPayload,
    )
    from smsgate_api.models import *  # noqa: F403 - its ``__all__`` is the list of models
else:
    _PAYLOADS = {"MmsDownloadedAttachment", "MmsDownloadedPayload", "MmsReceivedPayload"}
    _OWN = {"InboxQueryFilter", "MessagesQueryFilter", "Page", "QueryPagination", "Strict", "strict"}
    __all__ = sorted({*models.__all__, *_OWN, *_PAYLOADS})  # noqa: PLE0605 - type checkers skip this branch

    def __getattr__(name: str) -> Any:
        if name in _PAYLOADS:
            from smsgate_api import events  # noqa: PLC0415 - programs that only send need none of them

            return getattr(events, name)
        if name in models.__all__:
            return getattr(models, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
