"""Fuzz test of the receiver: damaged requests without sockets, the same for the same seed except for timestamps.

Each is a recorded delivery with a change in body, headers, method or path: other bytes, or other values in valid JSON.
Bodies are split at random places, and some are truncated. Every request goes through `webhooks.verify`,
`webhooks.parse` and an application. The exit code is 0 when they raised no other error than `WebhookError`, and the
applications responded to everything with 2xx or 4xx and logged no error.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from smsgate import webhooks
from smsgate.encryption import Encryptor
from smsgate.errors import WebhookError
from smsgate.fastapi import WebhookRouter
from smsgate.receiver import WebhookApp

if TYPE_CHECKING:
    from collections.abc import Sequence

Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]

VECTORS = Path(__file__).parents[1] / "tests" / "vectors" / "webhook-events.json"
LARGEST = 20_000
PIECES = [b"null", b"[]", b"{}", b'""', b"-1", b"1e999", b"NaN", rb'"\ud800"', b"}", b"{", b"[" * 300, b"\xff", b"\0"]
TIMES = ["", "0", "-1", " 1", "1e9", "999999999999", "9999999999999", "\uff11\uff12"]
VALUES: list[Any] = [
    None,
    True,
    -1,
    1e308,
    "",
    "x",
    [],
    {},
    [[{}]],
    {"": None},
    "2026-13-41T25:61:61",
    "\ud800",
    "a" * 1000,
]
UNRECORDED = {
    "sms:cancelled": {"cancelledAt": "2026-10-04T18:20:31.000Z", "messageId": "m", "recipient": "+15550107788"},
    "mms:received": {"messageId": "T1", "receivedAt": "2026-10-04T18:20:31.000Z", "size": 7, "transactionId": "T1"},
    "app:started": {"simCards": [{"phoneNumber": "+15550107788", "simNumber": 1, "slotIndex": 0}]},
}
ERRORS: list[logging.LogRecord] = []


@dataclass(frozen=True, slots=True)
class Damaged:
    """One request."""

    method: str
    path: str
    headers: list[tuple[bytes, bytes]]
    body: bytes
    whole: bool


class Damage:
    """Endless iterator of requests, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - repeatable, nothing here is secret
        recorded = json.loads(VECTORS.read_text())
        self.key: str = recorded["key"]
        self.devices: list[str] = sorted(
            {json.loads(event["wire"]).get("deviceId", "") for event in recorded["events"]}
        )
        self._recorded = [(event["wire"].encode(), event["headers"]) for event in recorded["events"]]
        for name, payload in UNRECORDED.items():
            document = {**json.loads(self._recorded[0][0]), "event": name, "payload": payload}
            self._recorded.append((json.dumps(document).encode(), self._recorded[0][1]))

    def __iter__(self) -> Iterator[Damaged]:
        chance = self._chance
        while True:
            body, headers = chance.choice(self._recorded)
            body = self._body(body)
            method = chance.choice(["GET", "post", ""]) if chance.random() < 0.01 else "POST"  # noqa: PLR2004 - a share
            path = self.damage(b"/sms").decode("latin-1") if chance.random() < 0.01 else "/sms"  # noqa: PLR2004
            yield Damaged(method, path, self._headers(body, headers), body, chance.random() > 0.02)  # noqa: PLR2004

    def damage(self, content: bytes) -> bytes:
        """Change one to four places."""
        chance, changed = self._chance, bytearray(content)
        for _ in range(chance.randint(1, 4)):
            start = chance.randrange(len(changed) + 1)
            changed[start : start + chance.randint(0, 12)] = chance.choice(
                [b"", chance.randbytes(chance.randint(1, 3)), chance.choice(PIECES)]
            )
        return bytes(changed)

    def _body(self, body: bytes) -> bytes:
        chance, kind = self._chance, self._chance.random()
        if kind < 0.4:  # noqa: PLR2004 - shares
            return self.damage(body)
        if kind < 0.8:  # noqa: PLR2004
            return json.dumps(self._replace_value(json.loads(body))).encode()
        other: bytes = chance.choice(self._recorded)[0]
        if kind < 0.9:  # noqa: PLR2004
            return body[: chance.randrange(len(body))] + other[chance.randrange(len(other)) :]
        return chance.choice([body, b"", body * 2, b" " * LARGEST + body, chance.randbytes(100)])

    def _replace_value(self, value: Any) -> Any:
        """Insert, drop or rename a value in parsed JSON."""
        chance, changed = self._chance, copy(value)
        if not isinstance(value, (dict, list)) or not value or chance.random() < 0.2:  # noqa: PLR2004 - a share
            return chance.choice(VALUES)
        place = chance.choice([*changed] if isinstance(value, dict) else [*range(len(changed))])
        kept = changed.pop(place)
        if isinstance(value, list):
            return [*changed, self._replace_value(kept)]
        kind = chance.random()
        if kind < 0.7:  # noqa: PLR2004
            changed[place] = self._replace_value(kept)
        elif kind < 0.85:  # noqa: PLR2004
            changed[chance.choice(["id", "event", "payload", "messageId", "x"])] = kept
        return changed

    def _headers(self, body: bytes, recorded: dict[str, str]) -> list[tuple[bytes, bytes]]:
        chance, kind = self._chance, self._chance.random()
        timestamp = str(int(time.time())) if kind < 0.9 else chance.choice(TIMES)  # noqa: PLR2004 - shares
        signature = webhooks.sign(body, timestamp, self.key)
        signed = recorded if 0.7 < kind < 0.75 else {**recorded, "X-Signature": signature, "X-Timestamp": timestamp}  # noqa: PLR2004
        headers = [(name.lower().encode(), value.encode()) for name, value in signed.items()]
        if 0.75 < kind < 0.9:  # noqa: PLR2004
            place = chance.randrange(len(headers))
            name, value = headers[place]
            headers[place] = chance.choice(
                [(self.damage(name), value), (name, self.damage(value)), (name, value * 1000), (b"", b"")]
            )
            headers += chance.choice([[], headers, [(name, self.damage(value))]])
        return headers

    def pieces(self, request: Damaged) -> Iterator[Message]:
        """Yield the ASGI messages of a request: the body in pieces, then its end or a disconnect."""
        rest = request.body
        while rest and self._chance.random() < 0.5:  # noqa: PLR2004 - a share
            cut = self._chance.randrange(len(rest) + 1)
            yield {"type": "http.request", "body": rest[:cut], "more_body": True}
            rest = rest[cut:]
        if request.whole:
            yield {"type": "http.request", "body": rest, "more_body": False}
        while True:
            yield {"type": "http.disconnect"}


