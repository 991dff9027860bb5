"""Received messages, against an emulated phone's local server."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from smsgate import (
    InboxQueryFilter,
    InboxRefreshRequest,
    IncomingMessageType,
    InvalidRequestError,
    MessagesExportRequest,
    NotFoundError,
    NotImplementedByServerError,
    QueryPagination,
)
from smsgate.emulator import Attachment, Gateway

PHONE_URL = "http://phone.test:8080"
DAY = datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.fixture
def local():
    return Gateway(mode="local")


@pytest.fixture
def phone(client_of, local):
    return client_of(local, base_url=PHONE_URL)


@pytest.mark.anyio
async def test_received_messages_are_listed_newest_first(phone, local):
    local.receive("+79990001234", "first")
    local.receive("+79990001234", "second")

    page = await phone.list_inbox_messages(inbox_filter=InboxQueryFilter(message_type=IncomingMessageType.SMS))

    assert {message.content_preview for message in page} == {"first", "second"}
    assert page.total == 2


@pytest.mark.anyio
async def test_inbox_is_iterated_page_by_page(phone, local):
    for number in range(5):
        local.receive("+79990001234", f"text {number}")

    texts = [message.content_preview async for message in phone.iter_inbox(page_size=2)]

    assert sorted(texts) == [f"text {number}" for number in range(5)]


@pytest.mark.anyio
async def test_inbox_obeys_its_filters(phone, local):
    local.receive("+79990001234", "text")
    earlier = datetime.now(timezone.utc) - timedelta(hours=1)

    assert await phone.list_inbox_messages(message_type="MMS") == []
    assert len(await phone.list_inbox_messages(from_=earlier)) == 1
    assert await phone.list_inbox_messages(to=earlier) == []
    assert len(await phone.list_inbox_messages(pagination=QueryPagination(limit=1, offset=0))) == 1


@pytest.mark.anyio
async def test_attachment_is_downloaded_whole_and_in_chunks(phone, local):
    picture = bytes(range(256)) * 40
    photo = Attachment(7, "photo.jpg", "image/jpeg", picture)
    local.receive("+79990001234", "look", type="MMS_DOWNLOADED", attachments=[photo])
    message = (await phone.list_inbox_messages(include_attachments=True))[0]
    part = message.attachments[0].part_id

    whole = await phone.download_attachment(message.id, part)
    async with phone.stream_attachment(message.id, part) as chunks:
        streamed = b"".join([chunk async for chunk in chunks])

    assert whole == picture
    assert streamed == picture


@pytest.mark.anyio
async def test_missing_attachment_is_not_found_either_way(phone):
    with pytest.raises(NotFoundError):
        await phone.download_attachment("mms:1", 7)
    with pytest.raises(NotFoundError):
        async with phone.stream_attachment("mms:1", 7):
            pass


@pytest.mark.anyio
async def test_cloud_has_no_inbox_but_takes_refresh_and_export(client):
    span = {"since": DAY, "until": DAY + timedelta(days=1)}

    with pytest.raises(NotImplementedByServerError, match="not implemented yet"):
        await client.list_inbox_messages()
    assert await client.refresh_inbox(InboxRefreshRequest(**span)) is None
    assert await client.export_inbox(MessagesExportRequest(**span)) is None


@pytest.mark.anyio
@pytest.mark.parametrize(
    "arguments",
    [
        *({"limit": 0}, {"limit": 501}, {"offset": -1}, {"from_": "now"}, {"inbox_filter": ""}),
        *({name: ""} for name in ("from_", "to", "device_id", "message_type", "include_attachments")),
    ],
)
async def test_inbox_arguments_that_would_be_refused_are_refused(client, http, arguments):
    with pytest.raises(InvalidRequestError):
        await client.list_inbox_messages(**arguments)

    assert http.requests == []


@pytest.mark.anyio
@pytest.mark.parametrize("arguments", [{"page_size": None}, {"page_size": 501}, {"to": ""}, {"message_type": ""}])
async def test_iteration_over_the_inbox_refuses_what_a_list_would_refuse(client, http, arguments):
    with pytest.raises(InvalidRequestError):
        async for _ in client.iter_inbox(**arguments):
            pass

    assert http.requests == []


@pytest.mark.anyio
async def test_attachments_with_bad_ids_are_refused(client, http):
    for message_id, part_id in (("", 1), ("a/b", 1), ("mms:1", "x"), ("mms:1", True)):
        with pytest.raises(InvalidRequestError):
            await client.download_attachment(message_id, part_id)

    assert http.requests == []
