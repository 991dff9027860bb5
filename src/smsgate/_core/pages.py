"""Position in a list that is read page by page and may change between the pages.

An offset counts from one end of a list, so items that arrive or stop matching move all others. A time filter cannot
help: the client's clock may be wrong, and lists do not show when an item was created. So each page begins with the last
item of the page before. If that item has moved down, the page shows known items, and reading continues after the last
of them. If a page shows no known item, earlier items are gone, and reading goes back until it meets a known item or the
beginning.

Unreadable items serve as well if they have an id. Where those without one fill a page, longer pages are read; behind 99
of them the next page is accepted as it is, so that changes of the list at that moment may cost items.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar, cast

if TYPE_CHECKING:
    from smsgate.runtime.types import Page

_MOST_KNOWN = 10_000
"""Yielded items whose keys are kept, a hundred bytes each."""
_MOST_UNCHANGED = 13
"""Equal pages in a row, at growing offsets of a list that does not grow, that show that a server ignores offsets."""
_WIDEST = 100
"""Items per request at most where a page of the wanted size shows none by which the next page could be recognised."""
_MOST_RETURNS = 10
"""Unsuccessful returns after which the next page is accepted: servers behind one address may differ."""


class HasId(Protocol):
    """An item of a list with an id."""

    @property
    def id(self) -> str:
        """The item's id."""
        ...


T = TypeVar("T", bound=HasId)
_Entry: TypeAlias = "tuple[int | None, T | None]"
"""Key and item: no key for an unreadable item without id, no item for an unreadable one."""


class PageWalk(Generic[T]):
    """Chooses the next page to read, and its new items.

    Args:
        page_size: items per page.

    Attributes:
        limit: how many items to ask for.
        offset: where the next page begins; None at the end of the list.
    """

    def __init__(self, page_size: int) -> None:
        self._page_size = self.limit = max(2, page_size)  # one of them is known already
        self.offset: int | None = 0
        self._known: dict[int, None] = {}
        self._anchor: int | None = None
        self._trusts_next = True  # the next page need not show a known item
        self._went_back = False
        self._returns = 0
        self._content: object = None
        self._content_offset = 0
        self._total = 0
        self._unchanged = 0

    def take(self, page: Page[T]) -> list[T]:
        """Return the new items of a page, and move to the next page.

        Args:
            page: the page that was read at ``offset``.
        """
        offset = self.offset or 0
        entries = _list_entries(page)
        last_known = self._find_last_known(entries)
        if last_known < 0 and offset > 0 and not self._trusts_next:
            self._go_back(offset, page.total)
            return []
        new: list[T] = []
        for key, item in entries[last_known + 1 :]:
            if key is not None and item is not None and key not in self._known:
                self._known[key] = None
                new.append(item)
        while len(self._known) > _MOST_KNOWN:
            del self._known[next(iter(self._known))]
        self._go_on(offset, page, entries, found_new=bool(new))
        return new

    def _find_last_known(self, entries: list[_Entry[T]]) -> int:
        """Return the index of the last known item, -1 if there is none.

        Of the unreadable ones only that counts with which the page should begin: nobody promises that their ids differ.
        """
        last = max((index for index, (key, item) in enumerate(entries) if item and key in self._known), default=-1)
        unreadable = (index for index, (key, item) in enumerate(entries) if not item and key == self._anchor)
        return last if self._anchor is None else max(last, next(unreadable, -1))

    def _go_back(self, offset: int, total: int | None) -> None:
        before = offset - (self.limit - 1)
        if total is not None:
            before = min(before, total - self.limit)
        self.offset = max(0, before)
        self._went_back = True

    def _go_on(self, offset: int, page: Page[T], entries: list[_Entry[T]], *, found_new: bool) -> None:
        content = ([key for key, _ in entries], [item.raw for item in page.invalid])
        if content != self._content or offset <= self._content_offset:
            self._unchanged = 0
        elif (page.total or 0) <= self._total:  # items that arrive at the head may move all others just as far
            self._unchanged += 1
        self._content, self._content_offset, self._total = content, offset, page.total or 0
        end = offset + len(entries)
        more = len(entries) >= self._page_size if page.total is None else end < page.total
        if not entries or not more or self._unchanged >= _MOST_UNCHANGED:
            self.offset = None
            return
        anchor = max((index for index, (key, _) in enumerate(entries) if key is not None), default=0)
        if anchor > 0:
            self.offset, self.limit = offset + anchor, self._page_size
            self._anchor = entries[anchor][0]
            self._returns = 0 if found_new else self._returns + self._went_back
            self._trusts_next = self._returns >= _MOST_RETURNS
        elif self.limit < _WIDEST:  # with the first one only, reading would not advance
            self.limit = min(2 * self.limit, _WIDEST)
        else:
            self.offset, self._trusts_next = end, True
        self._went_back = False


def _list_entries(page: Page[T]) -> list[_Entry[T]]:
    """Return the keys and items of a page in the order of the response; unreadable items are None."""
    entries: list[_Entry[T]] = [(_key(item.id, getattr(item, "device_id", None)), item) for item in page]
    for unreadable in page.invalid:
        index = len(entries) if unreadable.index is None else unreadable.index
        entries.insert(index, (_raw_key(unreadable.raw), None))
    return entries


def _raw_key(raw: Any) -> int | None:
    """Return the key of an unreadable item, None if it has no id."""
    names: dict[str, Any] = cast("Any", raw) if isinstance(raw, dict) else {}
    id, device_id = names.get("id"), names.get("deviceId")
    return _key(id, device_id if isinstance(device_id, str) else None) if isinstance(id, str) and id else None


def _key(id: str, device_id: str | None) -> int:
    """Return a short key of an item: a hash of its id and device, which no two items of a list share."""
    return hash((id, device_id))
