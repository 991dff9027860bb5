"""Methods about outgoing messages: state, lists and cancellation."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from smsgate._async.paging import iterate
from smsgate._async.parameter_names import takes_underscored_id
from smsgate._async.sends import SendCalls
from smsgate._async.waits import WaitCalls
from smsgate._core.arguments import argument_errors
from smsgate._core.limits import whole
from smsgate._core.queries import (
    MessagesQueryFilter,
    QueryPagination,
    choose_page,
    merge_query,
    omit_if_false,
    parse_query_time,
)
from smsgate.errors import InvalidRequestError
from smsgate_api import operations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from smsgate.runtime.types import Page
    from smsgate_api.models import MessageState, ProcessState

_HIGHEST_LIMIT = 100


class MessageCalls(SendCalls, WaitCalls):
    """Methods about outgoing messages."""

    @takes_underscored_id
    async def get_state(self, id: str) -> MessageState:
        """Return a message's state.

        Raises:
            InvalidRequestError: for an empty or path-like id.
            NotFoundError: no such message; finished ones are kept for about 30 days.
            SMSGateError: no response came, the gateway failed, or its response cannot be read.
        """
        return await self._cipher.decrypt_one(await self._call(operations.get_message, id))

    async def get_messages(
        self,
        *,
        query: MessagesQueryFilter | None = None,
        pagination: QueryPagination | None = None,
        sort: str | None = None,
        include_content: bool = False,
        from_: datetime | str | None = None,
        to: datetime | str | None = None,
        state: ProcessState | str | None = None,
        device_id: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> Page[MessageState]:
        """List messages, newest first.

        Args:
            query: filter; the keyword arguments of the same names have precedence.
            pagination: part of the list; its keyword arguments have precedence as well.
            sort: "created_at" for oldest first, "-created_at" for newest first.
            include_content: whether the list contains texts and data, as long as the server has them.
            from_: created at or after; aware.
            to: created before; aware.
            state: in this state now.
            device_id: of this device.
            limit: messages at most, 1 to 100; the server's 50 when absent.
            offset: messages to skip.

        Raises:
            InvalidRequestError: for limits out of range or times without zone.
            SMSGateError: no response came, the gateway failed, or its response cannot be read.
        """
        chosen = merge_query(MessagesQueryFilter, query, from_=from_, to=to, state=state, device_id=device_id)
        part = choose_page(pagination, limit, offset, highest=_HIGHEST_LIMIT)
        with argument_errors():
            operation = operations.list_messages(
                from_=parse_query_time(chosen.from_),
                to=parse_query_time(chosen.to),
                state=chosen.state,
                device_id=chosen.device_id,
                limit=part.limit,
                offset=part.offset,
                sort=sort,
                include_content=omit_if_false(include_content),
            )
        page = await self.execute(operation)
        page[:] = await self._cipher.decrypt(page)
        return page

    def iter_messages(
        self,
        *,
        query: MessagesQueryFilter | None = None,
        page_size: int = 100,
        sort: str | None = None,
        include_content: bool = False,
        from_: datetime | str | None = None,
        to: datetime | str | None = None,
        state: ProcessState | str | None = None,
        device_id: str | None = None,
    ) -> AsyncIterator[MessageState]:
        """Iterate over messages page by page, in bounded memory, newest first unless ``sort`` says otherwise.

        Every message that exists at the start and keeps matching is yielded once, even when others arrive, are deleted
        or stop matching, for instance because the loop cancels them. New messages may be yielded or not.

        Args:
            query: as in `get_messages`.
            page_size: messages per request, 1 to 100.
            sort: as in `get_messages`.
            include_content: as in `get_messages`.
            from_: as in `get_messages`.
            to: as in `get_messages`.
            state: as in `get_messages`.
            device_id: as in `get_messages`.

        Raises:
            InvalidRequestError: for a page size out of range or times without zone.
            TransportError: no response came.
            APIError: the gateway refused or failed.
            ResponseError: a response cannot be read.
        """
        whole("page_size", page_size, 1, _HIGHEST_LIMIT, error=InvalidRequestError)
        chosen = merge_query(MessagesQueryFilter, query, from_=from_, to=to, state=state, device_id=device_id)
        read = partial(self.get_messages, query=chosen, sort=sort, include_content=include_content)
        return iterate(read, page_size)

    @takes_underscored_id
    async def cancel_message(self, id: str) -> MessageState:
        """Cancel a message that no phone has taken yet; the phone may still be faster.

        Raises:
            InvalidRequestError: for an empty or path-like id.
            ConflictError: it is not pending any more (a phone's local server says BadRequestError).
            NotFoundError: no such message.
            SMSGateError: no response came, the gateway failed, or its response cannot be read.
        """
        with argument_errors():
            operation = operations.cancel_message(id)
        return await self._cipher.decrypt_one(await self._sender.cancel(operation, id))
