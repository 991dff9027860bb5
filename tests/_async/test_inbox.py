"""Received messages, against an emulated phone's local server."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from smsgate import (
    AsyncAPIClient,
    InboxQueryFilter,
    InboxRefreshRequest,
    IncomingMessageType,
    InvalidRequestError,
    JWTAuth,
    MessagesExportRequest,
    NotFoundError,
    NotImplementedByServerError,
    QueryPagination,
    RetryPolicy,
    Scope,
    ServiceUnavailableError,
    TransportError,
    UnauthorizedError,
)
from smsgate.emulator import Attachment, Faults, Gateway, ManualClock

PHONE_URL = "http://phone.test:8080"
DAY = datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.fixture
def local():
    return Gateway(mode="local")


@pytest.fixture
def phone(client_of, local):
    return client_of(local, base_url=PHONE_URL)


@pytest.fixture
def phone_with(local):
    """Make a client of a phone that has an attachment: the client, the message, the part's id and its content."""

    def make(faults=None, **options):
        picture = bytes(range(256)) * 40
        photo = Attachment(7, "photo.jpg", "image/jpeg", picture)
        message = local.receive("+79990001234", "look", type="MMS_DOWNLOADED", attachments=[photo])
        local.faults = faults
        who = {} if "auth" in options else {"login": "demo", "password": "demo-password"}
        client = AsyncAPIClient(base_url=PHONE_URL, http=local.async_http(), **who, **options)
        return client, message, 7, picture

    return make


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
@pytest.mark.parametrize("seconds", [-90, 90])
async def test_iteration_over_the_inbox_does_not_trust_the_clock(client_of, seconds):
    local = Gateway(mode="local", clock=ManualClock(datetime.now(timezone.utc) + timedelta(seconds=seconds)))
    for number in range(5):
        local.receive("+79990001234", f"text {number}")
    phone = client_of(local, base_url="http://192.168.1.2:8080")

    assert len([item async for item in phone.iter_inbox(page_size=2)]) == 5


@pytest.mark.anyio
async def test_inbox_obeys_its_filters(phone, local):
    local.receive("+79990001234", "text")
    earlier = datetime.now(timezone.utc) - timedelta(hours=1)

    assert await phone.list_inbox_messages(message_type="MMS") == []
    assert len(await phone.list_inbox_messages(from_=earlier)) == 1
    assert await phone.list_inbox_messages(to=earlier) == []
    assert len(await phone.list_inbox_messages(pagination=QueryPagination(limit=1, offset=0))) == 1


@pytest.mark.anyio
async def test_attachment_is_downloaded_whole_and_in_chunks(phone_with):
    phone, _, _, picture = phone_with()
    message = (await phone.list_inbox_messages(include_attachments=True))[0]
    part = message.attachments[0].part_id

    whole = await phone.download_attachment(message.id, part)
    async with phone.stream_attachment(message.id, part) as chunks:
        streamed = b"".join([chunk async for chunk in chunks])

    assert whole == picture
    assert streamed == picture


@pytest.mark.anyio
async def test_opening_an_attachment_is_an_exchange_like_any_other(phone_with, caplog):
    caplog.set_level(logging.DEBUG, logger="smsgate")
    seen = []
    client, message, part, picture = phone_with(
        Faults.script(["refuse", 503, "reset"]),
        retry=RetryPolicy(base_delay=0, max_delay=0, on_retry=lambda event: seen.append(("retry", event.attempt))),
        on_request=lambda event: seen.append((event.operation, event.attempt)),
        on_response=lambda event: seen.append((event.status, event.request.attempt)),
    )

    async with client.stream_attachment(message.id, part) as chunks:
        streamed = b"".join([chunk async for chunk in chunks])

    assert streamed == picture
    assert seen == [
        ("download_attachment", 1),
        (None, 1),
        ("retry", 1),
        ("download_attachment", 2),
        (503, 2),
        ("retry", 2),
        ("download_attachment", 3),
        (None, 3),
        ("retry", 3),
        ("download_attachment", 4),
        (200, 4),
    ]
    lines = [record.getMessage() for record in caplog.records]
    assert any(line.startswith("GET /inbox/") and ": 200, attempt 4" in line for line in lines)


@pytest.mark.anyio
async def test_opening_an_attachment_fails_like_any_other_exchange(phone_with):
    client, message, part, _ = phone_with(Faults.script([503] * 9), retry=RetryPolicy(base_delay=0, max_delay=0))

    with pytest.raises(ServiceUnavailableError):
        async with client.stream_attachment(message.id, part):
            pass


@pytest.mark.anyio
async def test_attachment_that_breaks_off_is_not_opened_again(phone_with, local):
    client, message, part, _ = phone_with(Faults.script(["truncate"]), retry=RetryPolicy(base_delay=0))

    async with client.stream_attachment(message.id, part) as chunks:
        with pytest.raises(TransportError) as caught:
            b"".join([chunk async for chunk in chunks])

    assert caught.value.sent is True
    assert local.faults.exchanges == 1


@pytest.mark.anyio
async def test_refused_token_is_renewed_before_an_attachment_is_opened(phone_with):
    auth = JWTAuth("demo", "demo-password", [Scope.INBOX_READ])
    client, message, part, picture = phone_with(auth=auth)
    async with client.stream_attachment(message.id, part):
        pass
    pair = client._exchange._refresher._pair
    client._exchange._refresher._pair = replace(pair, access_token="refused")

    async with client.stream_attachment(message.id, part) as chunks:
        assert b"".join([chunk async for chunk in chunks]) == picture


@pytest.mark.anyio
async def test_refusal_of_an_attachment_during_an_outage_is_the_server_s_failure(answered):
    client, backend = answered((401, b'{"message":"Unauthorized"}'), (503, b"{}"))

    with pytest.raises(ServiceUnavailableError) as caught:
        async with client.stream_attachment("mms:1", 7):
            pass

    assert isinstance(caught.value.__cause__, UnauthorizedError)
    assert [request.url.rpartition("/")[2] for request in backend.requests] == ["7", "health"]


@pytest.mark.anyio
async def test_token_that_cannot_be_had_leaves_no_attachment_open(phone_with):
    auth = JWTAuth("demo", "wrong", [Scope.INBOX_READ])
    client, message, part, _ = phone_with(auth=auth)

    with pytest.raises(UnauthorizedError):
        async with client.stream_attachment(message.id, part):
            pass


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
