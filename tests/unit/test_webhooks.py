"""Webhook requests: signatures of recorded vectors, age, keys, headers, events and hostile bodies."""

import base64
import json
import pickle
import random
import time
import traceback
from datetime import datetime, timedelta, timezone
from email.message import Message as MailHeaders
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings, strategies as st

from smsgate import webhooks
from smsgate.encryption import Encryptor
from smsgate.errors import ConfigurationError, PayloadError, SignatureError, StaleEventError, WebhookError
from smsgate.receiver import Receiver
from smsgate.runtime.reading import parse_document, parse_object
from smsgate.runtime.types import UnreadableError
from smsgate.webhooks import AppStarted, MmsDownloaded, SmsReceived, SmsSent, SystemPing, UnknownEvent
from smsgate_api.events import EVENTS
from smsgate_api.models import WebhookEvent

VECTORS = Path(__file__).parents[1] / "vectors"
SIGNATURES = json.loads((VECTORS / "webhook-signatures.json").read_text(encoding="utf-8"))
DELIVERIES = json.loads((VECTORS / "webhook-events.json").read_text(encoding="utf-8"))
KEY = DELIVERIES["key"]
NOW = int(DELIVERIES["timestamp"])
DEVICE = "Qm7xT0pWcE4vN9sKd2RbL"
BODY = b'{"n":1}'
PASSPHRASE = "correct horse battery staple"
EXPECTED_REASONS = {
    "reject_signature": {"signature_mismatch", "malformed_signature"},
    "reject_timestamp": {"malformed_timestamp"},
    "reject_missing_header": {"missing_header"},
}
TIMES = {"receivedAt", "sentAt", "deliveredAt", "failedAt", "cancelledAt"}
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = TEXT.filter(str.strip)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def cases(vectors):
    return [pytest.param(vector, id=vector["name"]) for vector in vectors]


def delivery(name):
    return next(event for event in DELIVERIES["events"] if event["name"] == name)


def headers_of(vector):
    return {"X-Signature": vector["signature"], "X-Timestamp": vector["timestamp"]}


def body_of(vector):
    return base64.b64decode(vector["body_base64"])


def signed(body, *, key=KEY, timestamp=NOW):
    return {"X-Signature": webhooks.sign(body, timestamp, key), "X-Timestamp": str(timestamp)}


def parse(document, **options):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return webhooks.parse(body, signed(body), **{"signing_key": KEY, "now": NOW, **options})


def envelope(event="sms:received", **changes):
    payload = {"messageId": "m", "message": "hello", "sender": "+15550107788", "receivedAt": "2026-10-04T18:20:31.000Z"}
    return {"deviceId": DEVICE, "event": event, "id": "d", "payload": payload, "webhookId": "w", **changes}


def refused(error_class, function, *arguments, **options):
    with pytest.raises(error_class) as caught:
        function(*arguments, **options)
    return caught.value


def event_or_error(document):
    try:
        return parse(document)
    except PayloadError as error:
        return error


def refusal(body, headers, **options):
    return refused(WebhookError, webhooks.verify, body, headers, **{"signing_key": KEY, "now": NOW, **options})


# --- signatures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", cases(SIGNATURES["valid"]))
def test_recorded_signature_is_made_and_accepted(vector):
    body = body_of(vector)
    assert len(body) == vector["body_length"]
    assert webhooks.sign(body, vector["timestamp"], vector["key"]) == vector["signature"]
    webhooks.verify(body, headers_of(vector), signing_key=vector["key"], now=int(vector["timestamp"]))


@pytest.mark.parametrize("vector", cases(SIGNATURES["invalid"]))
def test_recorded_forgery_is_refused(vector):
    error = refusal(body_of(vector), headers_of(vector), signing_key=vector["key"], tolerance=None)
    assert isinstance(error, SignatureError)
    assert error.reason in EXPECTED_REASONS[vector["expected"]]


@pytest.mark.parametrize("case", SIGNATURES["tolerance_cases"], ids=lambda case: case["note"])
def test_age_is_tolerated_up_to_the_limit_on_both_sides(case):
    limit = None if case["tolerance"] is None else timedelta(seconds=case["tolerance"])
    options = {"signing_key": case["key"], "tolerance": limit, "now": case["now"]}
    if case["ok"]:
        webhooks.verify(body_of(case), headers_of(case), **options)
    else:
        error = refused(StaleEventError, webhooks.verify, body_of(case), headers_of(case), **options)
        too_old = case["now"] > int(case["timestamp"])
        assert error.reason == ("timestamp_too_old" if too_old else "timestamp_too_new")
        assert "301 seconds" in str(error)


