"""Position in a list that is read page by page and may change between the pages.

An offset counts from one end of a list, so items that arrive or stop matching move all others. A time filter cannot
help: the client's clock may be wrong, and lists do not show when an item was created. So each page begins with the last
item of the page before. If that item has moved down, the page shows known items, and reading continues after the last
of them. If a page shows no known item, earlier items are gone, and reading goes back until it meets a known item or the
beginning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from smsgate.runtime.types import Page

_MOST_KNOWN = 10_000
"""Yielded items whose keys are kept, a hundred bytes each."""
_MOST_UNCHANGED = 10
"""Repetitions of the first page at other offsets after which the server is assumed to ignore offsets."""
_MOST_RETURNS = 10
"""Unsuccessful returns after which the next page is accepted: servers behind one address may differ."""


class HasId(Protocol):
    """An item of a list with an id."""

    @property
    def id(self) -> str:
        """The item's id."""
        ...


T = TypeVar("T", bound=HasId)


class PageWalk(Generic[T]):
    """Chooses the next page to read, and its new items.

    Args:
        page_size: items per page.

    Attributes:
        limit: how many items to ask for.
        offset: where the next page begins; None at the end of the list.
    """

    def __init__(self, page_size: int) -> None:
        self.limit = max(2, page_size)  # one of them is known already
        self.offset: int | None = 0
        self._known: dict[int, None] = {}
        self._trusts_next = True  # the next page need not show a known item
        self._went_back = False
        self._returns = 0
        self._first_page: object = None
        self._unchanged = 0

    def take(self, page: Page[T]) -> list[T]:
        """Return the new items of a page, and move to the next page.

        Args:
            page: the page that was read at ``offset``.
        """
        offset = self.offset or 0
        keys = [_key(item) for item in page]
        last_known = max((index for index, key in enumerate(keys) if key in self._known), default=-1)
        if last_known < 0 and offset > 0 and not self._trusts_next:
            self._go_back(offset, page.total)
            return []
        new: list[T] = []
        for key, item in zip(keys[last_known + 1 :], page[last_known + 1 :], strict=True):
            if key not in self._known:
                self._known[key] = None
                new.append(item)
        while len(self._known) > _MOST_KNOWN:
            del self._known[next(iter(self._known))]
        self._go_on(offset, page, keys, found_new=bool(new))
        return new

    def _go_back(self, offset: int, total: int | None) -> None:
        before = offset - (self.limit - 1)
        if total is not None:
            before = min(before, total - self.limit)
        self.offset = max(0, before)
        self._went_back = True

    def _go_on(self, offset: int, page: Page[T], keys: list[int], *, found_new: bool) -> None:
        count = len(page) + len(page.invalid)
        content = (keys, [item.raw for item in page.invalid])
        if offset == 0:
            self._first_page, self._unchanged = content, 0
        elif content == self._first_page:
            self._unchanged += 1
        end = offset + count
        more = count >= self.limit if page.total is None else end < page.total
        if not count or not more or self._unchanged >= _MOST_UNCHANGED:
            self.offset = None
            return
        overlaps = len(page) > 1  # the last readable item stands at this index, or behind it
        self.offset = end - len(page.invalid) - 1 if overlaps else end
        self._returns = 0 if found_new else self._returns + self._went_back
        self._trusts_next = not overlaps or self._returns >= _MOST_RETURNS
        self._went_back = False


def _key(item: Any) -> int:
    """Return a short key of an item: a hash of its id and device, which no two items of a list share."""
    return hash((item.id, getattr(item, "device_id", None)))
