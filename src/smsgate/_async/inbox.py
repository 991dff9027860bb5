"""Methods about received messages: lists, attachments, and repeated delivery by webhook."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from typing_extensions import deprecated

from smsgate._async.paging import iterate
from smsgate._async.resource import Resource
from smsgate._async.transport import read_chunks
from smsgate._core.arguments import argument_errors
from smsgate._core.limits import whole
from smsgate._core.queries import (
    InboxQueryFilter,
    QueryPagination,
    choose_page,
    merge_query,
    parse_query_time,
)
from smsgate.errors import InvalidRequestError
from smsgate_api import operations

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
    from datetime import datetime

    from smsgate.runtime.types import Page
    from smsgate_api.models import InboxRefreshRequest, IncomingMessage, IncomingMessageType, MessagesExportRequest

_HIGHEST_LIMIT = 500


class InboxCalls(Resource):
    """Methods about received messages; cloud and private servers offer only the refresh and the export."""

    _max_attachment_size: int

    async def list_inbox_messages(
        self,
        *,
        inbox_filter: InboxQueryFilter | None = None,
        pagination: QueryPagination | None = None,
        message_type: IncomingMessageType | str | None = None,
        from_: datetime | str | None = None,
        to: datetime | str | None = None,
        device_id: str | None = None,
        include_attachments: bool | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> Page[IncomingMessage]:
        """List received messages, newest first; only a phone's local server has them.

        Args:
            inbox_filter: filter; the keyword arguments of the same names have precedence.
            pagination: part of the list; its keyword arguments have precedence as well.
            message_type: of this kind only.
            from_: received at or after; aware.
            to: received at or before; aware.
            device_id: must be the phone's own id.
            include_attachments: whether MMS attachments are listed too.
            limit: messages at most, 1 to 500; the server's 50 when absent.
            offset: messages to skip.

        Raises:
            InvalidRequestError: for limits out of range or times without zone.
            NotImplementedByServerError: on cloud and private servers.
            TransportError: no response came.
            APIError: the gateway refused or failed.
            ResponseError: the response cannot be read.
        """
        chosen = merge_query(
            InboxQueryFilter,
            inbox_filter,
            message_type=message_type,
            from_=from_,
            to=to,
            device_id=device_id,
            include_attachments=include_attachments,
        )
        part = choose_page(pagination, limit, offset, highest=_HIGHEST_LIMIT)
        return await self._call(
            operations.list_inbox,
            type_=chosen.message_type,
            limit=part.limit,
            offset=part.offset,
            from_=parse_query_time(chosen.from_),
            to=parse_query_time(chosen.to),
            device_id=chosen.device_id,
            include_attachments=chosen.include_attachments,
        )

    def iter_inbox(
        self,
        *,
        inbox_filter: InboxQueryFilter | None = None,
        page_size: int = 100,
        message_type: IncomingMessageType | str | None = None,
        from_: datetime | str | None = None,
        to: datetime | str | None = None,
        device_id: str | None = None,
        include_attachments: bool | None = None,
    ) -> AsyncIterator[IncomingMessage]:
        """Iterate over received messages page by page, newest first, in bounded memory.

        Every message that exists at the start is yielded once, even when others arrive or are deleted. New messages may
        be yielded or not.

        Args:
            inbox_filter: as in `list_inbox_messages`.
            page_size: messages per request, 1 to 500.
            message_type: as in `list_inbox_messages`.
            from_: as in `list_inbox_messages`.
            to: as in `list_inbox_messages`.
            device_id: as in `list_inbox_messages`.
            include_attachments: as in `list_inbox_messages`.

        Raises:
            InvalidRequestError: for a page size out of range or times without zone.
            NotImplementedByServerError: on cloud and private servers.
            TransportError: no response came.
            APIError: the gateway refused or failed.
            ResponseError: a response cannot be read.
        """
        whole("page_size", page_size, 1, _HIGHEST_LIMIT, error=InvalidRequestError)
        chosen = merge_query(
            InboxQueryFilter,
            inbox_filter,
            message_type=message_type,
            from_=from_,
            to=to,
            device_id=device_id,
            include_attachments=include_attachments,
        )
        read = partial(self.list_inbox_messages, inbox_filter=chosen)
        return iterate(read, page_size)

    async def download_attachment(self, message_id: str, part_id: int) -> bytes:
        """Return the bytes of an MMS attachment; only a phone's local server has them.

        Args:
            message_id: id of the received message.
            part_id: ``part_id`` of the attachment.

        Raises:
            InvalidRequestError: for an empty or path-like id.
            NotFoundError: when it is gone; phones keep files for 30 days.
            TransportError: no response came.
            APIError: the gateway refused or failed.
            ResponseError: it is larger than ``max_attachment_size`` of the client allows.
        """
        async with self.stream_attachment(message_id, part_id) as chunks:
            return await read_chunks(chunks, self._max_attachment_size)

    @asynccontextmanager
    async def stream_attachment(self, message_id: str, part_id: int) -> AsyncGenerator[AsyncIterable[bytes]]:
        """Open an MMS attachment and iterate over its bytes in chunks, for files that should not be held in memory.

        Raises:
            InvalidRequestError: for an empty or path-like id.
            NotFoundError: when it is gone; phones keep files for 30 days.
            TransportError: no response came.
            APIError: the gateway refused or failed.

        Example:
            >>> async with client.stream_attachment("mms:1", 7) as chunks:  # doctest: +SKIP
            ...     async for chunk in chunks:
            ...         file.write(chunk)
        """
        with argument_errors():
            operation = operations.download_attachment(message_id, part_id)
        async with self._exchange.stream(operation) as response:
            yield response.chunks

    async def refresh_inbox(self, request: InboxRefreshRequest) -> None:
        """Ask the phones to deliver received messages of a time span again, by webhook. Never retried.

        Raises:
            InvalidRequestError: for a request that breaks its rules.
            TransportError: no response came.
            APIError: the gateway refused or failed.
        """
        await self._call(operations.refresh_inbox, request)

    @deprecated("the gateway has deprecated this: use refresh_inbox", category=None)
    async def export_inbox(self, request: MessagesExportRequest) -> None:
        """Ask for received messages by webhook; the gateway has deprecated this in favour of `refresh_inbox`.

        Raises:
            InvalidRequestError: for a request that breaks its rules.
            TransportError: no response came.
            APIError: the gateway refused or failed.
        """
        await self._call(operations.export_inbox, request)  # pyright: ignore[reportDeprecated] - so is this method
