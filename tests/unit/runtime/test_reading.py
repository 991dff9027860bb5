"""Time to parse hostile JSON: proportional to its size, without blocking the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time

import pytest

from smsgate import AsyncAPIClient, ResponseError, RetryPolicy
from smsgate.http import Response
from smsgate.runtime.types import UnreadableError
from smsgate_api import operations

SIZE = 300_000
GENEROUS = 4.0
"""Seconds for 0.3 MB; before there were bounds, the worst shapes took up to 15 seconds a megabyte."""
STATE = {"id": "m", "deviceId": "d", "state": "Sent", "recipients": [], "states": {}}
ENTRY = json.dumps(STATE)


def many(item, size=SIZE):
    return ",".join([item] * (size // (len(item) + 1)))


def named(value):
    return ",".join(f'"k{number}":{value}' for number in range(SIZE // (len(value) + 9)))


def one(recipients="", states="", rest=""):
    return f'{{"id":"m","deviceId":"d","state":"Sent","recipients":[{recipients}],"states":{{{states}}}{rest}}}'


LISTS = {
    **{item: f"[{many(item)}]" for item in ("0", "{}", "[]", "null", '""', '{"id":"m"}', "1" * 4000, ENTRY)},
    "deep": "[" * SIZE,
    "deep and closed": "[" * 100_000 + "]" * 100_000,
    "many deep ones": f"[{many('[' * 90 + ']' * 90)}]",
    "good and bad": f"[{many(ENTRY + ',0')}]",
    "bad at the end": f"[{many(ENTRY)},0]",
    "bad recipients": f"[{many(one('0'))}]",
    "nulls to repair": f"[{many(ENTRY.replace('[]', 'null').replace('{}', 'null'))}]",
    "an object": f"{{{named('0')}}}",
}
OBJECTS = {
    **{f"recipients {item}": one(many(item)) for item in ("0", "{}", "[]", '{"phoneNumber":"1","state":"x"}')},
    **{f"states {value}": one("", named(value)) for value in ("0", "null", "[]", '"2026-01-01 00:00:00+-5"')},
    "unknown fields": one(rest="," + named("0")),
    "same field": one(rest="," + many('"state":0')),
    "long number": one(rest=',"x":' + "1" * SIZE),
    "escapes": one(rest=',"x":"' + "\\ud800" * (SIZE // 6) + '"'),
    "deep unknown": one(rest=f',"x":[{many("[" * 90 + "]" * 90)}]'),
    "wrong types": '{"id":[],"deviceId":{},"state":0,"recipients":"x","states":[' + many("0") + "]}",
    "no fields": f"{{{named('0')}}}",
    "blank": " " * SIZE,
}


def taken(operation, content):
    begun = time.thread_time()
    with contextlib.suppress(UnreadableError):
        operation.parse(200, {}, content.encode())
    return time.thread_time() - begun


@pytest.mark.parametrize("content", LISTS.values(), ids=LISTS)
def test_list_takes_time_in_proportion_to_its_size(content):
    assert taken(operations.list_messages(), content) < GENEROUS


@pytest.mark.parametrize("content", OBJECTS.values(), ids=OBJECTS)
def test_object_takes_time_in_proportion_to_its_size(content):
    assert taken(operations.get_message("m"), content) < GENEROUS


def test_unreadable_items_of_a_full_page_are_all_returned():
    page = operations.list_messages().parse(200, {}, json.dumps([STATE, None, {"id": 5}] * 150).encode())

    assert (len(page), len(page.invalid)) == (150, 300)


def test_long_list_is_read_whole():
    items = [{**STATE, "id": f"m{number}", "x": "y" * 500} for number in range(1000)]
    items[500] = None

    page = operations.list_messages().parse(200, {}, json.dumps(items).encode())

    assert [state.id for state in page] == [f"m{number}" for number in range(1000) if number != 500]
    assert len(page.invalid) == 1


@pytest.mark.parametrize("text", ["," * 65_000, '":' * 30_000, "[" * 65_000, "{" * 65_000])
def test_long_text_is_no_bomb(text):
    content = {**STATE, "textMessage": {"text": text}, "isHashed": None}

    state = operations.get_message("m").parse(200, {}, json.dumps(content).encode())

    assert state.text_message.text == text


def test_event_loop_goes_on_while_a_long_answer_is_read():
    class Backend:
        async def send(self, _):
            return Response(200, {}, f"[{many(ENTRY, 3_000_000)}]".encode())

        def stream(self, _):
            raise NotImplementedError

        async def aclose(self):
            pass

    async def run():
        client = AsyncAPIClient("demo", "demo-password", http=Backend(), retry=RetryPolicy.none())
        reading = asyncio.create_task(client.get_messages())
        rounds = 0
        while not reading.done():
            await asyncio.sleep(0)
            rounds += 1
        return rounds, reading.result()

    rounds, page = asyncio.run(run())

    assert len(page) > 10_000
    assert rounds > 20


@pytest.mark.anyio
async def test_bomb_is_an_answer_that_cannot_be_read():
    class Backend:
        async def send(self, _):
            return Response(200, {}, LISTS["0"].encode())

        def stream(self, _):
            raise NotImplementedError

        async def aclose(self):
            pass

    client = AsyncAPIClient("demo", "demo-password", http=Backend(), retry=RetryPolicy.none())
    with pytest.raises(ResponseError, match="too_many"):
        await client.get_messages()
