"""Cloud server without a recording: routing, limits, outages, queue limit and adapters."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import datetime, timedelta, timezone

import pytest

from smsgate.ahttp import AsyncHttpClient
from smsgate.emulator import Gateway, ManualClock, QueueLimit
from smsgate.http import Headers, HttpClient, Request, Response, Timeout


def request_to(path, method="GET", headers=None, content=None):
    return Request(method, f"https://api.example{path}", headers or {}, content, Timeout())


@pytest.mark.parametrize("prefix", ["/3rdparty/v1", "/api/3rdparty/v1"])
def test_location_has_the_prefix_under_which_the_request_came(cloud, prefix):
    cloud.prefix = prefix

    answer = cloud.send(id="one")

    assert answer.headers["Location"] == f"{prefix}/message/one"
    assert answer.headers["Link"] == '</.well-known/api-catalog>; rel="api-catalog"'


def test_control_characters_of_an_id_cannot_break_the_location_header(cloud):
    assert cloud.send(id="a\r\nb").headers["Location"] == "/3rdparty/v1/message/a  b"


def test_paths_match_without_regard_to_case_and_ids_with_regard_to_it(cloud):
    cloud.send(id="MixedCase")

    answer = cloud("GET", "/API/3RDPARTY/v1/Messages/MixedCase/", prefix="")

    assert (answer.status, answer.json["id"]) == (200, "MixedCase")


def test_head_answers_like_get_without_the_body(cloud):
    full, bare = cloud("GET", "/devices"), cloud("HEAD", "/devices")

    assert (bare.status, bare.content) == (200, b"")
    assert bare.headers["Content-Length"] == str(len(full.content))


@pytest.mark.parametrize("path", ["", "/", "/messages//x", "/messages/", "//messages", "/3rdparty/v10/devices"])
def test_unknown_paths_are_a_plain_404_once_authenticated(cloud, path):
    if path == "/messages/":
        assert cloud("GET", path).status == 200
        return

    answer = cloud("GET", path)

    assert (answer.status, answer.content, answer.headers["content-type"]) == (
        404,
        b"Not Found",
        "text/plain; charset=utf-8",
    )
    assert cloud("GET", path, auth=None).status == 401


@pytest.mark.parametrize("path", ["/", "/nowhere", "/api", "/3rdparty/v10/devices", "/api/.well-known/api-catalog"])
def test_paths_outside_the_api_need_no_credentials_to_be_unknown(cloud, path):
    assert cloud("GET", path, auth=None, prefix="").status == 404


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready", "/health/startup"])
def test_health_is_open_at_the_root_and_below_the_prefix(cloud, path):
    assert cloud("GET", path, auth=None).json["status"] == "pass"
    assert cloud("GET", path, auth=None, prefix="").json["status"] == "pass"
    assert cloud("POST", path, auth=None).status == 401


def test_the_catalogue_is_limited_to_sixty_reads_a_minute(cloud):
    answers = [cloud("GET", "/.well-known/api-catalog", auth=None, prefix="") for _ in range(61)]

    assert {answer.status for answer in answers[:60]} == {200}
    assert answers[0].headers["x-ratelimit-remaining"] == "59"
    assert (answers[60].status, answers[60].headers["retry-after"]) == (429, "60")
    cloud.clock.advance(61)
    assert cloud("HEAD", "/.well-known/api-catalog", auth=None, prefix="").status == 200


def test_request_ids_are_echoed_or_made(cloud):
    assert cloud("GET", "/devices", headers={"x-request-id": "mine"}).headers["X-Request-ID"] == "mine"
    assert len(cloud("GET", "/devices").headers["X-Request-ID"]) == 36


def test_large_heads_and_bodies_are_refused_before_anything_else(cloud):
    head = cloud("GET", "/devices?x=1", auth=None, headers={"X-Pad": "a" * 4096})
    body = cloud("POST", "/messages", raw=b"x" * (4 * 1024 * 1024 + 1), auth=None)

    assert (head.status, head.message) == (431, "Request Header Fields Too Large")
    assert (body.status, body.message) == (413, "Request Entity Too Large")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b'{"id": }', "invalid character"),
        (b"{} x", "invalid character"),
        (b'{"ttl": NaN}', "invalid character 'N'"),
        (b'{"ttl": ' + b"9" * 5000 + b"}", ""),
        (b"[" * 100_000, ""),
        (b'"text"', "json: cannot unmarshal string into Go value of type smsgateway.Message"),
        (b'{"textMessage": 1}', "json: cannot unmarshal number into Go struct field Message.textMessage"),
        (
            b'{"textMessage": {"text": true}}',
            "json: cannot unmarshal bool into Go struct field TextMessage.textMessage",
        ),
        (b'{"phoneNumbers": {}}', "json: cannot unmarshal object into Go struct field Message.phoneNumbers"),
        (b'{"ttl": true}', "json: cannot unmarshal bool into Go struct field Message.ttl of type uint64"),
        (b'{"ttl": 5e1}', "json: cannot unmarshal number 5e1 into Go struct field Message.ttl of type uint64"),
        (
            b'{"isEncrypted": 1.5}',
            "json: cannot unmarshal number into Go struct field Message.isEncrypted of type bool",
        ),
        (b'{"scheduleAt": 7}', "Time.UnmarshalJSON: input is not a JSON string"),
        (b'{"scheduleAt": "2026-13-01T00:00:00Z"}', "parsing time"),
        (b'{"scheduleAt": "2026-01-01T00:00:00Zx"}', 'parsing time "2026-01-01T00:00:00Zx": extra text'),
        (b'{"scheduleAt": "0001-01-01T00:00:00+05:00"}', "parsing time"),
    ],
)
def test_unreadable_bodies_are_refused_in_gos_words(cloud, raw, reason):
    answer = cloud("POST", "/messages", raw=raw)

    assert answer.status == 400
    assert answer.message.startswith(f"failed to parse body: {reason}")


def test_bytes_and_escapes_that_are_no_text_become_replacement_characters(cloud):
    body = b'{"phoneNumbers": ["+79990001234", null], "textMessage": {"text": "\xe2\x82 \\ud800 \\ud83d\\ude00"}}'
    refused = cloud("POST", "/messages", raw=body)
    assert refused.message.startswith("failed to validate: Key: 'Message.PhoneNumbers[1]'")

    answer = cloud("POST", "/messages", raw=body.replace(b", null", b""))

    assert answer.json["textMessage"]["text"] == "\ufffd\ufffd \ufffd 😀"


def test_html_and_line_separators_are_escaped_as_go_does(cloud):
    answer = cloud.send(textMessage={"text": "<&>\u2028é"})

    assert b'"<&>' not in answer.content
    assert b'{"text":"\\u003c\\u0026\\u003e\\u2028\xc3\xa9"}' in answer.content


@pytest.mark.parametrize("name", ["true", "T", "1", "on", "TRUE"])
def test_booleans_in_queries_follow_go(cloud, name):
    assert cloud.send("900", query=f"?SkipPhoneValidation={name}").status == 202
    assert cloud.send("900", query="?skipPhoneValidation=f").status == 400
    assert cloud.send("900", query="?skipPhoneValidation=").status == 400


def test_numbers_of_other_countries_need_their_plus(cloud):
    answer = cloud.send("4915123456789")

    assert (answer.status, answer.message) == (400, "invalid phone number")
    assert cloud.send("+4915123456789").json["recipients"][0]["phoneNumber"] == "+4915123456789"
    assert cloud.send("+999123456789").message.startswith("failed to parse phone number: ")


def test_endless_lifetimes_are_accepted(cloud):
    assert cloud.send(ttl=2**63).status == 202
    assert cloud.gateway.messages[0].valid_until.year == 9999


def test_the_list_filters_by_time_and_orders_both_ways(cloud):
    cloud.send(id="old")
    cloud.clock.advance(60)
    cloud.send(id="new")
    middle = (cloud.clock() - timedelta(seconds=30)).isoformat().replace("+00:00", "Z")

    def ids(query):
        answer = cloud("GET", f"/messages?{query}")
        return [item["id"] for item in answer.json], answer.headers["X-Total-Count"]

    assert ids("") == (["new", "old"], "2")
    assert ids("sort=created_at&limit=1") == (["old"], "2")
    assert ids(f"from={middle}") == (["new"], "1")
    assert ids(f"TO={middle}") == (["old"], "1")
    assert ids("state=Delivered") == (["old"], "1")
    assert cloud("GET", "/messages?limit=99999999999999999999").status == 400
    assert cloud("GET", "/messages?from=2026-01-01T00:00:00%2003:00").status == 400


def test_negative_answers_are_cached_and_a_send_overwrites_them(cloud):
    assert cloud("GET", "/messages/later").status == 404
    assert cloud("GET", "/messages/later").status == 404

    cloud.send(id="later")

    assert cloud("GET", "/messages/later").status == 200


def test_settings_keep_nulls_and_hide_secrets(cloud):
    cloud("PATCH", "/settings", {"encryption": {"passphrase": None}, "gateway": {"private_token": None}})
    cloud("PATCH", "/settings", raw=b"null")

    shown = cloud("PATCH", "/settings", {"ping": {"interval_seconds": None}}).json

    assert shown == {"encryption": {}, "gateway": {}, "ping": {"interval_seconds": None}}
    assert cloud("PUT", "/settings", {"messages": {}}).json == {"messages": {}}
    assert cloud("PATCH", "/settings", raw=b"[]").status == 400


def test_a_broken_webhook_url_is_refused(cloud):
    for url in ("http://[", "https://"):
        answer = cloud("POST", "/webhooks", {"url": url, "event": "sms:received"})
        assert "'http_url' tag" in answer.message


def test_inbox_requests_are_checked(cloud):
    times = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}

    assert cloud("POST", "/inbox/refresh", {**times, "deviceId": "x" * 22}).status == 400
    assert cloud("POST", "/inbox/refresh", {"until": times["until"]}).message.count("Key:") == 1
    assert cloud("POST", "/messages/inbox/export", times).headers["Deprecation"] == "true"


# -- database outage (api-facts §12) ---------------------------------------------------------------------------------


def test_during_an_outage_uncached_logins_and_all_tokens_get_401(cloud):
    pair = cloud.token("all:any")
    cloud.clock.advance(3601)  # the login is forgotten after an hour without use
    refresh = f"Bearer {cloud.token('messages:list')['refresh_token']}"
    cloud.clock.advance(3601)

    cloud.gateway.outage()

    assert cloud("GET", "/devices").status == 401
    assert cloud("GET", "/devices", auth=f"Bearer {pair['access_token']}").status == 401
    assert cloud("POST", "/auth/token/refresh", auth=refresh).status == 401
    cloud.gateway.outage(False)
    assert cloud("POST", "/auth/token/refresh", auth=refresh).status == 201
    assert cloud("GET", "/devices").status == 200


def test_during_an_outage_readiness_fails_and_liveness_does_not(cloud):
    cloud.gateway.outage(True)

    first, second = cloud("GET", "/health", auth=None), cloud("GET", "/health/ready", auth=None)

    assert (first.status, first.json["status"]) == (503, "fail")
    assert first.json["checks"]["db:ping"]["status"] == "fail"
    assert second.json["checks"]["db:ping"]["observedValue"] == 2
    assert cloud("GET", "/health/live", auth=None).status == 200
    cloud.gateway.outage(False)
    assert cloud("GET", "/health", auth=None).json["checks"]["db:ping"]["observedValue"] == 0


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("GET", "/messages", None, "failed to retrieve message history"),
        ("GET", "/messages/unseen", None, "failed to get message state"),
        ("DELETE", "/messages/seen", None, "failed to handle request"),
        ("GET", "/devices", None, "failed to select devices: "),
        ("DELETE", "/devices/x", None, "failed to remove device: "),
        ("GET", "/webhooks", None, "failed to select webhooks: "),
        ("POST", "/webhooks", {"url": "https://x.example", "event": "sms:sent"}, "failed to write webhook: "),
        ("DELETE", "/webhooks/x", None, "failed to delete webhook: "),
        ("GET", "/settings", None, "failed to get settings: "),
        ("PUT", "/settings", {}, "failed to update settings: "),
        ("PATCH", "/settings", {}, "failed to update settings: "),
        ("POST", "/auth/token", {"scopes": ["a:b"]}, "failed to generate token pair: "),
        ("DELETE", "/auth/token/x", None, "failed to revoke token: "),
    ],
)
def test_during_an_outage_a_cached_login_gets_500(cloud, method, path, body, message):
    cloud.send(id="seen")
    cloud.gateway.outage()

    answer = cloud(method, path, body)

    assert answer.status == 500
    assert answer.message.startswith(message)


def test_during_an_outage_sends_fail_and_cached_states_stay_readable(cloud):
    cloud.send(id="seen")
    cloud.gateway.outage()
    cloud.clock.advance(5)

    answer = cloud.send(id="lost")

    assert (answer.status, answer.message) == (500, "failed to handle request")
    assert cloud.state("seen")["state"] == "Pending"
    cloud.gateway.outage(False)
    assert [message.id for message in cloud.gateway.messages] == ["seen"]
    cloud.clock.advance(5)
    assert cloud.state("seen")["state"] == "Delivered"
    assert cloud.gateway.messages[0].states["Processed"] >= cloud.clock() - timedelta(seconds=5)


def test_a_wrong_password_is_not_cached(cloud):
    wrong = "Basic ZGVtbzp3cm9uZw=="

    assert cloud("GET", "/devices", auth=wrong).status == 401
    cloud.gateway.outage()
    assert cloud("GET", "/devices", auth=wrong).status == 401


# -- queue limit -----------------------------------------------------------------------------------------------------


def test_the_queue_limit_strikes_some_seconds_late_as_the_real_one_does(open_gateway):
    talk = open_gateway(phone=False)
    talk.gateway.queue_limit = QueueLimit(max_pending=3)

    statuses = []
    for _ in range(12):
        statuses.append(talk.send().status)
        talk.clock.advance(0.7)

    assert statuses[:8] == [202] * 8
    assert statuses[8:] == [503] * 4


def test_a_full_queue_says_why_and_recovers(open_gateway):
    talk = open_gateway(phone=False)
    talk.gateway.queue_limit = QueueLimit(max_pending=1, refresh=0)
    talk.send(id="one")

    refused = talk.send(id="two")

    assert refused.status == 503
    assert refused.message == "failed to enqueue message: queue limits exceeded: too many pending messages: 1 / 1"
    assert "retry-after" not in refused.headers
    assert talk.gateway.queue_limit == QueueLimit(max_pending=1, refresh=0)
    talk.gateway.report("one", "Sent")
    later = (talk.clock() + timedelta(hours=1)).isoformat()
    assert talk.send(id="three", scheduleAt=later).status == 202
    assert talk.send(id="four").status == 202


def test_an_old_waiting_message_blocks_its_device(open_gateway):
    talk = open_gateway(phone=False)
    talk.gateway.queue_limit = QueueLimit(max_pending_age=3600, refresh=0)
    talk.send()
    assert talk.send().status == 202

    talk.clock.advance(3601)

    assert talk.send().message.endswith("too old pending message: 2026-01-01T12:00:00Z")


# -- the gateway as an object ----------------------------------------------------------------------------------------


def test_gateways_refuse_options_that_make_no_sense():
    for options in ({"mode": "moon"}, {"login": ""}, {"login": "a:b"}, {"password": ""}):
        with pytest.raises(ValueError, match=r"mode is one of|An account needs"):
            Gateway(**options)
    with pytest.raises(ValueError, match="aware"):
        ManualClock(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the mistake


def test_without_a_clock_it_is_the_real_time():
    gateway = Gateway()

    assert datetime.now(timezone.utc) - gateway.devices[0].created_at < timedelta(seconds=5)


def test_faults_may_answer_raise_or_step_aside():
    def faults(request):
        if request.method == "DELETE":
            raise ConnectionError("cut")
        return Response(502, Headers(), b"<html>") if request.method == "POST" else None

    gateway = Gateway(faults=faults)

    assert gateway.handle(request_to("/health")).status == 200
    assert gateway.http().send(request_to("/health", "POST")).status == 502
    with pytest.raises(ConnectionError):
        gateway.handle(request_to("/health", "DELETE"))


def test_the_adapters_fit_the_backend_protocols():
    gateway = Gateway()
    client = gateway.http()
    assert isinstance(client, HttpClient)
    assert isinstance(gateway.async_http(), AsyncHttpClient)

    whole = client.send(request_to("/health?x=1"))
    with client.stream(request_to("/health?x=1")) as streamed:
        parts = list(streamed.chunks)
    client.close()

    assert b"".join(parts) == whole.content
    assert streamed.status == 200


def test_the_async_adapter_gives_the_same_answers():
    gateway = Gateway()

    async def exchange():
        client = gateway.async_http()
        whole = await client.send(request_to("/health"))
        async with client.stream(request_to("/health")) as streamed:
            parts = [chunk async for chunk in streamed.chunks]
        await client.aclose()
        return whole, streamed, b"".join(parts)

    whole, streamed, content = asyncio.run(exchange())

    assert (whole.status, streamed.status) == (200, 200)
    assert content == whole.content


def test_threads_that_send_the_same_id_get_one_202(cloud):
    statuses = []

    def send():
        statuses.append(cloud.send(id="same").status)

    threads = [threading.Thread(target=send) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [202] + [409] * 19
    assert len(cloud.gateway.messages) == 1


def test_advance_lets_the_phones_act_without_a_request(cloud):
    cloud.send()
    cloud.clock.advance(5)

    cloud.gateway.advance()

    assert len(cloud.gateway.radio) == 1


def test_without_phonenumbers_one_sentence_names_the_extra(cloud, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "phonenumbers", None)

    with pytest.raises(ImportError, match=r"smsgate\[emulator\]"):
        cloud.send()
    assert cloud.send("900", query="?skipPhoneValidation=true").status == 202


def test_data_messages_come_back_as_they_were_sent(cloud):
    data = {"data": "SGVsbG8=", "port": 53739}
    sent = cloud("POST", "/messages", {"phoneNumbers": ["+79990001234"], "dataMessage": data})

    assert json.loads(sent.content)["dataMessage"] == data
    assert "textMessage" not in sent.json
