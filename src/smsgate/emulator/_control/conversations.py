"""Conversations: outgoing and incoming messages by the other side's number."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from smsgate.emulator._state.messages import Message

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from smsgate.emulator._state.state import GatewayState
    from smsgate.phone import IncomingMessage

Item: TypeAlias = "Message | IncomingMessage"


class Conversations:
    """Index of a gateway's messages by number; each use takes up what is new. Not thread-safe, like the state."""

    def __init__(self, state: GatewayState) -> None:
        self._state = state
        self._threads: dict[str, list[Item]] = {}  # in the order of their last messages
        self._seen = 0
        self._generation = state.generation

    def __len__(self) -> int:
        self._refresh()
        return len(self._threads)

    def page(self, search: str, offset: int, limit: int) -> tuple[list[str], int]:
        """Return numbers, those with the latest messages first, and how many there are.

        Args:
            search: a part of the number or of a text, whatever its case.
            offset: how many to skip; negative counts from the end.
            limit: how many at most.
        """
        self._refresh()
        if not search:
            total = len(self._threads)
            start = start_of(offset, total)
            return list(islice(reversed(self._threads), start, start + limit)), total
        found = [number for number in reversed(self._threads) if self._has(number, search.casefold())]
        start = start_of(offset, len(found))
        return found[start : start + limit], len(found)

    def messages(self, number: str) -> list[Item]:
        """Return the messages from and to a number in the order in which they arrived."""
        self._refresh()
        return self._threads.get(number, [])

    def _has(self, number: str, search: str) -> bool:
        return search in number.casefold() or any(has_text(item, search) for item in self._threads[number])

    def _refresh(self) -> None:
        if self._generation != self._state.generation:
            self._generation = self._state.generation
            self._threads, self._seen = {}, 0
        new = self._state.timeline[self._seen :]
        self._seen += len(new)
        for item in new:
            for number in numbers_of(item):
                thread = self._threads.pop(number, [])
                thread.append(item)
                self._threads[number] = thread


def numbers_of(item: Item) -> list[str]:
    """Return the numbers of the other side."""
    return item.numbers if isinstance(item, Message) else [item.sender]


def text_of(item: Item) -> str:
    """Return a message's text, or its data as it was sent; an MMS may have none."""
    if not isinstance(item, Message):
        return item.text
    return item.text if item.text is not None else item.data or ""


def time_of(item: Item) -> datetime:
    """Return when a message was accepted or received."""
    return item.created_at if isinstance(item, Message) else item.received_at


def has_text(item: Item, search: str) -> bool:
    """Return whether a message's text contains a casefolded text."""
    return search in text_of(item).casefold()


def matches(item: Item, search: str) -> bool:
    """Return whether a casefolded text is in a message's text, numbers or id; an empty one always is."""
    return (
        not search
        or has_text(item, search)
        or any(search in number.casefold() for number in numbers_of(item))
        or search in item.id.casefold()
    )


def start_of(offset: int, total: int) -> int:
    """Return where a page starts; a negative offset counts from the end."""
    return offset if offset >= 0 else max(0, total + offset)


def newest_first(timeline: list[Item]) -> Iterator[Item]:
    """Return the messages from the latest to the first."""
    return reversed(timeline)
