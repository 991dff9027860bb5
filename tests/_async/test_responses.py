"""Invalid and unexpected responses."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from email.utils import format_datetime

import pytest

from smsgate import (
    APIError,
    AsyncAPIClient,
    BadGatewayError,
    ConfigurationError,
    ConnectError,
    DeviceSettings,
    InboxRefreshRequest,
    InternalServerError,
    MessagesExportRequest,
    NotFoundError,
    ProcessState,
    RateLimitError,
    RequestTimeoutError,
    ResponseError,
    RetryPolicy,
    SendOutcomeUnknownError,
    ServerError,
    ServiceUnavailableError,
    TokenRequest,
    TransportError,
    Webhook,
)
from smsgate.http import Response
from smsgate_api import operations

STATE = {
    "id": "m1",
    "deviceId": "d1",
    "state": "Pending",
    "isHashed": False,
    "isEncrypted": False,
    "recipients": [{"phoneNumber": "+79990001234", "state": "Pending"}],
    "states": {},
}
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
FAST = RetryPolicy(base_delay=0.0, max_delay=0.0)


def encoded(**changes):
    return json.dumps({**STATE, **changes}).encode()


@pytest.mark.anyio
@pytest.mark.parametrize("body", [b"<html>Welcome</html>", b"{", b"", b"[]", b"null", b'{"id": "m1"}', b"\xff\xfe"])
async def test_success_that_cannot_be_read_keeps_its_body_and_shows_none_of_it(answered, body):
    client, _ = answered((200, body))

    with pytest.raises(ResponseError) as caught:
        await client.get_state("m1")

    assert caught.value.body == body
    assert "Welcome" not in str(caught.value) + repr(caught.value)


@pytest.mark.anyio
async def test_missing_field_is_named(answered):
    broken = {name: value for name, value in STATE.items() if name != "recipients"}
    client, _ = answered((200, json.dumps(broken).encode()))

    with pytest.raises(ResponseError, match="recipients"):
        await client.get_state("m1")


@pytest.mark.anyio
async def test_unreadable_answer_to_a_send_carries_the_message_id(answered):
    client, backend = answered((202, b"<html>"))

    with pytest.raises(ResponseError) as caught:
        await client.send("Hello", to="+79990001234")

    assert f'"id":"{caught.value.message_id}"'.encode() in backend.requests[0].content


@pytest.mark.anyio
async def test_unknown_values_and_nulls_are_no_error(answered):
    client, _ = answered((200, encoded(state="Teleported", states=None, newField={"a": 1}, recipients=None)))

    state = await client.get_state("m1")

    assert state.state == "Teleported"
    assert isinstance(state.state, ProcessState)
    assert (state.recipients, state.states) == ([], {})
    assert state.asdict()["newField"] == {"a": 1}


@pytest.mark.anyio
async def test_unreadable_item_of_a_list_leaves_the_others(answered):
    client, _ = answered((200, json.dumps([STATE, {"id": 5}, STATE]).encode()))

    page = await client.get_messages()

    assert [state.id for state in page] == ["m1", "m1"]
    assert [item.raw for item in page.invalid] == [{"id": 5}]


@pytest.mark.anyio
async def test_json_under_another_content_type_is_read(answered):
    client, _ = answered(Response(200, {"Content-Type": "text/plain"}, encoded()))

    assert (await client.get_state("m1")).id == "m1"


@pytest.mark.anyio
async def test_error_says_what_the_server_said_and_where_it_came_from(answered):
    client, _ = answered(Response(404, {"X-Request-ID": "r-1"}, b'{"message": "message not found"}'))

    with pytest.raises(NotFoundError) as caught:
        await client.get_state("m1")

    error = caught.value
    assert str(error) == "404 message not found"
    assert (error.status_code, error.request_id, error.method, error.path) == (404, "r-1", "GET", "/messages/m1")
    assert error.response == {"message": "message not found"}


@pytest.mark.anyio
@pytest.mark.parametrize("body", [b"<html>secret page</html>", b"", b'{"message": 5}', b"[" * 100_000, b'"text"'])
async def test_error_without_a_message_says_what_its_status_means(answered, body):
    client, _ = answered((502, body))

    with pytest.raises(BadGatewayError, match="Bad Gateway") as caught:
        await client.get_state("m1")

    assert caught.value.body == body
    assert "secret" not in str(caught.value)


@pytest.mark.anyio
@pytest.mark.parametrize(("status", "kind"), [(418, APIError), (507, ServerError), (599, ServerError), (199, APIError)])
async def test_statuses_without_a_class_of_their_own_have_a_general_one(answered, status, kind):
    client, _ = answered((status, b""))

    with pytest.raises(kind) as caught:
        await client.get_state("m1")

    assert type(caught.value) is kind
    assert caught.value.status_code == status


@pytest.mark.anyio
async def test_redirect_is_an_error_that_says_where_to_point(answered):
    client, backend = answered(Response(301, {"Location": "https://new.example/3rdparty/v1?key=1"}, b""))

    with pytest.raises(APIError, match=r"base_url should point .*https://new.example/3rdparty/v1\)"):
        await client.get_state("m1")

    assert len(backend.requests) == 1


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("base_url", "hint"),
    [
        ("https://gateway.test/mobile/v1", "the phones' API"),
        ("http://phone.test:8080", "a phone"),
        ("https://gateway.test/3rdparty/v1", "/api/3rdparty/v1"),
    ],
)
async def test_unknown_route_comes_with_a_hint_about_the_base_url(answered, base_url, hint):
    client, _ = answered((404, b"Not Found"), base_url=base_url)

    with pytest.raises(NotFoundError, match=hint):
        await client.get_state("m1")


@pytest.mark.anyio
async def test_page_in_the_place_of_an_answer_comes_with_a_hint_about_the_base_url(answered):
    client, _ = answered((200, b"  <!DOCTYPE html><title>Welcome</title>"))

    with pytest.raises(ResponseError, match=r"page.*base_url"):
        await client.get_state("m1")


@pytest.mark.anyio
async def test_failure_during_an_outage_keeps_the_request_id(answered):
    client, _ = answered(Response(401, {"X-Request-ID": "abc"}, b'{"message":"Unauthorized"}'), (503, b"{}"))

    with pytest.raises(ServiceUnavailableError) as caught:
        await client.get_state("m1")

    assert (caught.value.request_id, caught.value.method, caught.value.path) == ("abc", "GET", "/messages/m1")


@pytest.mark.anyio
async def test_retry_after_is_read_as_seconds_and_as_a_date(answered):
    soon = format_datetime(datetime(2100, 1, 1, tzinfo=timezone.utc), usegmt=True)
    for value, least in (("7", 7.0), (soon, 1_000_000.0), ("soon", None)):
        client, _ = answered(Response(429, {"Retry-After": value}, b""))

        with pytest.raises(RateLimitError) as caught:
            await client.get_state("m1")

        assert (caught.value.retry_after is None) if least is None else caught.value.retry_after >= least


@pytest.mark.anyio
async def test_health_page_that_is_no_health_document_is_an_error(answered):
    client, _ = answered((503, b"<html>maintenance</html>"), retry=FAST)

    with pytest.raises(ServiceUnavailableError):
        await client.health_check()


@pytest.mark.anyio
async def test_answer_without_content_means_nothing_when_nothing_is_expected(answered):
    client, _ = answered((200, b"<html>whatever</html>"))

    assert await client.remove_device("d1") is None


@pytest.mark.anyio
async def test_read_is_repeated_after_failures_that_pass(answered):
    client, backend = answered(
        RequestTimeoutError("slow"), (503, b""), Response(429, {"Retry-After": "0"}, b""), (200, encoded()), retry=FAST
    )

    assert (await client.get_state("m1")).id == "m1"
    assert len(backend.requests) == 4


@pytest.mark.anyio
@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.get_state("m1"),
        lambda client: client.get_messages(),
        lambda client: client.list_inbox_messages(),
        lambda client: client.list_devices(),
        lambda client: client.remove_device("d1"),
        lambda client: client.get_webhooks(),
        lambda client: client.delete_webhook("w1"),
        lambda client: client.create_webhook(Webhook(url="https://a.test/", event="sms:received")),
        lambda client: client.get_settings(),
        lambda client: client.update_settings(DeviceSettings()),
        lambda client: client.patch_settings(DeviceSettings()),
        lambda client: client.get_logs(),
        lambda client: client.download_attachment("mms:1", 7),
    ],
)
async def test_reads_deletes_and_settings_are_repeated_after_a_500(answered, call):
    client, backend = answered((500, b'{"message": "the database is away"}'), retry=FAST)

    with pytest.raises(InternalServerError):
        await call(client)

    assert len(backend.requests) == 4


@pytest.mark.anyio
@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.generate_token(TokenRequest(scopes=["messages:send"])),
        lambda client: client.refresh_token("x"),
        lambda client: client.revoke_token("x"),
        lambda client: client.refresh_inbox(InboxRefreshRequest(since=NOW, until=NOW)),
        lambda client: client.export_inbox(MessagesExportRequest(device_id="d1", since=NOW, until=NOW)),
    ],
)
async def test_what_does_harm_twice_is_not_repeated_after_a_500(answered, call):
    client, backend = answered((500, b""), retry=FAST)

    with pytest.raises(InternalServerError):
        await call(client)

    assert len(backend.requests) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("outcome", [(501, b""), (400, b""), (404, b""), Response(503, {"Retry-After": "3600"}, b"")])
async def test_what_another_attempt_cannot_help_is_not_repeated(answered, outcome):
    client, backend = answered(outcome, retry=FAST)

    with pytest.raises(APIError):
        await client.get_state("m1")

    assert len(backend.requests) == 1


@pytest.mark.anyio
async def test_repetitions_end(answered):
    client, backend = answered((503, b""), retry=FAST)

    with pytest.raises(ServiceUnavailableError):
        await client.get_state("m1")

    assert len(backend.requests) == 4


@pytest.mark.anyio
async def test_send_is_repeated_only_when_it_certainly_never_left(answered):
    client, backend = answered(ConnectError("refused"), (202, encoded()), retry=FAST)
    await client.send("Hello", to="+79990001234", id="m1", device_id="d1")
    assert len(backend.requests) == 2
    assert backend.requests[0].content == backend.requests[1].content

    for outcome in (TransportError("reset", sent=None), (503, b"")):
        client, backend = answered(outcome, retry=FAST)
        with pytest.raises(SendOutcomeUnknownError):
            await client.send("Hello", to="+79990001234")
        assert [request.method for request in backend.requests].count("POST") == 1


@pytest.mark.anyio
async def test_tokens_and_refreshes_are_never_repeated(answered):
    client, backend = answered(ConnectError("refused"), retry=FAST)

    with pytest.raises(ConnectError):
        await client.refresh_token("some-token")

    assert len(backend.requests) == 1


@pytest.mark.anyio
async def test_any_operation_can_be_executed_and_seen_raw(answered):
    client, _ = answered((503, b'{"message": "no"}'))

    answer = await client.execute_raw(operations.get_message("m1"))

    assert (answer.status, answer.content) == (503, b'{"message": "no"}')
    with pytest.raises(ServiceUnavailableError):
        await client.execute(operations.get_message("m1"))


@pytest.mark.anyio
async def test_backend_of_the_other_kind_or_of_the_official_client_is_refused(answered):
    class Official:
        def get(self, url, *, headers=None): ...

        def post(self, url, payload, *, headers=None): ...

    client, _ = answered((200, b""))
    for http in (Official(), object(), Official):
        with pytest.raises(ConfigurationError):
            type(client)("login", "password", http=http)


@pytest.mark.anyio
async def test_json_that_is_longer_than_allowed_is_not_read(answered):
    client, _ = answered((200, encoded()), max_json_size=50)

    with pytest.raises(ResponseError, match=r"50 bytes.*max_json_size"):
        await client.get_state("m1")


@pytest.mark.anyio
async def test_attachment_that_is_longer_than_allowed_is_not_held(answered):
    client, _ = answered((200, b"x" * 100), max_attachment_size=50)

    with pytest.raises(ResponseError, match=r"50 bytes.*max_attachment_size"):
        await client.download_attachment("mms:1", 7)

    client, _ = answered((200, b"x" * 100), max_attachment_size=100, max_json_size=50)
    assert await client.download_attachment("mms:1", 7) == b"x" * 100


@pytest.mark.parametrize("size", [0, -1, 1.5, True, None, "5"])
@pytest.mark.parametrize("option", ["max_json_size", "max_attachment_size"])
def test_sizes_that_are_no_sizes_are_refused(answered, option, size):
    with pytest.raises(ConfigurationError, match=option):
        answered((200, b""), **{option: size})


@pytest.mark.anyio
@pytest.mark.parametrize("limit", [16 * 1024 * 1024, 100 * 1024 * 1024])
async def test_backend_is_asked_for_as_much_as_the_client_accepts(limit):
    sizes = []

    class Http:
        async def send(self, request):
            sizes.append(request.max_size)
            return Response(200, {}, b"[]")

        def stream(self, request):
            raise NotImplementedError

        async def aclose(self):
            pass

    async with AsyncAPIClient("login", "password", http=Http(), max_json_size=limit) as client:
        await client.list_devices()

    assert sizes == [max(limit, 64 * 1024 * 1024)]
