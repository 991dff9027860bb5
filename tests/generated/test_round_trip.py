"""Recorded responses and deliveries: read without repairs or unknown fields, and written back unchanged."""

import json
import re
from datetime import datetime, timezone
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from smsgate.runtime.reading import parse_object
from smsgate.runtime.types import Model, wire_time
from smsgate_api import events, models

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
EXCHANGES = json.loads((VECTORS / "server-exchanges.json").read_text(encoding="utf-8"))["exchanges"]
DELIVERIES = json.loads((VECTORS / "webhook-events.json").read_text(encoding="utf-8"))

FILLED = {
    "<nanoid>": "V1StGXR8_Z5jdHi6B-myT",
    "<jwt>": "eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiJhIn0.c2lnbmF0dXJl",
    "<time Z>": "2026-09-01T10:20:30.123456789Z",
    "<time offset>": "2026-09-01T12:20:30.12+02:00",
    "<int>": 7,
}
REPEATED = re.compile(r"<(\d+) times (.)>")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
ANSWERS = [
    ("GET", r"/messages?(\?.*)?", list[models.MessageState]),
    ("POST", r"/messages?(\?.*)?", models.MessageState),
    ("(GET|DELETE)", r"/messages?/[^/]+", models.MessageState),
    ("GET", r"/devices?/?", list[models.Device]),
    ("GET", r"/webhooks", list[models.Webhook]),
    ("POST", r"/webhooks", models.Webhook),
    ("(GET|PUT|PATCH)", r"/settings", models.DeviceSettings),
    ("GET", r"/health(/\w+)?", models.HealthResponse),
    ("POST", r"/auth/token(/refresh)?", models.TokenResponse),
]
WITHOUT_ANSWER = [("DELETE", r"/(devices|webhooks|auth/token)/.+"), ("POST", r"/(messages/)?inbox/(refresh|export)")]


def filled(value):
    """A recorded answer with its placeholders replaced by what a server would have written there."""
    if isinstance(value, dict):
        return {key: filled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item) for item in value]
    if isinstance(value, str):
        return FILLED.get(value, REPEATED.sub(lambda found: found[2] * int(found[1]), value))
    return value


def comparable(value):
    """The same document with every time in one form."""
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [comparable(item) for item in value]
    if isinstance(value, str) and TIME.fullmatch(value):
        whole, fraction, zone = re.fullmatch(r"(.{19})(?:\.(\d+))?(.+)", value).groups()
        moment = datetime.strptime(whole + zone.replace("Z", "+00:00"), "%Y-%m-%dT%H:%M:%S%z")
        return wire_time(moment.replace(microsecond=int((fraction or "0")[:6].ljust(6, "0"))).astimezone(timezone.utc))
    return value


def unknown_fields(value, where=""):
    """Dotted paths of fields that the models do not declare."""
    if isinstance(value, Model):
        yield from (f"{where}.{name}" for name in value.model_extra or ())
        for name, item in value.__dict__.items():
            yield from unknown_fields(item, f"{where}.{name}")
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from unknown_fields(item, f"{where}[]")


def models_in(value):
    """Every model in a value, the innermost first."""
    if isinstance(value, Model):
        for item in value.__dict__.values():
            yield from models_in(item)
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from models_in(item)


def matches(pairs, exchange):
    request = exchange["request"]
    return [
        rest
        for method, path, *rest in pairs
        if re.fullmatch(method, request["method"]) and re.fullmatch(path, request["path"])
    ]


def successes():
    for exchange in EXCHANGES:
        api = "below" not in exchange["request"]
        if api and 200 <= exchange.get("status", 0) < 300:
            yield exchange


def same_after_round_trip(adapter, document):
    content = json.dumps(document).encode()
    value = adapter.validate_json(content)  # the compiled validator alone: no repairs
    assert list(unknown_fields(value)) == []
    for read in models_in(value):
        built = type(read)(**{name: getattr(read, name) for name in read.model_fields_set})
        assert built == read
        assert read == built
    written = json.loads(adapter.dump_json(value, exclude_unset=True))
    assert comparable(written) == comparable(document)


WITH_ANSWER = [(exchange, kind) for exchange in successes() for (kind,) in matches(ANSWERS, exchange)]


def test_every_recorded_success_is_covered():
    left = [
        exchange["name"]
        for exchange in successes()
        if len(matches(ANSWERS, exchange)) + len(matches(WITHOUT_ANSWER, exchange)) != 1
    ]
    assert left == []
    assert len(WITH_ANSWER) > 100


@pytest.mark.parametrize(("exchange", "kind"), WITH_ANSWER, ids=[exchange["name"] for exchange, _ in WITH_ANSWER])
def test_recorded_answer_is_read_strictly_and_written_back(exchange, kind):
    body = filled(exchange["body"])
    assert "<text>" not in body
    same_after_round_trip(TypeAdapter(kind), body)


KNOWN = {member.value for member in models.WebhookEvent}
EVENT = TypeAdapter(events.Event)


@pytest.mark.parametrize("delivery", DELIVERIES["events"], ids=lambda delivery: delivery["name"])
def test_recorded_delivery_is_read_strictly_and_written_back(delivery):
    assert json.loads(delivery["wire"]) == delivery["body"]
    if delivery["event"] not in KNOWN:
        with pytest.raises(ValueError, match="union_tag_invalid"):
            EVENT.validate_json(delivery["wire"])
        return
    same_after_round_trip(EVENT, delivery["body"])
    event = EVENT.validate_json(delivery["wire"])
    assert event.event == delivery["event"]
    assert parse_object(type(event), delivery["wire"].encode()) == event


def test_every_event_but_those_never_seen_has_a_delivery():
    seen = {delivery["event"] for delivery in DELIVERIES["events"]}
    assert seen >= {"sms:received", "sms:delivered", "mms:downloaded", "system:ping", "sms:batch:received"}


@pytest.mark.parametrize("row", DELIVERIES["inbox_examples"], ids=lambda row: row["id"])
def test_inbox_entry_is_read_strictly_and_written_back(row):
    same_after_round_trip(TypeAdapter(models.IncomingMessage), row)
