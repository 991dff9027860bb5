"""Iteration over long lists page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from smsgate._core.pages import HasId, PageWalk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from smsgate.runtime.types import Page

T = TypeVar("T", bound=HasId)


async def iterate(read: Callable[..., Awaitable[Page[T]]], page_size: int) -> AsyncIterator[T]:
    """Yield the items of all pages, each once, even when the list changes between the pages.

    Args:
        read: fetches one page; takes ``limit`` and ``offset``.
        page_size: items per page.
    """
    walk: PageWalk[T] = PageWalk(page_size)
    while walk.offset is not None:
        for item in walk.take(await read(limit=walk.limit, offset=walk.offset)):
            yield item
