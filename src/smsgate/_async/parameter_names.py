"""Parameter names of the official client, as aliases of our own."""

from __future__ import annotations

from functools import wraps
from typing import Any, TypeVar, cast

F = TypeVar("F")


def takes_underscored_id(method: F) -> F:
    """Accept ``_id=``, the official client's name, for ``id``. Type checkers see only ``id``."""
    call = cast("Any", method)

    @wraps(call)
    async def either(self: object, *arguments: Any, **keywords: Any) -> Any:
        if "_id" in keywords:
            if arguments or "id" in keywords:
                raise TypeError(f"{call.__name__} got two values for id")
            keywords["id"] = keywords.pop("_id")
        return await call(self, *arguments, **keywords)

    return cast("F", either)