def test_digits_moved_from_the_time_stamp_into_the_body_are_noticed():
    vector = SIGNATURES["ambiguity"]
    body = vector["shifted"]["body"]
    headers = {"X-Signature": vector["signature"], "X-Timestamp": vector["shifted"]["timestamp"]}
    webhooks.verify(body, headers, signing_key=vector["key"], tolerance=None)
    now = int(vector["original"]["timestamp"])
    stale = refused(StaleEventError, webhooks.parse, body, headers, signing_key=vector["key"], now=now)
    broken = refused(PayloadError, webhooks.parse, body, headers, signing_key=vector["key"], tolerance=None)
    assert (stale.reason, broken.reason) == ("timestamp_too_old", "invalid_json")


@pytest.mark.parametrize("form", [bytes, bytearray, memoryview, lambda body: body.decode()])
def test_body_may_come_in_any_form(form):
    body = "Grüße 🚚".encode()
    webhooks.verify(form(body), signed(body), signing_key=KEY, now=NOW)
    assert webhooks.sign(form(body), NOW, KEY) == webhooks.sign(body, NOW, KEY)


def test_text_with_lone_surrogates_is_refused_by_name():
    error = refusal("\ud800", signed(BODY))
    assert (type(error), error.reason) == (SignatureError, "signature_mismatch")
    assert "surrogates" in str(error)
    assert refused(PayloadError, webhooks.parse_unverified, "\ud800").reason == "invalid_json"
    assert "surrogates" in str(refused(ValueError, webhooks.sign, "\ud800", NOW, KEY))


def test_body_that_a_framework_has_parsed_is_a_type_error():
    assert "raw body" in str(refused(TypeError, webhooks.verify, {}, signed(BODY), signing_key=KEY))


def test_upper_case_hex_is_accepted():
    headers = {**signed(BODY), "X-Signature": webhooks.sign(BODY, NOW, KEY).upper()}
    webhooks.verify(BODY, headers, signing_key=KEY, now=NOW)


def test_time_of_day_comes_from_the_clock_or_from_an_aware_time():
    now = datetime(2026, 10, 4, 18, 20, 31, 999_999, tzinfo=timezone(timedelta(hours=2)))
    headers = signed(BODY, timestamp=int(now.timestamp()))
    webhooks.verify(BODY, headers, signing_key=KEY, now=now, tolerance=timedelta())
    webhooks.verify(BODY, signed(BODY, timestamp=int(datetime.now(timezone.utc).timestamp())), signing_key=KEY)
    assert refusal(BODY, signed(BODY, timestamp=1), now=None).reason == "timestamp_too_old"
    refused(ConfigurationError, webhooks.verify, BODY, headers, signing_key=KEY, now=now.replace(tzinfo=None))


@pytest.mark.parametrize("tolerance", [timedelta(seconds=-1), 300])
def test_tolerance_that_is_no_duration_is_a_configuration_error(tolerance):
    refused(ConfigurationError, webhooks.verify, BODY, signed(BODY), signing_key=KEY, tolerance=tolerance)


def test_signature_is_checked_before_age_and_age_before_content():
    forged = {**signed(b"x", timestamp=1), "X-Signature": "0" * 64}
    assert refusal(b"x", forged).reason == "signature_mismatch"
    error = refused(WebhookError, webhooks.parse, b"x", signed(b"x", timestamp=1), signing_key=KEY, now=NOW)
    assert error.reason == "timestamp_too_old"


# --- headers ----------------------------------------------------------------------------------------------------------


def mail_headers(pairs):
    headers = MailHeaders()
    for name, value in pairs:
        headers[name] = value
    return headers


@pytest.mark.parametrize(
    "form",
    [
        dict,
        list,
        iter,
        mail_headers,
        lambda pairs: {name.lower(): value for name, value in pairs},
        lambda pairs: {name.upper(): f" {value}\t" for name, value in pairs},
        lambda pairs: {name: [value] for name, value in pairs},
        lambda pairs: {name: (value, value) for name, value in pairs},
        lambda pairs: {name.encode(): value.encode() for name, value in pairs},
        lambda pairs: [(name.lower().encode(), value.encode()) for name, value in pairs],
        lambda pairs: [*pairs, ("Accept", "*/*"), ("X-Other", None), (7, 7)],
    ],
)
def test_headers_may_come_in_any_form(form):
    webhooks.verify(BODY, form(list(signed(BODY).items())), signing_key=KEY, now=NOW)


