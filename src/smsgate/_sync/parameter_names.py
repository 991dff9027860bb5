# Written by scripts/unasync.py from src/smsgate/_async/parameter_names.py; change that file instead.
"""Parameter names of the official client, as aliases of our own."""

from __future__ import annotations

from functools import wraps
from typing import Any, TypeVar, cast

F = TypeVar("F")


def takes_underscored_id(method: F) -> F:
    """Accept ``_id=``, the official client's name, for ``id``. Type checkers see only ``id``."""
    call = cast("Any", method)

    @wraps(call)
    def either(self: object, *arguments: Any, **keywords: Any) -> Any:
        if "_id" in keywords:
            if arguments or "id" in keywords:
                raise TypeError(f"{call.__name__} got two values for id")
            keywords["id"] = keywords.pop("_id")
        return call(self, *arguments, **keywords)

    return cast("F", either)
