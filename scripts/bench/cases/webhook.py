"""Case of verifying and parsing one event, or of computing its HMAC and reading its JSON alone."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from importlib import import_module
from typing import Any

from .measurement import options, serve

KEY = "a-signing-key"
BODY = json.dumps(
    {
        "id": "Ey6ECgOkVVFjz3CL48B8C",
        "webhookId": "LreFUt-Z3sSq0JufY9uWB",
        "deviceId": "PyDmBQZZXYmyxMwED8Fzy",
        "event": "sms:received",
        "payload": {
            "messageId": "abc123",
            "message": "Is the table still free tonight?",
            "sender": "+15550100",
            "recipient": "+15550101",
            "phoneNumber": "+15550100",
            "simNumber": 1,
            "receivedAt": "2026-01-02T03:04:05.678+02:00",
        },
    },
    separators=(",", ":"),
).encode()


def digest(timestamp: str) -> str:
    """Return the signature of the body at a time."""
    return hmac.new(KEY.encode(), BODY + timestamp.encode(), hashlib.sha256).hexdigest()


def main() -> None:
    """Serve rounds of events."""
    bare = options()["bare"]
    webhooks: Any = import_module("smsgate.webhooks")

    def check(count: int) -> None:
        timestamp = str(int(time.time()))
        headers = {"X-Signature": digest(timestamp), "X-Timestamp": timestamp, "Content-Type": "application/json"}
        for _ in range(count):
            if webhooks.parse(BODY, headers, signing_key=KEY).payload.message is None:
                raise RuntimeError("the event is not what was sent")

    def compute(count: int) -> None:
        timestamp = str(int(time.time()))
        for _ in range(count):
            digest(timestamp)
            json.loads(BODY)

    serve(compute if bare else check)


if __name__ == "__main__":
    main()