@pytest.mark.parametrize("name", ["X-Signature", "X-Timestamp"])
@pytest.mark.parametrize("value", ["", " ", None, [], [""]])
def test_empty_header_counts_as_missing(name, value):
    error = refusal(BODY, {**signed(BODY), name: value})
    assert error.reason == "missing_header"
    assert name in str(error)
    assert refusal(BODY, [pair for pair in signed(BODY).items() if pair[0] != name]).reason == "missing_header"


@pytest.mark.parametrize(
    "value",
    [
        "0" * 63,
        "0" * 65,
        "g" * 64,
        "é" * 64,
        "٣" * 64,
        "\ud800" * 64,
        b"\xff" * 64,
        f"sha256={'0' * 64}",
        "0" * 64 + "\n",
    ],
)
def test_malformed_signature_is_refused_whatever_its_characters(value):
    assert refusal(BODY, {**signed(BODY), "X-Signature": value}).reason == "malformed_signature"


@pytest.mark.parametrize("value", ["-1", "+1", "1.0", "1_0", "1" * 13, "١٢٣", "1790000000\n", "now", b"\xb2", "\ud800"])
def test_malformed_time_stamp_is_refused(value):
    assert refusal(BODY, {**signed(BODY), "X-Timestamp": value}).reason == "malformed_timestamp"


@pytest.mark.parametrize(
    ("extra", "reason"),
    [(("x-signature", "0" * 64), "malformed_signature"), (("X-TIMESTAMP", "1"), "malformed_timestamp")],
)
def test_header_given_twice_with_different_values_is_refused(extra, reason):
    assert refusal(BODY, [*signed(BODY).items(), extra]).reason == reason


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "keys",
    [KEY, f" {KEY}\n", ["other", KEY], (KEY,), {KEY, "other"}, (key for key in ["old", KEY])],
    ids=["one", "untrimmed", "list", "tuple", "set", "generator"],
)
def test_any_of_the_configured_keys_may_fit(keys):
    webhooks.verify(BODY, signed(BODY), signing_key=keys, now=NOW)


@pytest.mark.parametrize("keys", ["", " \n", [], [KEY, ""], {}, None, b"bytes", [b"bytes"], 7, "\ud800"])
def test_missing_or_unusable_key_is_a_configuration_error_before_anything_else(keys):
    refused(ConfigurationError, webhooks.verify, BODY, {}, signing_key=keys)
    refused(ConfigurationError, webhooks.normalize_signing_key, keys)


def test_keys_can_be_checked_once_and_used_many_times():
    def look_up(device_id):
        return KEY

    assert webhooks.normalize_signing_key(key for key in ["a", "b"]) == ("a", "b")
    assert webhooks.normalize_signing_key({"d": iter(["a"]), "e": "b"}) == {"d": ("a",), "e": "b"}
    assert webhooks.normalize_signing_key(KEY) == KEY
    assert webhooks.normalize_signing_key(look_up) is look_up
    refused(ConfigurationError, webhooks.normalize_signing_key, {"d": []})


@pytest.mark.parametrize("keys", [KEY, ["old", KEY]])
def test_keys_can_be_chosen_by_device(keys):
    by_device = {DEVICE: keys, "other": "other-key"}
    assert parse(envelope(), signing_key=by_device).device_id == DEVICE
    assert parse(envelope(), signing_key=by_device.get).device_id == DEVICE
    assert refused(SignatureError, parse, envelope(deviceId="other"), signing_key=by_device).reason == (
        "signature_mismatch"
    )


@pytest.mark.parametrize("device", ["stranger", "", "\ud800", "a b", "x" * 129, None, 7, ["d"]])
def test_unknown_device_is_refused_and_only_plain_ids_are_looked_up(device):
    asked = []
    error = refused(SignatureError, parse, envelope(deviceId=device), signing_key=asked.append)
    assert error.reason == "unknown_device"
    assert asked == ([device] if device == "stranger" else [])
    assert refused(SignatureError, parse, envelope(deviceId=device), signing_key={DEVICE: KEY}).reason == error.reason


def test_device_whose_key_is_empty_is_a_configuration_error():
    refused(ConfigurationError, parse, envelope(), signing_key={DEVICE: " "})
    assert refused(SignatureError, parse, envelope(), signing_key=lambda _: []).reason == "unknown_device"


def test_device_that_signed_cannot_speak_for_another_one():
    nested = {"message": "hi", "from": {"deviceId": DEVICE}}
    keys = {DEVICE: KEY, "victim": "other"}
    for document in (envelope(deviceId="victim", payload=nested), envelope(deviceId=None, payload=nested)):
        for signing_key in (keys, keys.get):
            assert refused(SignatureError, parse, document, signing_key=signing_key).reason == "signature_mismatch"
    twice = json.dumps(envelope()).replace('"event"', '"deviceId": "victim", "event"').encode()
    for read in (webhooks.parse, webhooks.verify):
        refused(PayloadError, read, twice, signed(twice), signing_key=keys, now=NOW)


