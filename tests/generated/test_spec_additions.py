"""Additions to the spec that work after generating alone: field, parameter, endpoint, event, value of an enum."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from generation import generate_package, read_spec

TEXT = {"type": "string", "description": "Some text."}

PROGRAM = """
import json, sys
from smsgate import APIClient, DeviceSettings, Message, SettingsMessages, TextMessage, Webhook, webhooks
from smsgate.domain import IncomingMessageType, LimitPeriod, ProcessState
from smsgate.emulator import Gateway
from smsgate_api import operations

gateway = Gateway()
client = APIClient(gateway.login, gateway.password, http=gateway.http())
phone = Gateway(mode="local")
nearby = APIClient(phone.login, phone.password, base_url="http://phone.example:8080", http=phone.http())
limit = DeviceSettings(messages=SettingsMessages(limit_period=LimitPeriod.PER_WEEK))
message = Message(phone_numbers=["+12025550123"], text_message=TextMessage("Hi"), note="a remark")
state = client.send(message)
stub = APIClient("login", "password", base_url=sys.argv[1])
missed = {"id": "1", "webhookId": "2", "event": "call:missed", "deviceId": "3", "payload": {"text": "busy"}}
print(json.dumps({
    "field in a request": [m.id for m in gateway.messages] == [state.id],
    "field in a response": stub.get_state("some-id").note,
    "parameter": [m.id for m in client.execute(operations.list_messages(tag="a"))] == [state.id],
    "parameter on the wire": operations.list_messages(tag="a&b").query,
    "endpoint": stub.execute(operations.get_battery("some-id")).text,
    "event": repr(type(webhooks.parse_unverified(json.dumps(missed).encode()))),
    "payload of the event": webhooks.parse_unverified(json.dumps(missed).encode()).payload.text,
    "webhook for the event": client.create_webhook(Webhook(url="https://a.example", event="call:missed")).event.name,
    "state in a query": [len(each.get_messages(state=ProcessState.Expired)) for each in (client, nearby)],
    "value of a setting": [each.patch_settings(limit).messages.limit_period.name for each in (client, nearby)],
    "type in a query": len(nearby.list_inbox_messages(message_type=IncomingMessageType.RCS)),
}))
"""


def extended_spec():
    spec = read_spec()
    schemas, paths = spec["components"]["schemas"], spec["paths"]
    schemas["Message"]["properties"]["note"] = schemas["MessageState"]["properties"]["note"] = TEXT
    schemas["Note"] = {"type": "object", "description": "A note.", "properties": {"text": TEXT}}
    paths["/messages"]["get"]["parameters"].append(
        {"name": "tag", "in": "query", "schema": TEXT, "description": "Tag."}
    )
    endpoint = copy.deepcopy(paths["/messages/{id}"]["get"])
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Note"}}}
    endpoint["responses"]["200"] = {"description": "The note.", "content": content}
    endpoint["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": TEXT, "description": "Id."}]
    paths["/devices/{id}/battery"] = {"get": {**endpoint, "operationId": "get_battery"}}
    event = schemas["CallMissed"] = copy.deepcopy(schemas["SmsCancelled"])
    event["properties"]["event"]["const"] = "call:missed"
    event["properties"]["payload"]["$ref"] = "#/components/schemas/Note"
    schemas["Event"]["oneOf"].append({"$ref": "#/components/schemas/CallMissed"})
    schemas["Event"]["discriminator"]["mapping"]["call:missed"] = "#/components/schemas/CallMissed"
    hook = spec["webhooks"]["call:missed"] = copy.deepcopy(spec["webhooks"]["sms:cancelled"])
    hook["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"] = "#/components/schemas/CallMissed"
    schemas["WebhookEvent"]["enum"].append("call:missed")
    schemas["WebhookEvent"]["x-enum-varnames"].append("CALL_MISSED")
    for enum, value, name in (
        ("ProcessState", "Expired", "Expired"),
        ("LimitPeriod", "PerWeek", "PER_WEEK"),
        ("IncomingMessageType", "RCS", "RCS"),
    ):
        schemas[enum]["enum"].append(value)
        schemas[enum]["x-enum-varnames"].append(name)
    return spec


class _Stub(BaseHTTPRequestHandler):
    def do_GET(self):
        state = {"id": "some-id", "deviceId": "d", "state": "Pending", "recipients": [], "note": "from afar"}
        body = json.dumps({"text": "80 %"} if self.path == "/devices/some-id/battery" else state).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def stub_url():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Stub)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_additions_work_without_an_edit_by_hand(tmp_path, stub_url):
    environment = {**os.environ, "PYTHONPATH": str(generate_package(extended_spec(), tmp_path))}
    program = [sys.executable, "-c", PROGRAM, stub_url]
    finished = subprocess.run(program, env=environment, check=False, capture_output=True, text=True)

    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout) == {
        "field in a request": True,
        "field in a response": "from afar",
        "parameter": True,
        "parameter on the wire": "tag=a%26b",
        "endpoint": "80 %",
        "event": "<class 'smsgate_api.events.CallMissed'>",
        "payload of the event": "busy",
        "webhook for the event": "CALL_MISSED",
        "state in a query": [0, 0],
        "value of a setting": ["PER_WEEK", "PER_WEEK"],
        "type in a query": 0,
    }
