"""2,000 random requests over our spec, checked against the rules that the recording of the real server fixes.

Each request is made of the spec: an operation, valid and invalid parameters, a valid or spoiled body, credentials of
any kind. `verify` knows the order of the checks, the forms of all responses and the texts of errors; it shares no code
with the emulator.
"""

from __future__ import annotations

import json
import random
import re
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

yaml = pytest.importorskip("yaml", reason="reads the spec")

TESTS = Path(__file__).parents[1]
SPEC = yaml.safe_load((TESTS.parent / "spec" / "smsgate.yaml").read_text("utf-8"))
RECORDING = json.loads((TESTS / "vectors" / "server-exchanges.json").read_text("utf-8"))["exchanges"]
REQUESTS = 2_000
SEEDS = (1, 2)
LIMIT = 120.0
"""Seconds for all requests of one seed; a quiet machine needs about one."""

NOT_ON_THE_CLOUD = {"/inbox/{id}/attachments/{partId}"}
WRONG_KINDS = (None, "", "x", 0, -1, 2**70, 1.5, True, [], [1], {}, {"a": 1})
WRONG_VALUES = ("", " ", "x", "0", "-1", "101", "1.5", "2026-01-01", "yes", "\0", "é", "9" * 30)
GOOD_NUMBERS = ("+79990001231", "+79990001239", "+79990001235", "+12025550101")
BAD_NUMBERS = ("123", "x", "", "+7999000123 ")
GOOD_URLS = ("https://example.com/a", "https://example.com/b")
BAD_URLS = ("http://example.com", "https://exa mple.com", " https://example.com", "x", "https://e.com/" + "x" * 300)
CONTENTS = ["textMessage", "dataMessage", "message"]
HOURS = "Invalid settings format: failed to validate: validation failed"
KEY_ERROR = "failed to validate: Key: "
UNIQUE_ID = re.compile(r"[A-Za-z0-9_-]{21}")
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
VARIABLE = re.compile(
    r"(failed to (?:validate: Key|parse (?:query|body|phone number))|scope required|\"device_id\" =|Error 14|HH:mm).*",
    re.DOTALL,
)


def operations():
    for path, methods in SPEC["paths"].items():
        if path not in NOT_ON_THE_CLOUD:
            for method, operation in methods.items():
                if method in {"get", "post", "put", "patch", "delete"}:
                    yield path, method.upper(), operation


OPERATIONS = list(operations())


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        node = SPEC["components"][node["$ref"].split("/")[-2]][node["$ref"].split("/")[-1]]
    return node


def recorded_errors():
    """Statuses and texts of recorded errors, without what varies."""
    for step in RECORDING:
        body = step.get("body")
        if isinstance(body, dict) and set(body) == {"message"} and step["status"] >= 400:
            yield step["status"], shorten(body["message"])


def shorten(message: str) -> str:
    return VARIABLE.sub(r"\1", message)


ERRORS = {
    *recorded_errors(),
    # described by the facts, but in no single recorded response
    (400, "failed to parse phone number"),
    (400, "invalid phone number"),
    (400, "failed to validate: validation failed: scheduleAt must be in the future"),
    (400, "failed to validate: validation failed: invalid event type"),
    (400, 'invalid "device_id" ='),
    *((400, f"{HOURS}: workHours{end} is required when work hours are enabled") for end in ("Start", "End")),
    *((400, f"{HOURS}: workHours{end} must be in HH:mm") for end in ("Start", "End")),
    (400, "failed to generate token pair: invalid params: access ttl must be positive"),
}


@dataclass
class Asked:
    """A random request, and what is known about it."""

    path: str
    method: str
    operation: dict[str, Any]
    target: str
    auth: str
    body: bytes | None
    headers: dict[str, str]
    params: dict[str, str] = field(default_factory=dict)

    @property
    def scope(self) -> str:
        return self.operation.get("x-scope", "")

    def __str__(self) -> str:
        return f"{self.auth}: {self.method} {self.target} {self.headers} {self.body!r}"