def test_device_is_found_wherever_the_body_names_it_and_however_it_is_written():
    odd = "a=b'<1>"
    gson = json.dumps(envelope(deviceId=odd)).replace("=", r"\u003d").replace("<", r"\u003c").encode()
    pretty = json.dumps(envelope(payload={"message": '"deviceId": "x"', "n": [{"deviceId": "nested"}]}), indent=2)
    keys = {DEVICE: KEY, odd: KEY, "nested": "other", "x": "other"}
    assert parse(gson, signing_key=keys).device_id == odd
    assert parse(pretty.encode(), signing_key=keys).device_id == DEVICE


def test_no_more_than_four_devices_are_tried():
    strangers = [{"deviceId": f"stranger-{number}"} for number in range(10)]
    document = {"others": strangers, **envelope()}
    asked = []
    error = refused(SignatureError, parse, document, signing_key=lambda device: asked.append(device) or "other")
    assert (error.reason, len(asked)) == ("signature_mismatch", 4)
    assert parse(document, signing_key={DEVICE: KEY, "stranger-1": "other"}).device_id == DEVICE


FLOODS = {
    "members": b'{"deviceId":"%s"' % DEVICE.encode() + b"".join(b',"%x":{}' % n for n in range(600_000)) + b"}",
    "names": b'{"deviceId":"d",' * 400_000,
    "keys": b'"deviceId"' * 600_000,
    "spaces": b'"deviceId"' + b" " * 6_000_000 + b":",
    "unended": b'"deviceId":"' + b"x" * 6_000_000,
    "escapes": b'"deviceId":"' + rb"\\" * 3_000_000,
}


@pytest.mark.parametrize("keys", [{DEVICE: KEY}, {DEVICE: KEY}.get], ids=["mapping", "function"])
@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_large_body_of_a_stranger_costs_about_as_much_as_its_signature(flood, keys):
    headers = {**signed(b"x"), "X-Signature": "0" * 64}

    def cost(function):
        times = []
        for _ in range(3):
            started = time.process_time()
            function()
            times.append(time.process_time() - started)
        return min(times)

    plain = cost(lambda: webhooks.sign(flood, NOW, KEY))
    searched = cost(lambda: refusal(flood, headers, signing_key=keys))
    assert searched < plain * 20 + 0.05  # parsing takes some hundred times as long
    stale = {**headers, "X-Timestamp": "1"}
    assert refusal(flood, stale, signing_key=keys).reason == "timestamp_too_old"


def test_large_authentic_body_is_read_with_keys_by_device():
    part = {"partId": 1, "contentType": "image/png", "data": "A" * 3_000_000}
    document = envelope("mms:downloaded", payload={"messageId": "1", "attachments": [part]})
    for keys in ({DEVICE: KEY}, {DEVICE: KEY}.get):
        assert parse(document, signing_key=keys).payload.attachments[0].data == part["data"]


def test_body_that_names_no_device_chooses_no_key():
    assert refused(SignatureError, parse, b"no json", signing_key={DEVICE: KEY}).reason == "unknown_device"


def test_event_belongs_to_the_device_whose_key_was_chosen():
    event = parse(envelope(device_id="victim"), signing_key={DEVICE: KEY, "victim": "other"})
    assert event.device_id == DEVICE


# --- events -----------------------------------------------------------------------------------------------------------


