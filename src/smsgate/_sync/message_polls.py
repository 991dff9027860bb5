# Written by scripts/unasync.py from src/smsgate/_async/message_polls.py; change that file instead.
"""Lookups of many messages in as few requests as possible."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from smsgate._core.pages import PageWalk
from smsgate._core.polling import is_temporary
from smsgate.errors import ForbiddenError, NotFoundError, SMSGateError
from smsgate_api import operations

if TYPE_CHECKING:
    from collections.abc import Generator

    from smsgate._sync.exchange import Exchange
    from smsgate_api.models import MessageState

_PAGE_SIZE = 100


class MessagePolls:
    """Polls the states of many messages: in the list of messages, and by id those that the list does not show.

    Args:
        exchange: makes the requests.
        deadline: end of all requests, on the clock of `io.now`; None for no end.

    Attributes:
        deadline: as given.
        absent: the error for each message that does not exist.
    """

    def __init__(self, exchange: Exchange, deadline: float | None) -> None:
        self.absent: dict[str, NotFoundError] = {}
        self._exchange = exchange
        self.deadline = deadline
        self._unlisted: set[str] = set()

    def states(self, ids: tuple[str, ...]) -> Generator[tuple[str, MessageState]]:
        """Yield each message's id and state.

        Raises:
            SMSGateError: a request failed; after a temporary failure of one lookup the others are made first.
        """
        listed = {id for id in ids if id not in self._unlisted}
        with closing(self._read_list(listed)) as states:
            for state in states:
                yield state.id, state
        failure: SMSGateError | None = None
        for id in ids:
            if id in self._unlisted:
                result = self._look_up(id)
                if not isinstance(result, SMSGateError):
                    yield id, result
                elif id not in self.absent:
                    failure = failure or result
        if failure is not None:
            raise failure

    def _read_list(self, wanted: set[str]) -> Generator[MessageState]:
        """Yield the messages that the newest pages of the list show, and note the others as unlisted."""
        pages_left = len(wanted)  # with more pages, looking up each message would be cheaper
        walk: PageWalk[MessageState] = PageWalk(_PAGE_SIZE)
        while wanted and pages_left and walk.offset is not None:
            operation = operations.list_messages(limit=walk.limit, offset=walk.offset)
            try:
                page = self._exchange.run(operation, deadline=self.deadline)
            except (ForbiddenError, NotFoundError):  # a token without that scope, or a gateway without that list
                break
            pages_left -= 1
            for state in walk.take(page):
                if state.id in wanted:
                    wanted.remove(state.id)
                    yield state
        self._unlisted |= wanted

    def _look_up(self, id: str) -> MessageState | SMSGateError:
        try:
            return self._exchange.run(operations.get_message(id), deadline=self.deadline)
        except SMSGateError as error:
            if isinstance(error, NotFoundError):
                self.absent[id] = error
            elif not is_temporary(error):
                raise
            return error
