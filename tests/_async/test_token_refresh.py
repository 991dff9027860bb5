"""Refreshes of refused tokens: number of token requests, with and without a shared store."""

from __future__ import annotations

import json
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timezone

import pytest

from smsgate import (
    AsyncAPIClient,
    JWTAuth,
    MemoryTokenStore,
    ResponseError,
    RetryPolicy,
    Scope,
    ServiceUnavailableError,
    UnauthorizedError,
)
from smsgate._async import io
from smsgate._async.window import Window
from smsgate.ahttp import Response
from smsgate.auth import TokenPair
from smsgate.emulator import FAULTS, Gateway

BASE_URL = "http://gateway.test/3rdparty/v1"
FAST = RetryPolicy(base_delay=0.0, max_delay=0.0)
MINT, REFRESH, LIST, HEALTH = "POST /auth/token", "POST /auth/token/refresh", "GET /devices", "GET /health"
REFUSED = Response(401, {}, b'{"message":"Unauthorized"}')


class Watched:
    """Notes what a gateway is asked, and answers some of it in its place."""

    def __init__(self):
        self.asked = []
        self.instead = {}
        self.once = {}

    def __call__(self, request):
        asked = f"{request.method} {request.url.split('/3rdparty/v1')[-1].split('?')[0]}"
        self.asked.append(asked)
        return self.once.pop(asked, None) or self.instead.get(asked)


@pytest.fixture
def cloud():
    gateway = Gateway(phone=False)
    gateway.faults = Watched()
    return gateway


class Yielding:
    """Gives other callers a turn before and after each exchange."""

    def __init__(self, inner):
        self.inner = inner
        self.stream = inner.stream
        self.aclose = inner.aclose

    async def send(self, request):
        await io.sleep(0)
        answer = await self.inner.send(request)
        await io.sleep(0)
        return answer


def user(gateway, **options):
    auth = JWTAuth("demo", "demo-password", [Scope.ALL_ANY], **options)
    return AsyncAPIClient(auth=auth, base_url=BASE_URL, http=Yielding(gateway.async_http()), retry=FAST)


async def revoke(gateway, *pairs):
    basic = AsyncAPIClient("demo", "demo-password", base_url=BASE_URL, http=gateway.async_http())
    for pair in pairs:
        await basic.revoke_token(pair.id)
    gateway.faults.asked.clear()


@pytest.fixture
async def dead(cloud):
    """A client whose own pair is refused, and so is the newer one in its store."""
    store, refresher = MemoryTokenStore(), user(cloud, store=None)._exchange._refresher
    first, second = user(cloud, store=store), user(cloud, store=store)
    await first.list_devices()
    own = store.load(refresher._key)
    store.save(refresher._key, None)
    await second.list_devices()
    await revoke(cloud, own, store.load(refresher._key))
    return first


@pytest.mark.anyio
async def test_dead_pair_of_a_store_does_not_use_the_renewal_up(cloud, dead):
    await dead.list_devices()

    assert cloud.faults.asked == [LIST, LIST, REFRESH, HEALTH, MINT, LIST]


@pytest.mark.anyio
async def test_many_callers_with_two_dead_pairs_cause_one_renewal(cloud, dead):
    async with aclosing(Window(lambda _: dead.list_devices(), 50).run(range(50))) as results:
        assert len([devices async for devices in results]) == 50

    assert cloud.faults.asked.count(REFRESH) == 1
    assert cloud.faults.asked.count(MINT) == 1


@pytest.mark.anyio
async def test_server_that_refuses_every_token_is_asked_for_one_more_only(cloud):
    client = user(cloud)
    await client.list_devices()
    cloud.faults.instead[LIST] = REFUSED
    cloud.faults.asked.clear()

    with pytest.raises(UnauthorizedError):
        await client.list_devices()

    assert cloud.faults.asked == [LIST, REFRESH, LIST, HEALTH]


@pytest.mark.anyio
async def test_pairs_from_a_store_that_are_all_refused_end_a_call(cloud):
    class Endless(MemoryTokenStore):
        loaded = 0

        def load(self, key):
            self.loaded += 1
            pair = super().load(key)
            return pair and replace(pair, id=f"{pair.id}{self.loaded}")

    client = user(cloud, store=Endless())
    await client.list_devices()
    cloud.faults.instead[LIST] = REFUSED

    with pytest.raises(UnauthorizedError):
        await client.list_devices()

    assert cloud.faults.asked.count(LIST) < 8


@pytest.mark.anyio
@pytest.mark.parametrize("token", ["", " ", "two words", "line\nbreak", "é"])
async def test_token_that_no_header_can_hold_is_an_unreadable_answer_and_not_kept(cloud, token):
    store = MemoryTokenStore()
    client = user(cloud, store=store)
    pair = {"id": "a", "token_type": "Bearer", "access_token": token, "expires_at": "9999-12-31T23:59:59Z"}
    cloud.faults.instead[MINT] = Response(201, {}, json.dumps(pair).encode())

    with pytest.raises(ResponseError, match="access_token"):
        await client.list_devices()
    cloud.faults.instead.clear()

    assert repr(store) == "MemoryTokenStore(0 pairs)"
    await client.list_devices()


@pytest.mark.anyio
async def test_refresh_token_that_no_header_can_hold_is_none(cloud):
    client = user(cloud)
    await client.list_devices()
    refresher = client._exchange._refresher
    old = refresher._pair
    refresher._pair = TokenPair.from_dict({**old.asdict(), "refresh_token": "line\nbreak"})
    await revoke(cloud, old)

    await client.list_devices()

    assert cloud.faults.asked == [LIST, MINT, LIST]


@pytest.mark.anyio
async def test_store_that_is_falsy_while_it_is_empty_is_used(cloud):
    class Shelf(dict):
        def load(self, key):
            return self.get(key)

        def save(self, key, pair):
            self[key] = pair

    store = Shelf()

    await user(cloud, store=store).list_devices()

    assert len(store) == 1


@pytest.mark.anyio
async def test_refusal_of_a_refresh_is_no_verdict_while_the_health_cannot_be_asked(cloud):
    client = user(cloud)
    await client.list_devices()
    refresher = client._exchange._refresher
    good = refresher._pair
    refresher._pair = replace(good, ends_at=datetime.now(timezone.utc))
    refresher._store.save(refresher._key, refresher._pair)
    cloud.faults.instead.update({REFRESH: REFUSED, HEALTH: FAULTS["lost"]})
    cloud.faults.asked.clear()

    with pytest.raises(ServiceUnavailableError, match="could not be asked") as caught:
        await client.list_devices()
    assert isinstance(caught.value.__cause__, UnauthorizedError)
    assert cloud.faults.asked == [REFRESH, HEALTH] * 4
    cloud.faults.instead.clear()
    cloud.faults.asked.clear()
    await client.list_devices()

    assert cloud.faults.asked == [REFRESH, LIST]


@pytest.mark.anyio
async def test_wrong_password_is_wrong_once_the_health_can_be_asked(cloud):
    wrong = AsyncAPIClient("demo", "wrong", base_url=BASE_URL, http=cloud.async_http(), retry=FAST)
    cloud.faults.once[HEALTH] = FAULTS["lost"]

    with pytest.raises(UnauthorizedError):
        await wrong.list_devices()

    assert cloud.faults.asked == [LIST, HEALTH] * 2