def comparable(value):
    if isinstance(value, dict):
        return {
            key: datetime.fromisoformat(item.replace("Z", "+00:00")) if key in TIMES else comparable(item)
            for key, item in value.items()
        }
    return [comparable(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("vector", cases(DELIVERIES["events"]))
def test_recorded_delivery_becomes_its_event(vector):
    event = webhooks.parse(vector["wire"], vector["headers"], signing_key=KEY, now=NOW)
    body = vector["body"]
    known = "unknown" not in vector["name"].split("-")
    assert isinstance(event, UnknownEvent) is not known
    assert (event.id, event.webhook_id, event.event, event.device_id) == (
        body["id"],
        body["webhookId"],
        vector["event"],
        body["deviceId"],
    )
    assert comparable(event.asdict()) == comparable(body)
    assert webhooks.parse_unverified(vector["wire"]) == event


def test_every_known_event_has_a_class_of_its_own():
    classes = [member for member in get_args(webhooks.Event) if member is not UnknownEvent]
    assert {webhooks.parse_unverified(vector["wire"]).__class__ for vector in DELIVERIES["events"]} - {
        UnknownEvent
    } <= set(classes)
    assert {member.model_fields["event"].default: member for member in classes} == EVENTS
    assert set(EVENTS) == {event.value for event in WebhookEvent}


def test_every_payload_class_can_be_imported_from_here():
    payloads = {member.model_fields["payload"].annotation for member in EVENTS.values()}
    assert {payload.__name__ for payload in payloads} | {"MmsDownloadedAttachment"} <= set(webhooks.__all__)
    assert all(hasattr(webhooks, name) for name in webhooks.__all__)


def test_other_end_is_found_under_old_and_new_names():
    assert parse(envelope()).payload.remote == "+15550107788"
    legacy = webhooks.parse_unverified(delivery("legacy-sms-failed-1.27")["wire"])
    assert legacy.payload.remote == "+15550103344"


def test_unknown_fields_are_kept():
    document = envelope(future=1)
    document["payload"]["more"] = {"a": [1]}
    event = parse(document)
    assert event.model_extra == {"future": 1}
    assert event.payload.model_extra == {"more": {"a": [1]}}
    assert event.asdict()["payload"]["more"] == {"a": [1]}


def test_unknown_event_keeps_its_payload_as_it_is():
    event = parse(envelope("sms:thought", payload={"a": [None, 1.5]}, future=True))
    assert event == UnknownEvent.from_dict(envelope("sms:thought", payload={"a": [None, 1.5]}, future=True))
    assert event.payload == {"a": [None, 1.5]}
    document = envelope("sms:thought")
    del document["payload"]
    assert parse(document).payload == parse(envelope("sms:thought", payload=None)).payload == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-01T00:00:00.000+-5:00", datetime(2026, 1, 1, 5, tzinfo=timezone.utc)),
        ("2026-01-01T00:00:00.000+5:30", datetime(2025, 12, 31, 18, 30, tzinfo=timezone.utc)),
        ("2026-01-01T00:00:00", datetime(2026, 1, 1, tzinfo=timezone.utc)),
        ("2026-13-01T00:00:00Z", None),
        ("2026-01-01T00:00:00+99:99", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        ({}, None),
        (True, None),
    ],
)
@pytest.mark.parametrize(
    ("event", "field", "attribute"),
    [
        ("sms:received", "receivedAt", "received_at"),
        ("sms:sent", "sentAt", "sent_at"),
        ("sms:delivered", "deliveredAt", "delivered_at"),
        ("sms:failed", "failedAt", "failed_at"),
        ("sms:cancelled", "cancelledAt", "cancelled_at"),
    ],
)
def test_odd_time_never_loses_an_event(event, field, attribute, text, expected):
    payload = {"messageId": "m", "message": "hi", "reason": "r", field: text}
    found = parse(envelope(event, payload=payload))
    assert getattr(found.payload, attribute) == expected
    assert found.payload.message_id == "m"


def test_odd_time_in_a_batch_costs_only_that_time():
    payload = envelope()["payload"]
    event = parse(envelope("sms:batch:received", payload={"messages": [payload, {**payload, "receivedAt": "soon"}]}))
    assert [message.received_at is None for message in event.payload.messages] == [False, True]


def test_optional_field_of_another_type_is_dropped():
    payload = {"message": "", "sender": None, "simNumber": "first", "phoneNumber": ["+1"], "receivedAt": None}
    event = parse(envelope(payload=payload))
    assert (event.payload.message, event.payload.sender, event.payload.sim_number) == ("", None, None)


def test_ids_that_an_old_app_leaves_out_are_empty():
    event = parse({"event": "sms:received", "payload": {"message": "old"}, "id": None, "deviceId": 7})
    assert isinstance(event, SmsReceived)
    assert (event.id, event.webhook_id, event.device_id) == ("", "", "")
    unknown = parse({"event": "x"})
    assert (unknown.id, unknown.webhook_id, unknown.device_id, unknown.payload) == ("", "", "", {})


def test_empty_ping_is_a_ping():
    event = parse(envelope("system:ping", payload={}))
    assert isinstance(event, SystemPing)
    assert event.payload.health is None


def test_mms_without_its_parts_is_an_mms():
    event = parse(envelope("mms:downloaded", payload={"messageId": "1", "attachments": None}))
    assert isinstance(event, MmsDownloaded)
    assert event.payload.attachments == []


def test_escaped_lone_surrogate_costs_only_that_character():
    body = json.dumps(envelope()).replace("hello", r"a\ud800b").encode()
    assert parse(body).payload.message == "a?b"


VALUES = [
    None,
    True,
    0,
    1.5,
    10**30,
    1e400,
    "",
    "1",
    "2026-01-01T00:00Z",
    "1700000000",
    "2026-01-01T00:00:00.5+-5:00",
    [],
    {},
]


def changed(value, chance):
    """Return parsed JSON with some values replaced and some members left out."""
    if isinstance(value, dict):
        return {name: changed(part, chance) for name, part in value.items() if chance.random() > 0.06}
    if isinstance(value, list):
        return [changed(part, chance) for part in value]
    return chance.choice(VALUES) if chance.random() < 0.15 else value


def read(function, *arguments):
    try:
        found = function(*arguments)
    except UnreadableError as error:
        return error.location, error.reason
    return found, found.model_dump(), found.model_fields_set


def test_event_of_parsed_json_is_the_event_of_its_text():
    chance = random.Random(20261128)
    for _ in range(3000):
        body = chance.choice(DELIVERIES["events"])["body"]
        model = EVENTS.get(body["event"], UnknownEvent)
        text = json.dumps(changed(body, chance)).encode()
        assert read(parse_document, model, json.loads(text)) == read(parse_object, model, text)


# --- bodies that are no event -----------------------------------------------------------------------------------------

GOOD = json.dumps(envelope()).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        GOOD + b"1",
        GOOD + GOOD,
        b"\xef\xbb\xbf" + GOOD,
        GOOD.replace(b"hello", b"\xff"),
        GOOD.replace(b"hello", b"a\nb"),
        GOOD.decode().encode("utf-16"),
        GOOD.replace(b'"hello"', b"NaN"),
        GOOD.replace(b'"hello"', b"-Infinity"),
        GOOD.replace(b'"id"', b'"event": "sms:sent", "id"'),
        GOOD.replace(b'"hello"', b'{"a": 1, "a": 2}'),
        GOOD.replace(b'"hello"', b"9" * 5000),
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_broken_json_with_a_good_signature_is_a_payload_error(body):
    assert refused(PayloadError, parse, body).reason == "invalid_json"
    assert refused(PayloadError, webhooks.parse_unverified, body).reason == "invalid_json"


@pytest.mark.parametrize("document", [[], None, 1, "text", True, {}, {"event": None}, {"event": ""}, {"event": ["a"]}])
def test_json_that_is_no_event_is_a_payload_error(document):
    assert refused(PayloadError, parse, document).reason == "invalid_payload"


@pytest.mark.parametrize("event", sorted(EVENTS))
@pytest.mark.parametrize("payload", [None, [], "text", 1, False])
def test_known_event_whose_payload_is_no_object_is_kept_with_its_reason(event, payload):
    found = parse(envelope(event, payload=payload))
    assert (type(found), found.event, found.payload) == (UnknownEvent, event, {})
    assert found.reason.startswith("payload (")
    assert found.raw_payload == (payload if payload is not None else {})
    assert (found.id, found.webhook_id, found.device_id) == ("d", "w", DEVICE)


@pytest.mark.parametrize("event", sorted(EVENTS))
def test_known_event_that_lacks_everything_is_read_or_kept(event):
    found = parse(envelope(event, payload={"new": [None]}))
    assert found.event == event
    kept = found.payload if isinstance(found, UnknownEvent) else found.payload.model_extra
    assert kept == {"new": [None]}


def test_list_that_is_left_out_is_empty():
    started = parse(envelope("app:started", payload={}))
    assert (type(started), started.payload.sim_cards) == (AppStarted, [])
    assert parse(envelope("app:started", payload={"simCards": None})).payload.sim_cards == []
    assert parse(envelope("mms:downloaded", payload={"messageId": "1"})).payload.attachments == []


def test_event_that_cannot_be_read_names_the_field_and_no_value():
    found = parse(envelope(payload={"sender": "+15550107788", "text": "private"}))
    assert (type(found), found.reason) == (UnknownEvent, "payload.message (missing)")
    assert found.payload == found.raw_payload == {"sender": "+15550107788", "text": "private"}
    assert "private" not in repr(found)
    assert pickle.loads(pickle.dumps(found)).reason == found.reason
    assert parse(envelope("sms:thought")).reason is None


def test_field_of_the_wire_does_not_pass_for_the_reason():
    found = parse(envelope("sms:thought", reason="because", raw_payload=5))
    assert (found.reason, found.raw_payload) == (None, found.payload)
    assert found.model_extra == {"reason": "because", "raw_payload": 5}


@pytest.mark.parametrize("depth", [50, 150, 190, 200, 250, 500, 800, 950, 990, 5000])
@pytest.mark.parametrize("name", ["sms:received", "sms:thought"])
@pytest.mark.parametrize("changes", [b'"id": "d"', b'"id": null'])
def test_nesting_is_read_or_refused_but_never_crashes(depth, name, changes):
    nested = b'{"deep":' + b"[" * depth + b"]" * depth + b', "message": ""}'
    body = b'{"event": "%s", %s, "payload": %s}' % (name.encode(), changes, nested)
    found = event_or_error(body)
    assert depth > 150 or isinstance(found, (SmsReceived, UnknownEvent))
    assert isinstance(found, WebhookError) or found.event == name


# --- decryption -------------------------------------------------------------------------------------------------------


def sent_to(recipient, phone_number):
    payload = {"messageId": "m", "sender": "+15550100001", "recipient": recipient, "phoneNumber": phone_number}
    return envelope("sms:sent", payload=payload)


def test_recorded_ciphertext_is_decrypted():
    vector = delivery("sms-sent-encrypted")
    event = webhooks.parse(vector["wire"], vector["headers"], signing_key=KEY, now=NOW, encryptor=Encryptor(PASSPHRASE))
    assert isinstance(event, SmsSent)
    assert event.payload.recipient == event.payload.phone_number == event.payload.remote
    assert event.payload.recipient.startswith("+1555")


def test_ciphertext_with_a_plus_is_decrypted_and_plain_numbers_stay():
    ciphertext = delivery("sms-sent-encrypted")["body"]["payload"]["recipient"]
    encryptor = Encryptor(PASSPHRASE)
    event = webhooks.parse_unverified(json.dumps(sent_to("+" + ciphertext, "+15550109999")), encryptor=encryptor)
    assert event.payload.recipient == encryptor.decrypt(ciphertext)
    assert (event.payload.phone_number, event.payload.sender) == ("+15550109999", "+15550100001")


def test_ciphertext_of_another_passphrase_stays_as_it_is():
    ciphertext = delivery("sms-sent-encrypted")["body"]["payload"]["recipient"]
    document = sent_to(ciphertext, "+" + ciphertext)
    event = parse(document, encryptor=Encryptor("a foreign passphrase"))
    assert (event.payload.recipient, event.payload.phone_number) == (ciphertext, "+" + ciphertext)


@pytest.mark.parametrize("failing", ["is_encrypted", "decrypt"])
def test_scheme_of_ones_own_that_fails_loses_no_event(failing):
    class Own:
        def is_encrypted(self, text):
            if failing == "is_encrypted":
                raise RuntimeError(text)
            return True

        def decrypt(self, text):
            raise RuntimeError(text)

    assert parse(sent_to("$abc", "$abc"), encryptor=Own()).payload.recipient == "$abc"


def test_equal_ciphertexts_are_decrypted_once_and_incoming_texts_never():
    class Counting:
        calls = 0

        def is_encrypted(self, text):
            return text.startswith("$")

        def decrypt(self, text):
            self.calls += 1
            return text.strip("$")

    counting = Counting()
    event = parse(sent_to("$abc", "$abc"), encryptor=counting)
    assert (event.payload.recipient, event.payload.phone_number, counting.calls) == ("abc", "abc", 1)
    incoming = envelope()
    incoming["payload"]["sender"] = "$abc"
    assert parse(incoming, encryptor=counting).payload.sender == "$abc"
    assert counting.calls == 1


# --- nothing leaks, nothing else is raised ----------------------------------------------------------------------------


def test_errors_survive_pickling():
    error = refusal(BODY, {})
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.reason, str(copy)) == (SignatureError, "missing_header", str(error))


