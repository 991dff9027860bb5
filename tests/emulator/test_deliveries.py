"""Webhook deliveries of emulated phones: bytes, signatures, schedule and misbehaviour."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from eventually import LIMIT, eventually
from smsgate import webhooks
from smsgate.__main__ import main
from smsgate.emulator import Attachment, Gateway, WebhookSender
from smsgate.emulator._phone import webhook_sender
from smsgate.emulator._state.messages import count_parts
from smsgate.phone import _message_ids as message_ids
from smsgate.phone._events import write_body

ROOT = Path(__file__).parents[2]
RECEIVER = "https://receiver.example/sms"


def register(talk, *names, **fields):
    return [talk("POST", "/webhooks", {"url": RECEIVER, "event": name, **fields}).json["id"] for name in names]


def documents(gateway):
    return [json.loads(attempt.body) for attempt in gateway.deliveries.due()]


def payloads(gateway):
    return [document["payload"] for document in documents(gateway)]


# --- what is sent -----------------------------------------------------------------------------------------------------


def test_bodies_are_written_as_the_app_writes_them(vectors):
    for event in vectors("webhook-events")["events"]:
        document = json.loads(event["wire"])

        assert write_body(document) == event["wire"].encode()


def test_nulls_are_left_out_and_quotes_escaped():
    written = write_body({"a": None, "b": [{"c": None, "d": "<\u2028'>"}], "e": 'ü"/'})

    assert written.decode() == '{"b":[{"d":"\\u003c\\u2028\\u0027\\u003e"}],"e":"ü\\"/"}'


def test_ids_of_received_messages_are_those_of_the_app(vectors):
    for case in vectors("webhook-events")["message_id_vectors"]:
        at = datetime.fromtimestamp(case["date_ms"] / 1000, timezone.utc)
        if case["kind"] == "text":
            checksum = message_ids.text_checksum(case["sender"], case["text"], at, case["subscription_id"])
        else:
            data = base64.b64decode(case["data_base64"])
            checksum = message_ids.data_checksum(case["sender"], data, at, case["subscription_id"])

        assert f"{checksum:x}" == case["webhook_message_id"]
        assert message_ids.inbox_id(case["kind"], checksum) == case["inbox_id"]


def test_received_text_goes_to_the_matching_webhook(cloud):
    (hook,) = register(cloud, "sms:received")
    register(cloud, "sms:sent", "mms:received")

    item = cloud.gateway.receive("+79990001234", "it's <you>", recipient="+79990005678", sim_number=1)
    (attempt,) = cloud.gateway.deliveries.due()

    document = json.loads(attempt.body)
    checksum = int(document["payload"]["messageId"], 16)
    assert item.id == message_ids.inbox_id("text", checksum)
    assert list(document) == ["deviceId", "event", "id", "payload", "webhookId"]
    assert list(document["payload"].items()) == [
        ("message", "it's <you>"),
        ("receivedAt", "2026-01-01T15:00:00.000+03:00"),
        ("messageId", f"{checksum:x}"),
        ("phoneNumber", "+79990001234"),
        ("recipient", "+79990005678"),
        ("sender", "+79990001234"),
        ("simNumber", 1),
    ]
    assert (attempt.url, document["webhookId"], len(document["id"])) == (RECEIVER, hook, 21)
    assert b"it\\u0027s \\u003cyou\\u003e" in attempt.body
    assert attempt.headers["User-Agent"].startswith("me.capcom.smsgateway/")


def test_every_kind_of_received_message_is_an_event_that_can_be_read(cloud):
    kinds = {
        "sms:received": webhooks.SmsReceived,
        "sms:data-received": webhooks.SmsDataReceived,
        "mms:received": webhooks.MmsReceived,
        "mms:downloaded": webhooks.MmsDownloaded,
    }
    register(cloud, *kinds)
    photo = Attachment(7, "dot.png", "image/png", b"\x89PNG")

    cloud.gateway.receive("900", "hello")
    cloud.gateway.receive("900", "010203feff", type="DATA_SMS")
    cloud.gateway.receive("900", "Holiday", type="MMS", attachments=[photo])
    cloud.gateway.receive("900", "Look", type="MMS_DOWNLOADED", attachments=[photo])
    cloud.gateway.receive("900", "no hex", type="DATA_SMS")
    read = [webhooks.parse_unverified(attempt.body) for attempt in cloud.gateway.deliveries.due()]

    assert [type(event) for event in read[:4]] == list(kinds.values())
    assert read[1].payload.data == b"\x01\x02\x03\xfe\xff" or read[1].payload.data == "AQID/v8="
    assert (read[2].payload.size, read[2].payload.subject) == (4, "Holiday")
    assert (read[3].payload.body, read[3].payload.attachments[0].part_id) == ("Look", 7)
    assert all(event.payload.remote == "900" for event in read)


def test_equal_message_of_the_same_moment_is_seen_once(cloud):
    register(cloud, "sms:received")

    first, second = cloud.gateway.receive("900", "hello"), cloud.gateway.receive("900", "hello")

    assert first is second
    assert len(cloud.gateway.deliveries.due()) == 1


def test_texts_whose_checksums_collide_are_both_seen(cloud):
    register(cloud, "sms:received")
    assert message_ids.name_checksum("Aa") == message_ids.name_checksum("BB")

    one, other = cloud.gateway.receive("900", "Aa"), cloud.gateway.receive("900", "BB")

    assert one.id != other.id
    assert len(cloud.gateway.deliveries.due()) == 2


def test_states_of_a_message_are_reported(cloud):
    register(cloud, "sms:sent", "sms:delivered", "sms:failed")
    cloud.gateway.devices[0].sim_cards = [{"slotIndex": 0, "simNumber": 1, "phoneNumber": "+79990009999"}]
    sent = cloud.send(["+79990001234", "+79990009901"], simNumber=1, id="m1").json

    cloud.clock.advance(5)
    told = {(one["event"], one["payload"]["recipient"]): one["payload"] for one in documents(cloud.gateway)}

    assert set(told) == {
        ("sms:sent", "+79990001234"),
        ("sms:delivered", "+79990001234"),
        ("sms:failed", "+79990009901"),
    }
    payload = told["sms:sent", "+79990001234"]
    assert list(payload) == ["partsCount", "sentAt", "messageId", "phoneNumber", "recipient", "sender", "simNumber"]
    assert (payload["messageId"], payload["partsCount"]) == (sent["id"], 1)
    assert (payload["sender"], payload["simNumber"]) == ("+79990009999", 1)
    assert told["sms:failed", "+79990009901"]["reason"].startswith("Send result: RESULT_ERROR")


def test_delivery_is_reported_for_every_part(cloud):
    register(cloud, "sms:delivered", "sms:sent")
    cloud.send(textMessage={"text": "я" * 71})

    cloud.clock.advance(5)
    told = documents(cloud.gateway)

    assert [one["event"] for one in told] == ["sms:sent", "sms:delivered", "sms:delivered"]
    assert told[0]["payload"]["partsCount"] == 2
    assert len({one["id"] for one in told}) == 3


@pytest.mark.parametrize(
    ("text", "parts"),
    [("a" * 160, 1), ("a" * 161, 2), ("a" * 307, 3), ("€" * 80, 1), ("€" * 81, 2), ("я" * 70, 1), ("😀" * 36, 2)],
)
def test_parts_are_counted_as_phones_do(cloud, text, parts):
    cloud.send(textMessage={"text": text})

    assert count_parts(cloud.gateway.messages[0]) == parts


def test_cancelled_message_is_reported_without_sim(cloud):
    register(cloud, "sms:cancelled")
    sent = cloud.send(simNumber=1).json
    cloud("DELETE", f"/messages/{sent['id']}")

    cloud.clock.advance(5)
    (payload,) = payloads(cloud.gateway)

    assert list(payload) == ["cancelledAt", "messageId", "phoneNumber", "recipient"]


def test_ping_and_start_are_sent_on_demand(cloud):
    register(cloud, "system:ping", "app:started")
    cloud.gateway.devices[0].sim_cards = [{"slotIndex": 0, "simNumber": 1, "phoneNumber": "+1"}]

    cloud.gateway.deliveries.ping()
    cloud.gateway.deliveries.app_started(cloud.gateway.devices[0].id)
    read = [webhooks.parse_unverified(attempt.body) for attempt in cloud.gateway.deliveries.due()]

    assert [type(event) for event in read] == [webhooks.SystemPing, webhooks.AppStarted]
    assert read[1].payload.sim_cards[0].phone_number == "+1"
    with pytest.raises(ValueError, match="no device"):
        cloud.gateway.deliveries.ping("nobody")


# --- to whom ----------------------------------------------------------------------------------------------------------


def test_every_registration_gets_its_own_delivery(cloud):
    hooks = register(cloud, "sms:received", "sms:received")

    cloud.gateway.receive("900", "hello")
    told = documents(cloud.gateway)

    assert {one["webhookId"] for one in told} == set(hooks)
    assert len({one["id"] for one in told}) == 2


def test_webhook_of_another_device_gets_nothing(open_gateway):
    talk = open_gateway(devices=2)
    one, other = (device.id for device in talk.gateway.devices)
    (hook,) = register(talk, "sms:received", deviceId=other)

    talk.gateway.receive("900", "to the first")
    talk.gateway.receive("900", "to the second", device_id=other)
    (told,) = documents(talk.gateway)

    assert (told["deviceId"], told["webhookId"]) == (other, hook)
    assert one != other


def test_removed_webhook_gets_nothing_new(cloud):
    (hook,) = register(cloud, "sms:received")
    cloud("DELETE", f"/webhooks/{hook}")

    cloud.gateway.receive("900", "hello")

    assert cloud.gateway.deliveries.due() == []


def test_local_server_delivers_with_its_own_device_id(local):
    local("POST", "/webhooks", {"url": "http://127.0.0.1:9/sms", "event": "sms:received"})

    local.gateway.receive("900", "hello")
    (attempt,) = local.gateway.deliveries.due()

    assert attempt.url == "http://127.0.0.1:9/sms"
    assert json.loads(attempt.body)["deviceId"] == local.gateway.devices[0].id


# --- signatures -------------------------------------------------------------------------------------------------------


def test_every_device_signs_with_its_own_key(open_gateway):
    talk = open_gateway(devices=2)
    register(talk, "sms:received")
    keys = {device.id: device.signing_key for device in talk.gateway.devices}

    for device in talk.gateway.devices:
        talk.gateway.receive("900", f"to {device.name}", device_id=device.id)
    attempts = talk.gateway.deliveries.due()

    assert len(set(keys.values())) == 2
    for attempt in attempts:
        webhooks.parse(attempt.body, attempt.headers, signing_key=keys, now=talk.clock())
    assert not any(key in repr([talk.gateway.devices, attempts]) for key in keys.values())


def test_key_can_be_set_on_a_local_server(local):
    local("PATCH", "/settings", {"webhooks": {"signing_key": "chosen by me"}})
    local("POST", "/webhooks", {"url": RECEIVER, "event": "sms:received"})

    local.gateway.receive("900", "hello")
    (attempt,) = local.gateway.deliveries.due()

    webhooks.verify(attempt.body, attempt.headers, signing_key="chosen by me", now=local.clock())


def test_same_gateway_made_again_signs_with_the_same_keys():
    assert Gateway(seed=1).devices[0].signing_key == Gateway(seed=1).devices[0].signing_key
    assert Gateway(seed=1).devices[0].signing_key != Gateway(seed=2).devices[0].signing_key
    assert Gateway().devices[0].signing_key != Gateway().devices[0].signing_key


# --- repetitions ------------------------------------------------------------------------------------------------------


def test_failed_delivery_is_repeated_on_the_schedule_of_the_app(cloud):
    register(cloud, "sms:received")
    cloud.gateway.receive("900", "hello")
    started, times, bodies, signatures = cloud.clock(), [], set(), set()

    while cloud.gateway.deliveries.waiting:
        for attempt in cloud.gateway.deliveries.due():
            times.append(round((cloud.clock() - started).total_seconds()))
            bodies.add(attempt.body)
            signatures.add(attempt.headers["X-Signature"])
            webhooks.verify(attempt.body, attempt.headers, signing_key=key(cloud), now=cloud.clock())
            cloud.gateway.deliveries.settle(attempt, 500 if len(times) % 2 else None)
        if cloud.gateway.deliveries.waiting:
            cloud.clock.advance((cloud.gateway.deliveries.waiting[0].due - cloud.clock()).total_seconds())

    assert times[:6] == [0, 5, 15, 35, 75, 155]
    assert (len(times), times[-1]) == (16, 163_835)
    assert (len(bodies), len(signatures)) == (1, 16)
    (delivery,) = cloud.gateway.deliveries.all
    assert (delivery.state, delivery.attempts, delivery.statuses[:2]) == ("dropped", 16, [500, None])


def key(talk):
    return talk.gateway.devices[0].signing_key


def test_number_of_repetitions_follows_the_settings(cloud):
    cloud("PATCH", "/settings", {"webhooks": {"retry_count": 1}})
    register(cloud, "sms:received")
    cloud.gateway.receive("900", "hello")

    for _ in range(2):
        for attempt in cloud.gateway.deliveries.due():
            cloud.gateway.deliveries.settle(attempt, 404)
        cloud.clock.advance(5)

    assert [delivery.state for delivery in cloud.gateway.deliveries.all] == ["dropped"]


@pytest.mark.parametrize(
    ("status", "state"), [(200, "delivered"), (299, "delivered"), (199, "waiting"), (307, "waiting")]
)
def test_only_2xx_is_success(cloud, status, state):
    register(cloud, "sms:received")
    cloud.gateway.receive("900", "hello")
    (attempt,) = cloud.gateway.deliveries.due()

    cloud.gateway.deliveries.settle(attempt, status)

    assert [delivery.state for delivery in cloud.gateway.deliveries.all] == [state]


def test_attempt_that_nobody_settles_is_made_again_after_five_minutes(cloud):
    register(cloud, "sms:received")
    cloud.gateway.receive("900", "hello")
    cloud.gateway.deliveries.due()

    assert cloud.gateway.deliveries.due() == []
    cloud.clock.advance(300)
    assert len(cloud.gateway.deliveries.due()) == 1


# --- bad habits -------------------------------------------------------------------------------------------------------


def test_phones_can_repeat_double_and_shuffle(cloud):
    register(cloud, "sms:received")
    cloud.gateway.deliveries.misbehaviour.repeat = 0.2
    cloud.gateway.deliveries.misbehaviour.twin = 0.2
    cloud.gateway.deliveries.misbehaviour.shuffle = True
    for number in range(100):
        cloud.gateway.receive("900", str(number))
        cloud.clock.advance(0.001)

    made = []
    while attempts := cloud.gateway.deliveries.due():
        for attempt in attempts:
            made.append(json.loads(attempt.body))
            cloud.gateway.deliveries.settle(attempt, 200)

    ids = [one["id"] for one in made]
    texts = [one["payload"]["message"] for one in made]
    assert 110 < len(set(ids)) < 135
    assert len(ids) > len(set(ids)) + 10
    assert (len(set(texts)), texts != sorted(texts, key=int)) == (100, True)


# --- the deliverer ----------------------------------------------------------------------------------------------------


@pytest.fixture
def receiver():
    got, answers = [], []  # an answer is a status, or headers and a body besides

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append((self.path, dict(self.headers), body))
            self.server.before_answer()
            answer = answers.pop(0) if answers else 204
            status, headers, content = answer if isinstance(answer, tuple) else (answer, {}, b"")
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        server.got, server.answers, server.before_answer = got, answers, lambda: None
        server.url = f"http://127.0.0.1:{server.server_port}"
        yield server
        server.shutdown()
        thread.join()


def test_deliverer_sends_what_is_due_to_the_rewritten_url(cloud, receiver):
    register(cloud, "sms:received")
    cloud.gateway.receive("900", "hello")
    deliverer = WebhookSender(cloud.gateway, rewrite={"https://receiver.example": receiver.url})

    counts = [deliverer.deliver_due(), deliverer.deliver_due()]
    deliverer.stop()

    ((path, headers, body),) = receiver.got
    assert (counts, path) == ([1, 0], "/sms")
    webhooks.verify(body, headers, signing_key=key(cloud), now=cloud.clock())
    assert [delivery.state for delivery in cloud.gateway.deliveries.all] == ["delivered"]


def test_deliverer_repeats_what_fails(cloud, receiver):
    cloud("POST", "/webhooks", {"url": "https://127.0.0.1:1/", "event": "sms:received"})
    register(cloud, "sms:received")
    receiver.answers += [500]
    cloud.gateway.receive("900", "hello")
    deliverer = WebhookSender(cloud.gateway, rewrite={"https://receiver.example": receiver.url})

    deliverer.deliver_due()
    cloud.clock.advance(5)
    deliverer.deliver_due()
    deliverer.stop()

    refused, repeated = sorted(cloud.gateway.deliveries.all, key=lambda delivery: delivery.url)
    assert (refused.statuses, repeated.statuses) == ([None, None], [500, 204])


@pytest.mark.parametrize("url", ["https://..", "https://xn--a/", "https://[::1", f"https://{'a' * 99}/"])
def test_url_that_cannot_be_called_stops_no_other_delivery(cloud, receiver, url):
    cloud.gateway._state.webhooks["bad"] = {"id": "bad", "deviceId": None, "url": url, "event": "sms:received"}
    register(cloud, "sms:received")
    cloud.gateway.receive("900", "hello")

    with WebhookSender(cloud.gateway, rewrite={"https://receiver.example": receiver.url}, interval=0.01):
        eventually(lambda: receiver.got)

    (bad,) = cloud.gateway.deliveries.waiting
    assert (bad.url, bad.statuses) == (url, [None])
    assert bad.log[0].error


def test_log_of_a_delivery_holds_each_attempt_and_its_response(cloud, receiver):
    register(cloud, "sms:received")
    receiver.answers += [(500, {"X-Reason": "full", "Set-Cookie": "a=b"}, b"x" * 5000), (200, {}, b"thanks")]
    cloud.gateway.receive("900", "hello")
    deliverer = WebhookSender(cloud.gateway, rewrite={"https://receiver.example": receiver.url})
    deliverer.deliver_due()
    cloud.clock.advance(5)
    deliverer.deliver_due()
    deliverer.stop()

    (delivery,) = cloud.gateway.deliveries.all
    first, second = delivery.log
    assert [(one.status, one.error, one.is_success) for one in delivery.log] == [(500, None, False), (200, None, True)]
    assert ("X-Reason", "full") in [(name.title(), value) for name, value in first.response_headers]
    assert (first.response_body, second.response_body) == (b"x" * 4096, b"thanks")
    assert (second.at - first.at).total_seconds() == 5
    assert first.request_headers["X-Signature"] != second.request_headers["X-Signature"]
    assert all(one.duration > 0 for one in delivery.log)
    assert "cookie" not in {name.lower() for name in receiver.got[1][1]}


def test_response_that_takes_too_long_is_none(cloud, receiver, monkeypatch):
    monkeypatch.setattr(webhook_sender, "TOTAL_TIMEOUT", 0.0)
    register(cloud, "sms:received")
    receiver.answers += [(200, {}, b"slow")]
    cloud.gateway.receive("900", "hello")
    deliverer = WebhookSender(cloud.gateway, rewrite={"https://receiver.example": receiver.url})

    deliverer.deliver_due()
    deliverer.stop()

    (delivery,) = cloud.gateway.deliveries.all
    assert (delivery.state, delivery.statuses) == ("waiting", [None])
    assert "took more than" in delivery.log[0].error


def test_each_attempt_is_signed_with_its_own_time(cloud, receiver):
    register(cloud, "sms:received")
    receiver.before_answer = lambda: cloud.clock.advance(600)  # a slow receiver
    for number in range(3):
        cloud.gateway.receive("900", str(number))

    deliverer = WebhookSender(cloud.gateway, rewrite={"https://receiver.example": receiver.url})
    deliverer.deliver_due()
    deliverer.stop()

    stamps = [int(headers["X-Timestamp"]) for _, headers, _ in receiver.got]
    assert [stamp - stamps[0] for stamp in stamps] == [0, 600, 1200]


def test_delivery_can_be_made_again_by_hand(cloud):
    register(cloud, "sms:received")
    cloud.gateway.receive("900", "hello")
    (attempt,) = cloud.gateway.deliveries.due()
    cloud.gateway.deliveries.settle(attempt, 200)

    cloud.gateway.deliveries.redeliver(attempt.delivery.id)
    (again,) = cloud.gateway.deliveries.due()

    assert (again.body, cloud.gateway.deliveries.find(again.delivery.id).state) == (attempt.body, "waiting")
    assert cloud.gateway.deliveries.find("nothing") is None
    with pytest.raises(ValueError, match="no delivery"):
        cloud.gateway.deliveries.redeliver("nothing")


def test_deliverer_works_by_itself_while_it_is_open(receiver):
    gateway = Gateway(mode="local")
    gateway._state.webhooks["w"] = {"id": "w", "url": receiver.url + "/x", "event": "sms:received", "source": "Local"}

    with WebhookSender(gateway, interval=0.01):
        gateway.receive("900", "hello")
        eventually(lambda: not gateway.deliveries.waiting)

    assert [path for path, _, _ in receiver.got] == ["/x"]


@pytest.fixture
def command(receiver):
    listed = [f"https://receiver.example={receiver.url}", "--signing-key", "chosen-key"]
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "smsgate", "emulator", "--port", "0", "--rewrite", *listed],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "generated")])},
    )
    yield process
    process.terminate()
    assert process.communicate(timeout=LIMIT)[1] == ""


def test_command_delivers_with_the_key_and_the_rewriting_it_was_given(command, receiver):
    url = command.stdout.readline().strip()
    with httpx.Client(base_url=url, auth=("demo", "demo-password"), trust_env=False) as client:
        assert client.post("/webhooks", json={"url": RECEIVER, "event": "sms:sent"}).status_code == 201
        client.post("/messages", json={"phoneNumbers": ["+79990001234"], "textMessage": {"text": "hi"}})

    eventually(lambda: receiver.got)
    ((_, headers, body),) = receiver.got
    assert isinstance(webhooks.parse(body, headers, signing_key="chosen-key"), webhooks.SmsSent)


def test_text_can_be_let_in_from_outside_the_command(command, receiver):
    url = command.stdout.readline().strip()
    with httpx.Client(base_url=url, auth=("demo", "demo-password"), trust_env=False) as client:
        assert client.post("/webhooks", json={"url": RECEIVER, "event": "sms:received"}).status_code == 201
        text = {"sender": "+12025550101", "text": "Hello"}
        assert client.post(httpx.URL(url).copy_with(path="/emulator/receive"), json=text, auth=None).status_code == 201

    eventually(lambda: receiver.got)
    ((_, headers, body),) = receiver.got
    event = webhooks.parse(body, headers, signing_key="chosen-key")
    assert (event.payload.remote, event.payload.message) == ("+12025550101", "Hello")


def test_command_refuses_a_rewriting_without_replacement(capsys):
    assert main(["emulator", "--rewrite", "https://receiver.example"]) == 2
    assert "BEGINNING=REPLACEMENT" in capsys.readouterr().err
