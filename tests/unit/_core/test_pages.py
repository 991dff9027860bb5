"""Iteration over lists that change meanwhile, compared with randomly changed lists."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from smsgate._core.pages import PageWalk
from smsgate.runtime.types import InvalidItem, Page

SEEDS = range(150)


@dataclass(frozen=True)
class Item:
    id: str
    device_id: str = "d1"
    can_be_read: bool = True


class Server:
    """A list of items, of which some cannot be read; those that are None have no id either."""

    def __init__(self, items, *, tells_total=True, knows_offset=True):
        self.items = list(items)
        self.tells_total = tells_total
        self.knows_offset = knows_offset
        self.reads = 0

    def read(self, limit, offset):
        self.reads += 1
        assert self.reads < 3000
        found = self.items[offset : offset + limit] if self.knows_offset else self.items[:limit]
        return Page(
            [item for item in found if can_be_read(item)],
            total=len(self.items) if self.tells_total else None,
            invalid=[InvalidItem(raw(item), "", index) for index, item in enumerate(found) if not can_be_read(item)],
        )


def can_be_read(item):
    return item is not None and item.can_be_read


def raw(item):
    return item and {"id": item.id, "deviceId": item.device_id, "state": 0}


def walk(server, page_size, between_pages=lambda: None, body=lambda _: None):
    """Return what a loop gets whose body may change the list."""
    steps = PageWalk(page_size)
    seen = []
    while steps.offset is not None:
        page = server.read(steps.limit, steps.offset)
        for item in steps.take(page):
            seen.append(item)
            body(item)
        between_pages()
    return seen


@pytest.mark.parametrize("tells_total", [True, False])
@pytest.mark.parametrize("page_size", [1, 2, 3, 10, 100])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 10, 11, 25])
def test_quiet_list_is_read_once_in_order(count, page_size, tells_total):
    items = [Item(str(number)) for number in range(count)]
    server = Server(items, tells_total=tells_total)

    assert walk(server, page_size) == items
    assert server.reads <= count // max(1, page_size - 1) + 2


@pytest.mark.parametrize("where", ["head", "middle", "tail", "anywhere"])
@pytest.mark.parametrize("seed", SEEDS)
def test_arrivals_and_removals_lose_and_repeat_nothing(where, seed):
    source = random.Random(f"{where}{seed}")
    originals = [Item(f"o{number}", source.choice("ab")) for number in range(source.randrange(40))]
    server = Server(originals, tells_total=source.random() < 0.8)
    gone = set()
    changes = source.randrange(60)

    def change(*_):
        nonlocal changes
        for _ in range(source.randrange(5)):
            if not changes:
                return
            changes -= 1
            length = len(server.items)
            place = {"head": 0, "middle": length // 2, "tail": length, "anywhere": source.randint(0, length)}[where]
            if source.random() < 0.5:
                server.items.insert(place, Item(f"n{changes}"))
            elif server.items:
                gone.add(server.items.pop(min(place, length - 1)))

    seen = walk(server, source.randint(1, 7), between_pages=change, body=change)

    assert len(seen) == len(set(seen))
    assert set(originals) - gone <= set(seen)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("page_size", [1, 2, 3, 10, 100])
def test_body_may_take_away_what_it_gets(share, page_size):
    source = random.Random(1)
    originals = [Item(str(number)) for number in range(250)]
    server = Server(originals)

    def take_away(item):
        if source.random() < share:
            server.items.remove(item)

    assert walk(server, page_size, body=take_away) == originals


@pytest.mark.parametrize("page_size", [1, 2, 3, 7])
@pytest.mark.parametrize(("broken", "nameless"), [(0.1, 0), (0.5, 0), (0.8, 0), (0, 0.1), (0.2, 0.2), (0, 0.5)])
def test_changes_lose_nothing_beside_unreadable_items(broken, nameless, page_size):
    for seed in range(200):
        source = random.Random(f"{broken}{nameless}{page_size}{seed}")
        changing = Changing(source, broken, nameless)

        seen = walk(
            changing.server,
            page_size,
            between_pages=changing.change,
            body=changing.change if source.random() < 0.7 else lambda _: None,
        )

        assert len(seen) == len(set(seen)), seed
        assert changing.kept() <= set(seen), seed


class Changing:
    """A list that changes at random, in the places and at the rate that are drawn for it."""

    def __init__(self, source, broken, nameless):
        self.source, self.broken, self.nameless = source, broken, nameless
        self.made = 0
        self.originals = [self.make() for _ in range(source.randrange(40))]
        self.server = Server(self.originals, tells_total=source.random() < 0.8)
        self.place = source.choice(["head", "middle", "tail", "anywhere"])
        self.left, self.burst, self.arrivals = source.randrange(60), source.choice([2, 5, 12]), source.random()
        self.gone = set()

    def make(self):
        self.made += 1
        kind = self.source.random()
        if kind < self.nameless:
            return None
        return Item(str(self.made), self.source.choice("ab"), can_be_read=kind >= self.nameless + self.broken)

    def change(self, *_):
        items = self.server.items
        for _ in range(min(self.left, self.source.randrange(self.burst))):
            self.left -= 1
            ends = {"head": 0, "middle": len(items) // 2, "tail": len(items)}
            place = ends.get(self.place, self.source.randint(0, len(items)))
            if self.source.random() < self.arrivals:
                items.insert(place, self.make())
            elif items:
                self.gone.add(items.pop(min(place, len(items) - 1)))

    def kept(self):
        return {item for item in self.originals if can_be_read(item)} - self.gone


def test_unreadable_items_with_one_id_cost_no_others():
    broken = Item("x", can_be_read=False)
    items = [Item("a"), broken, Item("b"), Item("c"), broken, Item("d"), broken, broken, Item("e")]

    assert [item.id for item in walk(Server(items), 3)] == ["a", "b", "c", "d", "e"]


def test_server_that_ignores_offsets_and_gets_items_does_not_go_on_for_ever():
    server = Server([Item(str(number)) for number in range(30)], tells_total=False, knows_offset=False)

    def arrive():
        if server.reads < 4:
            server.items.insert(0, Item(f"n{server.reads}"))

    assert len(walk(server, 10, between_pages=arrive)) >= 10
    assert server.reads < 20


def test_one_id_on_two_devices_is_two_items():
    items = [Item("a", "d1"), Item("a", "d2"), Item("b", "d1")]

    assert walk(Server(items), 2) == items


@pytest.mark.parametrize("tells_total", [True, False])
@pytest.mark.parametrize("page_size", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", SEEDS)
def test_unreadable_items_cost_no_others(seed, page_size, tells_total):
    source = random.Random(seed)
    rate = source.choice([0.1, 0.5])
    items = [None if source.random() < rate else Item(str(number)) for number in range(25)]
    server = Server(items, tells_total=tells_total)

    assert walk(server, page_size) == [item for item in items if item is not None]


@pytest.mark.parametrize("tells_total", [True, False])
@pytest.mark.parametrize("items", [[None] * 30, [Item("a"), *[None] * 29], [Item(str(number)) for number in range(30)]])
def test_server_that_ignores_offsets_does_not_go_on_for_ever(items, tells_total):
    server = Server(items, tells_total=tells_total, knows_offset=False)

    assert walk(server, 10) == [item for item in items[:10] if item is not None]
    assert server.reads < 20


def test_list_that_is_empty_before_its_end_is_the_end():
    server = Server([Item(str(number)) for number in range(25)])

    assert len(walk(server, 10, between_pages=server.items.clear)) == 10


def test_total_that_is_wrong_does_not_go_on_for_ever():
    server = Server([Item(str(number)) for number in range(25)])
    read = server.read

    def lie(limit, offset):
        page = read(limit, offset)
        page.total = 10**9
        return page

    server.read = lie

    assert len(walk(server, 10)) == 25
    assert server.reads < 20