def test_no_error_shows_key_signature_or_content():
    secret_body = json.dumps(envelope(payload={"sender": "+15550107788", "text": "private"})).encode()
    good = signed(secret_body)
    nameless = json.dumps(envelope(event=None, payload={"sender": "+15550107788", "text": "private"})).encode()
    attempts = [
        (secret_body, {**good, "X-Signature": "ab" * 32}, {}),
        (secret_body, good, {"now": 0}),
        (nameless, signed(nameless), {}),
        (secret_body + b"x", signed(secret_body + b"x"), {}),
        (secret_body, good, {"signing_key": {"other": KEY}}),
        (secret_body, good, {"signing_key": [KEY, "\ud800"]}),
    ]
    for body, headers, options in attempts:
        error = refused(Exception, webhooks.parse, body, headers, **{"signing_key": KEY, "now": NOW, **options})
        shown = "".join(traceback.format_exception(error)).partition("raise ")[2] + repr(error) + repr(error.__cause__)
        for secret in (KEY, good["X-Signature"], "ab" * 32, "+15550107788", "private"):
            assert secret not in shown


def test_repr_of_an_event_hides_texts_and_numbers():
    shown = repr(parse(envelope())) + repr(parse(envelope("sms:thought")))
    assert "+15550107788" not in shown
    assert "hello" not in shown
    assert "SmsReceived" in shown


