"""Long JSON lists: the same result in pieces as at once."""

from __future__ import annotations

import json
import random

import pytest

from smsgate.runtime.json_lists import is_list, split_list
from smsgate.runtime.types import UnreadableError
from smsgate_api import operations

STATE = {"id": "m", "deviceId": "d", "state": "Sent", "recipients": [], "states": {}}
PADDING = "x" * 3000


def items_of(text):
    return [item for piece in split_list(text) for item in piece.items]


def read(text):
    return operations.list_messages().parse(200, {}, text.encode())


@pytest.mark.parametrize("seed", range(50))
def test_items_and_their_texts_are_those_of_the_list(seed):
    source = random.Random(seed)

    def value(depth):
        kind = source.randrange(7 if depth else 4)
        if kind < 4:
            return [source.randrange(10**9), 'a "\\] ,[é', None, -1.5e300][kind]
        return [value(depth - 1) for _ in range(kind)] if kind < 6 else {"a ]": value(depth - 1), '"': value(depth - 1)}

    items = [value(3) for _ in range(source.randrange(300))]
    space = source.choice(["", " ", "\r\n\t "])
    text = space + json.dumps(items, separators=(f"{space},{space}", f"{space}:{space}"), ensure_ascii=False) + space

    assert is_list(text)
    assert items_of(text) == items
    assert [json.loads(found) for piece in split_list(text) for found in piece.texts] == items


@pytest.mark.parametrize(
    "text", ["", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1]]", "[1],", "[}", "[1}", "[nul]"]
)
def test_broken_list_is_an_error(text):
    with pytest.raises(ValueError, match=r"."):
        items_of(text)


@pytest.mark.parametrize("text", ["", "{}", "null", "0", '"["', "\ufeff[]"])
def test_something_else_is_no_list(text):
    assert not is_list(text)


@pytest.mark.parametrize("end", [",", "]]", ",]", "] x", "", "}"])
def test_long_list_that_breaks_off_cannot_be_read(end):
    with pytest.raises(UnreadableError, match="json_invalid"):
        read("[" + ",".join([json.dumps({**STATE, "x": PADDING})] * 100) + end)


def test_long_list_may_have_a_byte_order_mark_and_lone_surrogates():
    page = read("\ufeff[" + ",".join([json.dumps({**STATE, "id": "\ud800", "x": PADDING})] * 100) + "]")

    assert [state.id for state in page] == ["?"] * 100


def test_unreadable_items_say_where_they_stood():
    items = [{**STATE, "id": number if number % 7 == 0 else f"m{number}", "x": PADDING} for number in range(100)]

    assert [item.index for item in read(json.dumps(items)).invalid] == list(range(0, 100, 7))
    assert [item.index for item in read(json.dumps(items[:9])).invalid] == [0, 7]


def test_item_with_too_many_names_costs_no_others():
    wide = {**STATE, **{f"k{number}": 0 for number in range(25_000)}}

    page = read(json.dumps([STATE, wide, STATE]))

    assert len(page) == 2
    assert [(item.index, item.reason) for item in page.invalid] == [(1, "the item (too_many_values)")]