class _Errors(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        ERRORS.append(record)


def applications(key: str, devices: list[str]) -> list[App]:
    """Return one receiver of each kind, with a handler for every event."""

    async def look_up(device: str) -> str | None:
        return key if device in devices else None

    hooks = WebhookRouter("/sms", signing_key=["other", key], max_body=LARGEST)
    by_framework = FastAPI(openapi_url=None)
    plain = [
        WebhookApp("/sms", signing_key=key, max_body=LARGEST, encryptor=Encryptor("passphrase")),
        WebhookApp("/sms", signing_key=dict.fromkeys(devices, key), max_body=LARGEST, tolerance=None),
        WebhookApp("/sms", signing_key=look_up, max_body=LARGEST),
    ]
    for receiver in (hooks, *plain):

        @receiver.on()
        async def handle(event: webhooks.Event) -> None:
            json.dumps(event.asdict())

    by_framework.include_router(hooks)
    return [*plain, by_framework]


async def request_status(app: App, request: Damaged, pieces: Iterator[Message]) -> int:
    """Send a request to an application; return the status of its response, 0 for none."""
    statuses: list[int] = []

    async def receive() -> Message:
        return next(pieces)

    async def send(message: Message) -> None:
        statuses.extend([message["status"]] if message["type"] == "http.response.start" else [])

    scope: Message = {"type": "http", "method": request.method, "path": request.path, "query_string": b"", "asgi": {}}
    await app({**scope, "headers": request.headers, "root_path": "", "scheme": "http"}, receive, send)
    (status,) = statuses or [0]
    return status


def parse_outcome(request: Damaged, key: str) -> str:
    """Verify and parse a request; return the type of event or the reason for the error."""
    try:
        webhooks.verify(request.body, request.headers, signing_key=key)
        return type(webhooks.parse(request.body, request.headers, signing_key=key)).__name__
    except WebhookError as error:
        return error.reason


async def run(count: int, seed: int) -> tuple[Counter[int], Counter[str]]:
    """Send a number of requests.

    Raises:
        RuntimeError: for a response or an exception that must not occur; names the request.
    """
    damage = Damage(seed)
    apps = applications(damage.key, damage.devices)
    statuses, outcomes = Counter[int](), Counter[str]()
    for number, request in zip(range(count), damage, strict=False):
        try:
            outcomes[parse_outcome(request, damage.key)] += 1
            status = await request_status(apps[number % len(apps)], request, damage.pieces(request))
        except Exception as error:
            raise RuntimeError(f"request {number} of seed {seed}: {request}") from error
        if not 200 <= status < 500 and (status or request.whole):  # noqa: PLR2004 - 0 after a disconnect
            raise RuntimeError(f"request {number} of seed {seed} has the response {status}: {request}")
        statuses[status] += 1
    for app in apps:
        if isinstance(app, WebhookApp):
            await app.drain()
    return statuses, outcomes


def main(argv: Sequence[str] | None = None) -> int:
    """Run the test; return the exit code."""
    parser = argparse.ArgumentParser(description="Send damaged requests to the receiver.")
    parser.add_argument("--count", type=int, default=100_000, help="requests (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(argv)
    logging.getLogger("smsgate").addHandler(_Errors(logging.ERROR))
    started = time.monotonic()
    statuses, outcomes = asyncio.run(run(options.count, options.seed))
    print(f"requests  {options.count} in {time.monotonic() - started:.0f} s")
    print(f"responses {dict(sorted(statuses.items()))}, {len(ERRORS)} errors logged")
    print(f"outcomes  {', '.join(f'{name} {times}' for name, times in sorted(outcomes.items()))}")
    return 1 if ERRORS else 0


if __name__ == "__main__":
    sys.exit(main())