class Generator:
    """Makes requests; ``used`` collects values of earlier responses, so that some requests hit what exists."""

    def __init__(self, talk, seed: int) -> None:
        self.talk = talk
        self.random = random.Random(seed)
        self.used = {
            "id": ["m1", "m2", "m3"],
            "deviceId": [device.id for device in talk.gateway.devices],
            "jti": ["x" * 21],
        }

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def request(self) -> Asked:
        path, method, operation = self.random.choice(OPERATIONS)
        if self.chance(0.45):
            path, method, operation = next(found for found in OPERATIONS if found[2]["operationId"] == "send_message")
        params = self.parameters(operation)
        target = re.sub(r"\{(\w+)\}", lambda found: quote(self.path_value(found[1]), safe=""), path)
        if params:
            target += "?" + urlencode(params)
        body, headers = self.body(operation)
        if self.chance(0.2):
            headers["X-Request-ID"] = f"mine-{self.random.randrange(10**6)}"
        auth = self.random.choices(["basic", "all", "none", "wrong", "garbage", "scope"], [70, 12, 3, 3, 3, 9])[0]
        return Asked(path, method, operation, target, auth, body, headers, params)

    def path_value(self, name: str) -> str:
        if self.chance(0.6):
            return self.random.choice(self.used["jti" if name == "jti" else "id"])
        return self.random.choice(["nobody", "a b", "é", "a\0b", "x" * 60, *self.used["deviceId"]])

    def parameters(self, operation) -> dict[str, str]:
        chosen: dict[str, str] = {}
        for parameter in map(resolve, operation.get("parameters", ())):
            if parameter["in"] == "query" and self.chance(0.25):
                value = self.value(parameter["schema"], parameter["name"])
                chosen[parameter["name"]] = json.dumps(value) if not isinstance(value, str) else value
                if self.chance(0.15):
                    chosen[parameter["name"]] = self.random.choice(WRONG_VALUES)
        if self.chance(0.05):
            chosen["nonsense"] = "1"
        return chosen

    def body(self, operation) -> tuple[bytes | None, dict[str, str]]:
        if "requestBody" not in operation:
            return None, {}
        schema = resolve(operation["requestBody"])["content"]["application/json"]["schema"]
        value = self.value(schema, "")
        if self.chance(0.25):
            value = self.spoil(value)
        content = json.dumps(value).encode()
        kind = "application/json"
        if self.chance(0.04):
            content = content[: len(content) // 2] + b"\xff"
        elif self.chance(0.04):
            kind = self.random.choice(["text/plain", "application/x-www-form-urlencoded", ""])
        return content, {"Content-Type": kind}

    def spoil(self, value: Any) -> Any:
        if not isinstance(value, dict) or not value or self.chance(0.1):
            return self.random.choice(WRONG_KINDS)
        name = self.random.choice([*value])
        action = self.random.choice(["drop", "wrong", "deeper", "unknown", "case"])
        if action == "drop":
            return {key: item for key, item in value.items() if key != name}
        if action == "unknown":
            return {**value, "nonsense": {"a": 1}}
        if action == "case":
            return {(key.upper() if key == name else key): item for key, item in value.items()}
        return {**value, name: self.spoil(value[name]) if action == "deeper" else self.random.choice(WRONG_KINDS)}

    def value(self, schema: dict[str, Any], name: str) -> Any:
        schema = resolve(schema)
        choices = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
        if choices:
            return self.value(self.random.choice(choices), name)
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        kind = schema.get("type", "object")
        kind = self.random.choice(kind) if isinstance(kind, list) else kind
        makers = {"object": self._object, "array": self._array, "string": self._string}
        return makers[kind](schema, name) if kind in makers else self._simple(schema, kind)

    def _object(self, schema, name) -> dict[str, Any]:
        required = schema.get("required", ())
        if name == "" and "phoneNumbers" in schema.get("properties", ()):
            required = [*required, *self.random.sample(CONTENTS, self.random.choice([1] * 12 + [0, 2]))]
        return {
            key: self.value(part, key)
            for key, part in schema.get("properties", {}).items()
            if key in required or (self.chance(0.1) and key not in CONTENTS)
        }

    def _array(self, schema, name) -> list[Any]:
        return [self.value(schema["items"], name) for _ in range(self.random.choice([1, 1, 1, 1, 2, 2, 3, 0]))]

    def _string(self, schema, name) -> str:
        if schema.get("format") == "date-time":
            moment = self.talk.clock() + timedelta(seconds=self.random.choice([-86_400, -60, 60, 86_400]))
            return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if name == "phoneNumbers":
            return self.random.choice(GOOD_NUMBERS if self.chance(0.92) else BAD_NUMBERS)
        if name in self.used and self.chance(0.8):
            return self.random.choice(self.used[name])
        if name == "url":
            return self.random.choice(GOOD_URLS if self.chance(0.5) else BAD_URLS)
        if name == "data":
            return self.random.choice(["SGVsbG8=", "SGVsbG8=", "SGVsbG8", ""])
        return self.random.choice(["hi", "<&>\u2028é", "hello", "x" * 40, "09:00", ""])

    def _simple(self, schema, kind) -> Any:
        if kind == "integer":
            return self.random.choice([schema.get("minimum", 0), schema.get("maximum", 100), 1, 2, 5, 60, 0, -1])
        return {"number": 1.5, "null": None, "boolean": self.chance(0.5)}[kind]


class Player:
    """Sends random requests, and verifies each response."""

    def __init__(self, talk, seed: int) -> None:
        self.talk = talk
        self.generator = Generator(talk, seed)
        self.accepted: set[tuple[str, str]] = set()
        self.counts: dict[int, int] = {}

    def play(self) -> None:
        asked = self.generator.request()
        self.talk.clock.advance(0.01)
        answer = self.talk(asked.method, asked.target, raw=asked.body, headers=asked.headers, auth=self.header(asked))
        self.counts[answer.status] = self.counts.get(answer.status, 0) + 1
        try:
            self.verify(asked, answer)
        except AssertionError as error:
            raise AssertionError(f"{asked}\n-> {answer.status} {answer.content!r}\n{error}") from error

    def header(self, asked: Asked) -> str | None:
        if asked.auth in {"basic", "none"}:
            return "basic" if asked.auth == "basic" else None
        if asked.auth in {"wrong", "garbage"}:
            return "Basic eDp5" if asked.auth == "wrong" else "Bearer a.b.c"
        scope = "all:any" if asked.auth == "all" else "logs:read"
        return "Bearer " + self.talk.token(scope)["access_token"]

    def verify(self, asked: Asked, answer) -> None:
        verify_form(asked, answer)
        if not asked.scope:  # health
            assert answer.status == 200
        elif asked.auth in {"none", "wrong", "garbage"}:
            assert (answer.status, answer.message) == (401, "Unauthorized")
        elif asked.scope == "tokens:refresh" or (asked.auth == "scope" and asked.scope != "logs:read"):
            assert (answer.status, answer.message) == (403, f"scope required: {asked.scope}")
        else:
            self.verify_checks(asked, answer)

    def verify_checks(self, asked: Asked, answer) -> None:
        """Verify the order of query, body, and everything later; statuses are those of the spec."""
        assert str(answer.status) in asked.operation["responses"]
        name = asked.operation["operationId"]
        if answer.status == 400 and name == "send_message":
            self.verify_rejection(asked, answer.message)
        if answer.status < 300:
            assert not is_unreadable(asked)
        if name == "send_message":
            self.verify_send(asked, answer)
        elif answer.status == 200 and asked.path == "/messages/{id}":
            assert answer.json["state"] in {"Pending", "Cancelling", "Processed", "Sent", "Delivered"}
        elif answer.status == 201 and name == "create_token":
            self.generator.used["jti"].append(answer.json["id"])

    def verify_rejection(self, asked: Asked, message: str) -> None:
        query_error = any(not is_valid_query(name, value) for name, value in asked.params.items())
        assert message.startswith("failed to parse query:") is query_error
        if not query_error and is_unreadable(asked):
            assert message.startswith(("failed to parse body:", KEY_ERROR))

    def verify_send(self, asked: Asked, answer) -> None:
        if answer.status not in {202, 409}:
            return
        sent = {key.lower(): value for key, value in json.loads(asked.body).items()}
        device, identity = sent.get("deviceid"), sent.get("id") or ""
        if answer.status == 409:
            assert identity
            assert any(found == identity and (device or where) == where for found, where in self.accepted)
            return
        state = answer.json
        assert (identity, device) not in self.accepted
        self.accepted.add((state["id"], state["deviceId"]))
        self.generator.used["id"].append(state["id"])
        assert state["id"] == identity if identity else UNIQUE_ID.fullmatch(state["id"])
        assert answer.headers["location"] == f"/3rdparty/v1/message/{state['id']}".replace("\0", " ")
        assert (state["state"], list(state["states"])) == ("Pending", ["Pending"])
        assert [one["state"] for one in state["recipients"]] == ["Pending"] * len(sent["phonenumbers"])
        if not sent.get("isencrypted") and asked.params.get("skipPhoneValidation") != "true":
            assert all(re.fullmatch(r"\+[1-9]\d+", one["phoneNumber"]) for one in state["recipients"])


def is_valid_query(name: str, value: str) -> bool:
    if name == "deviceActiveWithin":
        return re.fullmatch(r"\d{0,18}", value) is not None
    return name != "skipPhoneValidation" or value in {"true", "false", "0", "1", ""}


def is_unreadable(asked: Asked) -> bool:
    """Whether no server could read the body."""
    if asked.body is None:
        return False
    try:
        json.loads(asked.body)
    except ValueError:
        return True
    return asked.headers["Content-Type"] != "application/json"


def verify_form(asked: Asked, answer) -> None:
    """Verify headers and the form of the body, which hold for every response."""
    given = asked.headers.get("X-Request-ID")
    assert answer.headers["x-request-id"] == given if given else UUID.fullmatch(answer.headers["x-request-id"])
    assert 'rel="api-catalog"' in answer.headers["link"]
    assert "www-authenticate" not in answer.headers
    assert answer.status not in {405, 415, 422}
    if answer.status == 204:
        assert (answer.content, answer.headers.get("content-type")) == (b"", None)
    elif answer.status == 202 and answer.content == b"Accepted":
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert asked.path in {"/inbox/refresh", "/messages/inbox/export"}
        assert ("deprecation" in answer.headers) is (asked.path == "/messages/inbox/export")
    else:
        assert answer.headers["content-type"] == "application/json"
        assert not set("<>&\u2028") & set(answer.content.decode())
        compact = json.dumps(answer.json, ensure_ascii=False, separators=(",", ":"))
        assert answer.content == compact.translate(GO).encode()
        verify_body(asked, answer)


GO = str.maketrans({mark: f"\\u{ord(mark):04x}" for mark in "<>&\u2028\u2029"})


def verify_body(asked: Asked, answer) -> None:
    if answer.status >= 400:
        assert set(answer.json) == {"message"}
        assert (answer.status, shorten(answer.message)) in ERRORS
        return
    if asked.method == "GET" and asked.path == "/messages":
        assert int(answer.headers["x-total-count"]) >= len(answer.json)
        for row in answer.json:
            numbers = [one["phoneNumber"] for one in row["recipients"]]
            assert numbers == sorted(numbers)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_requests_meet_the_rules_of_the_recording(open_gateway, seed):
    player = Player(open_gateway(devices=3, phone=False, seed=seed), seed)
    started = time.monotonic()

    for _ in range(REQUESTS // len(SEEDS)):
        player.play()

    assert time.monotonic() - started < LIMIT
    assert {200, 201, 202, 204, 400, 401, 403, 404, 409, 501} <= set(player.counts)
    assert player.counts[202] > 80
