"""Stalls of the event loop while the client reads hostile and long responses: ``python scripts/stalls.py``.

A task wakes up every millisecond while another one makes a call. A stall is the CPU time of the process between two of
its turns; other programs do not change that much. It is printed with and without Python's garbage collector, whose part
grows with everything that a program keeps. The command exits with 1 when a stall exceeds 50 ms a megabyte.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smsgate import AsyncAPIClient, Encryptor, RetryPolicy, SMSGateError
from smsgate.http import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from smsgate.http import Request

__all__ = ["MOST", "SHAPES", "Shape", "measure", "parsing_time", "reference"]

MOST = 0.05
"""Seconds a megabyte that the event loop may stall."""
ROUNDS = 3
PAUSE = 0.001
TIME = "2026-01-01T00:00:00Z"
STATE: dict[str, Any] = {"id": "m", "deviceId": "d", "state": "Sent", "recipients": [], "states": {}}
RECIPIENT = {"phoneNumber": "+1", "state": "Sent"}
ENTRY: dict[str, Any] = {"id": 1, "priority": "INFO", "module": "m", "message": "x", "context": {}, "createdAt": TIME}
INCOMING: dict[str, Any] = {
    "id": "m",
    "type": "SMS",
    "sender": "+1",
    "contentPreview": "x",
    "createdAt": TIME,
    "attachments": [],
}
ENCRYPTED = {**STATE, "isEncrypted": True}
ATTACHMENT = {"partId": 1, "contentType": "a/b", "name": "n", "size": 1}
CIPHERTEXT = "$aes-256-cbc/pbkdf2-sha1$i=60000001$" + "A" * 22 + "==$" + "A" * 22 + "=="


@dataclass(frozen=True)
class Shape:
    """A kind of response.

    Attributes:
        call: name of the client's method.
        content: makes a body of some bytes.
        status: HTTP status.
    """

    call: str
    content: Callable[[int], str]
    status: int = 200


class _Backend:
    def __init__(self, response: Response) -> None:
        self._response = response

    async def send(self, request: Request) -> Response:  # noqa: ARG002 - as in the protocol
        await asyncio.sleep(0)
        return self._response

    def stream(self, request: Request) -> Any:
        raise NotImplementedError

    async def aclose(self) -> None:
        pass


def _many(item: Any) -> Callable[[int], str]:
    """Return a maker of lists of equal items."""
    text = item if isinstance(item, str) else json.dumps(item)
    return lambda size: f"[{','.join([text] * (size // (len(text) + 1)))}]"


def _named(value: str) -> Callable[[int], str]:
    """Return a maker of objects with ever new names."""
    return lambda size: "{" + ",".join(f'"k{number}":{value}' for number in range(size // (len(value) + 9))) + "}"


def _inside(document: dict[str, Any], name: str, make: Callable[[int], str], *, in_list: bool) -> Callable[[int], str]:
    """Return a maker of one object, or a list of one, with a long field."""
    start = json.dumps({key: value for key, value in document.items() if key != name})[:-1]
    form = "[{}]" if in_list else "{}"
    return lambda size: form.format(f'{start},"{name}":{make(size)}}}')


def _state(name: str, make: Callable[[int], str], *, in_list: bool = True) -> Callable[[int], str]:
    return _inside(STATE, name, make, in_list=in_list)


SHAPES = {
    "messages": Shape("get_messages", _many({**STATE, "recipients": [RECIPIENT]})),
    "messages of an unknown state": Shape("get_messages", _many({**STATE, "state": "Zzz"})),
    "unknown states of recipients": Shape(
        "get_messages", _many({**STATE, "recipients": [{**RECIPIENT, "state": "Z"}] * 50})
    ),
    "messages with null": Shape("get_messages", _many(json.dumps(STATE).replace("[]", "null"))),
    "messages with surrogates": Shape("get_messages", _many({**STATE, "id": "\ud800"})),
    "incoming messages": Shape("list_inbox_messages", _many(INCOMING)),
    "webhooks of unknown events": Shape("get_webhooks", _many({"id": "a", "url": "https://x/", "event": "zz:zz"})),
    "undecryptable messages": Shape(
        "get_messages", _many({**ENCRYPTED, "recipients": [{**RECIPIENT, "phoneNumber": CIPHERTEXT}]})
    ),
    "recipients without ciphertext": Shape("get_messages", _many({**ENCRYPTED, "recipients": [RECIPIENT] * 50})),
    "zeros": Shape("get_messages", _many("0")),
    "objects": Shape("get_messages", _many({"a": {}})),
    "object for a list": Shape("get_messages", _named("0")),
    "one log entry of many names": Shape("get_logs", _inside(ENTRY, "context", _named("1"), in_list=True)),
    "one log entry of unknown names": Shape(
        "get_logs", lambda size: f"[{json.dumps(ENTRY)[:-1]},{_named('1')(size)[1:]}]"
    ),
    "one message of many recipients": Shape("get_messages", _state("recipients", _many(RECIPIENT))),
    "one message of many states": Shape("get_messages", _state("states", _named("1"))),
    "one message with attachments": Shape(
        "list_inbox_messages", _inside(INCOMING, "attachments", _many(ATTACHMENT), in_list=True)
    ),
    "unknown numbers": Shape("get_messages", _state("x", _many("0.1"))),
    "unknown long numbers": Shape("get_messages", _state("x", _many("9" * 4000))),
    "unknown objects": Shape("get_messages", _state("x", _many({"aaaaaa": 0}))),
    "unknown nested lists": Shape("get_messages", _state("x", _many("[" * 9 + "0" + "]" * 9 + " " * 90))),
    "unreadable item": Shape("get_messages", lambda size: f'[{{"id":1,"x":{_many("0")(size)}}}]'),
    "unreadable message": Shape("get_state", lambda size: f'{{"id":1,"x":{_many("0")(size)}}}'),
    "message of many recipients": Shape("get_state", _state("recipients", _many(RECIPIENT), in_list=False)),
    "escapes": Shape("get_state", _state("x", lambda size: '"' + "\\u00e9" * (size // 6) + '"', in_list=False)),
    "settings of unknown names": Shape("get_settings", _named("0")),
    "health of many checks": Shape("health_check", lambda size: f'{{"status":"pass","checks":{_named("{}")(size)}}}'),
    "error with data": Shape("get_state", lambda size: f'{{"message":"m","data":{_named("1")(size)}}}', 400),
    "error of objects": Shape("get_state", _many({"aaaaaa": 0}), 500),
}


def parsing_time(content: str) -> float:
    """Return the CPU time that the standard library takes to parse a text."""
    begun = time.thread_time()
    with contextlib.suppress(ValueError, RecursionError):
        json.loads(content)
    return time.thread_time() - begun


def reference(size: int) -> float:
    """Return the CPU time that the standard library takes to parse an honest list of this size, at best."""
    content = SHAPES["messages"].content(size)
    return min(parsing_time(content) for _ in range(ROUNDS))


def measure(shape: Shape, content: str, *, collect: bool = True) -> float:
    """Return the longest stall of a call in seconds of CPU time, the least of some calls.

    Args:
        shape: the kind of response.
        content: its body.
        collect: whether Python's garbage collector runs meanwhile.
    """
    if not collect:
        gc.disable()
    try:
        return min(asyncio.run(_measure_once(shape, content.encode())) for _ in range(ROUNDS))
    finally:
        gc.enable()


async def _measure_once(shape: Shape, content: bytes) -> float:
    backend = _Backend(Response(shape.status, {}, content))
    client = AsyncAPIClient(
        "demo", "demo-password", http=backend, encryptor=Encryptor("secret"), retry=RetryPolicy.none()
    )

    async def call() -> None:
        with contextlib.suppress(SMSGateError):
            await getattr(client, shape.call)(*(("m",) if shape.call == "get_state" else ()))

    gc.collect()
    calling = asyncio.create_task(call())
    longest = 0.0
    while not calling.done():
        begun = time.process_time()
        await asyncio.sleep(PAUSE)
        longest = max(longest, time.process_time() - begun)
    await calling
    return longest


def main() -> int:
    """Print a table; return 1 when a stall is too long."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    logging.disable()
    is_good = True
    print(f"{'ms a megabyte':34}{'stall':>8}{'no gc':>8}{'json.loads':>12}")
    for name, shape in SHAPES.items():
        content = shape.content(size)
        megabytes = len(content) / 1e6
        stall, own = measure(shape, content), measure(shape, content, collect=False)
        is_good = is_good and stall <= MOST * megabytes
        row = [1000 * seconds / megabytes for seconds in (stall, own, parsing_time(content))]
        print(f"{name:34}{row[0]:8.1f}{row[1]:8.1f}{row[2]:12.1f}", flush=True)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