def mutated(body, chance):
    tokens = [b"null", b"[]", b"{}", b'""', b"-1", b"1e999", b"NaN", rb'"\ud800"', b"}", b"{", b"[" * 300, b"\xff"]
    content = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(content) + 1)
        end = min(len(content), start + chance.randint(0, 12))
        content[start:end] = chance.choice([b"", bytes([chance.randrange(256)]), chance.choice(tokens)])
    return bytes(content)


def test_damaged_requests_give_events_or_webhook_errors_only():
    chance = random.Random(20261004)
    outcomes = set()
    for _ in range(5000):
        vector = chance.choice(DELIVERIES["events"])
        body = mutated(vector["wire"].encode(), chance)
        headers = signed(body) if chance.random() < 0.8 else vector["headers"]
        if chance.random() < 0.1:
            headers = {
                mutated(name.encode(), chance): mutated(value.encode(), chance) for name, value in headers.items()
            }
        keys = chance.choice([KEY, {DEVICE: KEY}])
        try:
            event = webhooks.parse(body, headers, signing_key=keys, now=NOW, encryptor=Encryptor(PASSPHRASE))
        except WebhookError as error:
            outcomes.add(error.reason)
        else:
            outcomes.add(type(event).__name__)
            assert json.dumps(event.asdict())
    assert {"SmsReceived", "invalid_json", "invalid_payload", "signature_mismatch", "unknown_device"} <= outcomes


