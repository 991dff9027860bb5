"""Local server of a phone: differences from the cloud (api-facts §8)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from smsgate.emulator import Attachment

LATER = "2026-01-01T13:00:00.000Z"


@pytest.mark.parametrize("auth", [None, "Basic ZGVtbzp3cm9uZw==", "Basic %%%", "Bearer x", "Digest x"])
def test_a_401_is_empty_and_carries_a_challenge(local, auth):
    answer = local("GET", "/device", auth=auth)

    assert (answer.status, answer.content) == (401, b"")
    assert 'realm="Access to SMS Gateway"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/devices", 404),
        ("GET", "/3rdparty/v1/messages", 404),
        ("GET", "/Device", 404),
        ("GET", "/device/", 404),
        ("GET", "/messages/", 404),
        ("GET", "/messages//", 404),
        ("PUT", "/settings", 405),
        ("POST", "/health", 405),
        ("HEAD", "/device", 405),
    ],
)
def test_routes_are_exact_and_unknown_ones_need_no_credentials(local, method, path, status):
    answer = local(method, path, auth=None)

    assert (answer.status, answer.content) == (status, b"")


def test_the_root_and_the_one_device_are_shown(local):
    assert local("GET", "/").json["status"] == "ok"

    devices = local("GET", "/device").json

    assert len(devices) == 1
    assert len(devices[0]["id"]) == 32
    assert devices[0]["createdAt"] == "2026-01-01T12:00:00.000Z"


def test_a_local_server_is_one_phone(open_gateway):
    talk = open_gateway(mode="local", devices=5)

    assert len(talk.gateway.devices) == 1
    with pytest.raises(ValueError, match="one phone"):
        talk.gateway.add_device()
    with pytest.raises(ValueError, match="no database server"):
        talk.gateway.outage()


def test_a_send_has_no_location_and_no_states_yet(local):
    answer = local.send(id="one")

    assert answer.status == 202
    assert "location" not in answer.headers
    assert answer.json["states"] == {}
    assert answer.json["deviceId"] == local.gateway.devices[0].id


def test_messages_are_never_hashed_and_numbers_stay_as_sent(local):
    local.send("89990001234", id="one")
    local.clock.advance(3600)
    local.gateway.hash_now()

    state = local.state("one")

    assert (state["state"], state["isHashed"]) == ("Delivered", False)
    assert state["recipients"][0]["phoneNumber"] == "89990001234"
    assert state["textMessage"] == {"text": "hi"}


@pytest.mark.parametrize(
    ("number", "error"),
    [
        ("900", "sendSMS: Invalid phone number"),
        ("+74951234567", "sendSMS: Invalid phone number type"),
        ("abc", "sendSMS: The string supplied did not seem to be a phone number."),
    ],
)
def test_numbers_are_checked_when_they_are_sent(local, number, error):
    local.send([number, "+79990001234"], id="one")
    local.send(number, id="skipped", query="?skipPhoneValidation=true")

    local.clock.advance(5)

    assert [item.get("error") for item in local.state("one")["recipients"]] == [error, None]
    assert local.state("skipped")["state"] == "Delivered"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"textMessage": None}, "Must specify exactly one of: textMessage, dataMessage, or message"),
        ({"message": "x"}, "Cannot specify multiple message types simultaneously"),
        ({"textMessage": {"text": ""}}, "Text message is empty"),
        ({"textMessage": None, "dataMessage": {"data": "", "port": 1}}, "Data message cannot be empty"),
        ({"textMessage": None, "dataMessage": {"data": "QQ==", "port": 65536}}, "Port must be between 0 and 65535"),
        ({"phoneNumbers": []}, "Empty phone numbers list"),
        ({"simNumber": 0}, "SIM number cannot be less than 1"),
        ({"scheduleAt": "2026-01-01T11:00:00Z"}, "scheduleAt must be in the future"),
        ({"ttl": 5, "validUntil": LATER}, "fields conflict: ttl and validUntil"),
        ({"validUntil": "2026-01-01T11:00:00Z"}, "message already expired"),
        ({"deviceId": "other"}, "Invalid device ID"),
        ({"query": "?skipPhoneValidation=1"}, "The string doesn't represent a boolean value: 1"),
        ({"validUntil": "tomorrow"}, "Failed to convert request body: Failed parsing date at path $.validUntil"),
    ],
)
def test_sends_are_checked_in_the_apps_words(local, fields, message):
    answer = local.send(**fields)

    assert (answer.status, answer.message) == (400, message)


def test_what_the_cloud_refuses_the_phone_takes(local):
    data = {"phoneNumbers": ["+79990001234"], "dataMessage": {"data": "$aes", "port": 0}, "isEncrypted": True}

    assert local("POST", "/messages", data).json["dataMessage"] == {"data": "$aes", "port": 0}
    assert local.send(simNumber=7).status == 202
    assert local.send(["+79990001234"] * 1 + [f"+7999{n:07}" for n in range(150)]).status == 202
    assert local.send(scheduleAt=LATER, validUntil="2026-01-01T12:30:00Z").status == 202
    assert local.send(ttl=2**62).status == 202
    assert local("POST", "/message", {"phoneNumbers": ["+79990001234"], "message": "old"}).status == 202


def test_microseconds_are_read_as_that_many_milliseconds(local):
    local.send(validUntil="2026-01-01T12:00:00.100000Z")

    assert local.gateway.messages[0].valid_until == local.clock() + timedelta(seconds=100)


def test_the_same_id_and_the_same_number_twice_are_conflicts(local):
    local.send(id="one")

    again, twice = local.send(id="one"), local.send(["900", "900"])

    assert (again.status, again.message) == (409, "Message with the same ID already exists")
    assert (twice.status, twice.message) == (again.status, again.message)
    assert local.send(id="ONE").status == 202


def test_cancelling_is_done_at_once(local):
    local.send(id="one")
    local.send(id="two")

    first, again = local("DELETE", "/messages/one"), local("DELETE", "/messages/one")
    local.clock.advance(5)
    late, unknown = local("DELETE", "/message/two"), local("DELETE", "/messages/three")

    assert (first.status, first.json["state"], again.json["state"]) == (200, "Cancelled", "Cancelled")
    assert "textMessage" not in first.json
    assert (late.status, late.message) == (400, "Message two is not in Pending state")
    assert (unknown.status, unknown.content) == (404, b"")
    assert local.state("one")["recipients"][0]["state"] == "Cancelled"
    assert [item.message_id for item in local.gateway.radio] == ["two"]


def test_a_processing_order_of_fifo_works(local):
    local("PATCH", "/settings", {"messages": {"processing_order": "FIFO"}})
    for name in ("a", "b", "c"):
        local.send(id=name)

    local.clock.advance(5)

    assert [item.message_id for item in local.gateway.radio] == ["a", "b", "c"]


def test_the_list_forgives_limits_and_includes_both_ends(local):
    local.send(id="a")
    local.clock.advance(60)
    local.send(id="b")

    def ids(query):
        return [item["id"] for item in local("GET", f"/messages?{query}").json]

    assert ids("") == ids("limit=x&offset=-3") == ids("limit=-1") == ["b", "a"]
    assert ids("limit=1&offset=1") == ["a"]
    assert ids("to=2026-01-01T12:00:00Z") == ["a"]
    assert ids("from=2026-01-01T12:01:00.000%2B00:00") == ["b"]
    assert ids("from=2026-01-01T12:01:00.000000Z") == ["b", "a"]  # unreadable, so dropped
    assert ids("from=2026-99-01T12:01:00Z") == ["b", "a"]
    assert ids("state=Delivered") == ["a"]
    assert local("GET", "/messages").headers["X-Total-Count"] == "2"
    assert local("GET", "/messages?includeContent=true").json[0]["textMessage"] == {"text": "hi"}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("state=Lost", "No enum constant me.capcom.smsgateway.domain.ProcessingState.Lost"),
        ("includeContent=1", "includeContent must be true or false"),
        ("deviceId=other", "Invalid device ID"),
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00%2B0000", "Start date cannot be after end date"),
    ],
)
def test_list_queries_that_make_no_sense_are_refused(local, query, message):
    answer = local("GET", f"/messages?{query}")

    assert (answer.status, answer.message) == (400, message)


def test_reports_by_hand_change_the_phones_own_book(open_gateway):
    talk = open_gateway(mode="local", phone=False)
    talk.send(id="one")

    assert talk.gateway.report("one", "Failed", error="no luck")

    assert talk.state("one")["recipients"] == [{"phoneNumber": "+79990001234", "state": "Failed", "error": "no luck"}]


def test_health_is_one_route_and_fails_with_500(local):
    assert local("GET", "/health", auth=None).json["status"] == "pass"
    local.send("+79990009901")
    local.clock.advance(5)

    failed = local("GET", "/health", auth=None)
    local.send()
    local.clock.advance(5)

    assert (failed.status, failed.json["status"]) == (500, "fail")
    assert local("GET", "/health", auth=None).json["status"] == "warn"
    assert local("GET", "/health/live", auth=None).status == 404


# -- inbox, logs -----------------------------------------------------------------------------------------------------


def test_received_messages_are_listed_newest_first(local):
    first = local.gateway.receive("+79990001234", "one's <text>", sim_number=1, recipient="+79990005678")
    local.clock.advance(1)
    local.gateway.receive("900", "two")

    answer = local("GET", "/inbox")

    assert answer.headers["X-Total-Count"] == "2"
    assert b"one\\u0027s \\u003ctext" in answer.content
    assert answer.json[0]["contentPreview"] == "two"
    assert answer.json[1] == {
        "id": first.id,
        "type": "SMS",
        "sender": "+79990001234",
        "recipient": "+79990005678",
        "simNumber": 1,
        "contentPreview": "one's <text>",
        "createdAt": "2026-01-01T12:00:00.000Z",
        "attachments": [],
    }
    with pytest.raises(ValueError, match="type is one of"):
        local.gateway.receive("900", type="FAX")


def test_the_inbox_is_filtered_and_paged(local):
    for number in range(3):
        local.gateway.receive("900", str(number), type="MMS" if number else "SMS")
        local.clock.advance(60)

    def previews(query):
        return [item["contentPreview"] for item in local("GET", f"/inbox?{query}").json]

    assert previews("type=MMS") == ["2", "1"]
    assert previews("limit=1&offset=1") == ["1"]
    assert previews("from=2026-01-01T12:01:00Z&to=2026-01-01T12:01:00Z") == ["1"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("type=FAX", "Invalid type"),
        ("limit=0", "limit must be between 1 and 500"),
        ("limit=501", "limit must be between 1 and 500"),
        ("offset=-1", "offset must be >= 0"),
        ("from=yesterday", "Invalid from datetime"),
        ("to=2026-01-01", "Invalid to datetime"),
        ("includeAttachments=yes", "includeAttachments must be true or false"),
        ("deviceId=other", "Invalid device ID"),
        ("from=2027-01-01T00:00:00Z", "Start date cannot be after end date"),
    ],
)
def test_inbox_queries_that_make_no_sense_are_refused(local, query, message):
    answer = local("GET", f"/inbox?{query}")

    assert (answer.status, answer.message) == (400, message)


def test_attachments_are_listed_when_asked_for_and_can_be_downloaded(local):
    parts = (Attachment(2, "b.txt", "text/plain", b"two"), Attachment(1, 'a".png', "image/png", b"\x89PNG"))
    item = local.gateway.receive("900", "subject", type="MMS_DOWNLOADED", attachments=parts)

    listed = local("GET", "/inbox?includeAttachments=true").json[0]["attachments"]
    got = local("GET", f"/inbox/{item.id}/attachments/1")

    assert listed[0] == {"partId": 1, "name": 'a".png', "size": 4, "contentType": "image/png"}
    assert (got.status, got.content, got.headers["content-type"]) == (200, b"\x89PNG", "image/png")
    assert got.headers["content-disposition"] == 'attachment; filename="a_.png"'
    assert local("GET", f"/inbox/{item.id}/attachments/3").status == 404
    assert local("GET", f"/inbox/{item.id}/attachments/x").message == "partId must be a number"


@pytest.mark.parametrize("path", ["/inbox/refresh", "/messages/inbox/export", "/message/inbox/export"])
def test_a_refresh_is_accepted_without_a_body_in_the_answer(local, path):
    body = {"since": "2026-01-01T00:00:00Z", "until": LATER, "messageTypes": ["SMS", "MMS"], "triggerWebhooks": True}

    answer = local("POST", path, body)

    assert (answer.status, answer.content) == (202, b"")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "since is required"),
        ({"since": LATER}, "until is required"),
        ({"since": LATER, "until": "2026-01-01T00:00:00Z"}, "since must be before until"),
        ({"since": LATER, "until": LATER, "messageTypes": []}, "messageTypes must not be empty"),
        (
            {"since": LATER, "until": LATER, "messageTypes": ["DATA_SMS"]},
            "messageTypes contains unsupported values: DATA_SMS",
        ),
    ],
)
def test_refresh_requests_are_checked(local, body, message):
    answer = local("POST", "/inbox/refresh", body)

    assert (answer.status, answer.message) == (400, message)


def test_logs_are_a_bare_list(local):
    local.gateway.log("started", context={"a": 1})
    local.clock.advance(60)
    local.gateway.log("later", priority="WARN", module="test")

    logs = local("GET", "/logs").json

    assert [entry["message"] for entry in logs] == ["started", "later"]
    assert (logs[0]["context"], logs[0]["createdAt"]) == ({"a": 1}, "2026-01-01T12:00:00.000Z")
    assert "context" not in logs[1]
    assert len(local("GET", "/logs?from=2026-01-01T12:00:30Z").json) == 1


# -- settings, webhooks ----------------------------------------------------------------------------------------------


def test_settings_show_effective_defaults_and_never_secrets(local):
    fresh = local("GET", "/settings").json

    secrets = {"encryption": {"passphrase": "secret"}, "webhooks": {"signing_key": "secret", "retry_count": 3}}
    changed = local("PATCH", "/settings", secrets).json
    reset = local("PATCH", "/settings", {"webhooks": {"retry_count": None}}).json

    assert fresh["webhooks"] == {"internet_required": True, "retry_count": 15}
    assert changed["webhooks"]["retry_count"] == 3
    assert reset["webhooks"]["retry_count"] == 15
    assert "secret" not in str(changed)


def test_settings_cut_numbers_and_skip_what_they_do_not_know(local):
    body = {
        "messages": {"limit_value": 2.9, "nonsense": 1},
        "receiver": {"content_provider_enabled": True},
        "other": 1,
    }

    shown = local("PATCH", "/settings", body).json

    assert shown["messages"]["limit_value"] == 2
    assert "receiver" not in shown


@pytest.mark.parametrize("body", [[], {"messages": None}, {"ping": 1}, {"messages": {"limit_period": "PerYear"}}])
def test_settings_that_cannot_be_imported_are_refused(local, body):
    answer = local("PATCH", "/settings", body)

    assert answer.status == 400
    assert answer.message.startswith("Invalid request: ")


def test_webhooks_have_a_source_and_no_device(local):
    made = local("POST", "/webhook", {"url": "http://127.0.0.1:9/h", "event": "sms:received", "id": "one"})
    other = local("POST", "/webhooks", {"url": "https://example.com", "event": "sms:sent"})

    assert (made.status, other.status) == (201, 201)
    assert made.json == {"id": "one", "url": "http://127.0.0.1:9/h", "event": "sms:received", "source": "Local"}
    assert local("GET", "/webhooks").json == [made.json, other.json]
    assert local("DELETE", "/webhook/one").status == local("DELETE", "/webhooks/one").status == 204
    assert local("GET", "/webhook").json == [other.json]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"url": "https://x.example", "event": "sms:sent", "deviceId": "other"}, "Device ID mismatch"),
        ({"url": "http://x.example", "event": "sms:sent"}, "url must start with https:// or http://127.0.0.1"),
        ({"event": "sms:sent"}, "url must start with https:// or http://127.0.0.1"),
        ({"url": "https://x.example", "event": "sms:burnt"}, "Unsupported event"),
    ],
)
def test_webhooks_are_checked(local, body, message):
    answer = local("POST", "/webhooks", body)

    assert (answer.status, answer.message) == (400, message)


def test_a_body_of_null_is_an_empty_object(local):
    assert local("POST", "/inbox/refresh", raw=b"null").message == "since is required"


def test_large_bodies_and_headers_are_no_matter_locally(local):
    assert local("GET", "/device", headers={"X-Pad": "a" * 5000}).status == 200
