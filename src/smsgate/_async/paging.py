"""Iterates over long lists page by page."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from smsgate_api.types import Page

__all__ = ["iterate"]


class HasId(Protocol):
    """An item of a list that can be told from others."""

    @property
    def id(self) -> str:
        """The item's id."""
        ...


T = TypeVar("T", bound=HasId)


async def iterate(
    page: Callable[[datetime, int], Awaitable[Page[T]]], until: datetime | None, page_size: int
) -> AsyncIterator[T]:
    """Yield the items of all pages.

    New items shift the offsets of a list that begins with the newest, so the list is pinned to its end, and what the
    last page already held is dropped.

    Args:
        page: fetches one page, given the end of the time span and the offset.
        until: end of the time span; None pins it to now (rounded up to the millisecond that the wire can say).
        page_size: items asked for per page.
    """
    end = until or datetime.now(timezone.utc) + timedelta(milliseconds=1)
    offset = 0
    last: set[str] = set()
    while True:
        items = await page(end, offset)
        for item in items:
            if item.id not in last:
                yield item
        count = len(items) + len(items.invalid)
        offset += count
        ids = {item.id for item in items}
        more = count >= page_size if items.total is None else offset < items.total
        if count == 0 or not more or (ids and ids <= last):  # a server that ignores offsets repeats itself
            return
        last = ids