@given(body=st.binary(), timestamp=st.integers(0, 10**12 - 1), key=KEYS, other=KEYS)
def test_only_the_key_that_signed_fits(body, timestamp, key, other):
    headers = signed(body, key=key, timestamp=timestamp)
    webhooks.verify(body, headers, signing_key=[other, key], now=timestamp)
    longer = f"{body.decode('latin-1')}x".encode()
    assert refusal(longer, headers, signing_key=key, now=timestamp).reason == "signature_mismatch"
    if other.strip().encode().ljust(64, b"\0") != key.strip().encode().ljust(64, b"\0"):
        assert refusal(body, headers, signing_key=other, now=timestamp).reason == "signature_mismatch"


@given(
    headers=st.lists(
        st.tuples(
            st.sampled_from(["x-signature", "X-Timestamp", b"X-SIGNATURE", b"x-timestamp"]) | st.text() | st.binary(),
            st.text() | st.binary() | st.none() | st.integers() | st.lists(st.text()),
        )
    )
)
def test_any_headers_give_signature_errors_only(headers):
    assert isinstance(refusal(BODY, headers), SignatureError)


@settings(max_examples=300)
@given(
    event=st.sampled_from(sorted(EVENTS)) | TEXT,
    payload=st.dictionaries(
        st.sampled_from(
            ["message", "messageId", "receivedAt", "messages", "attachments", "health", "simCards", "sender"]
        )
        | st.text(),
        JSON,
    )
    | JSON,
    rest=st.dictionaries(st.sampled_from(["id", "webhookId", "deviceId", "webhook_id"]) | TEXT, JSON, max_size=3),
)
def test_any_json_gives_events_or_payload_errors_only(event, payload, rest):
    document = {**rest, "event": event, "payload": payload}
    found = event_or_error(document)
    assert isinstance(found, PayloadError) or found.event == event


@pytest.mark.parametrize("encryptor", ["passphrase", object(), Encryptor])
def test_encryptor_that_could_not_decrypt_is_refused(encryptor):
    body = json.dumps({"event": "sms:received"})

    for use in (
        lambda: webhooks.parse_unverified(body, encryptor=encryptor),
        lambda: webhooks.parse(body, {}, signing_key=KEY, encryptor=encryptor),
        lambda: Receiver(signing_key=KEY, encryptor=encryptor),
    ):
        with pytest.raises(ConfigurationError, match="encryptor"):
            use()


def test_what_a_scheme_makes_of_a_recipient_must_be_text():
    class Own:
        def is_encrypted(self, text):
            return text.startswith("$")

        def decrypt(self, _text):
            return 5

    assert parse(sent_to("$abc", "$abc"), encryptor=Own()).payload.recipient == "$abc"


@pytest.mark.parametrize("headers", [None, 5, object(), [1], [("X-Signature",)], "X-Signature", b"X-Signature"])
@pytest.mark.parametrize("call", [webhooks.verify, webhooks.parse])
def test_headers_of_another_type_are_rejected(call, headers):
    with pytest.raises(ConfigurationError, match="headers takes a mapping, or pairs"):
        call(b"{}", headers, signing_key="key")
