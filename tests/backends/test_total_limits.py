"""The contract of every asynchronous backend: the total limit of one exchange touches nothing but that exchange."""

from __future__ import annotations

import asyncio
import time

import anyio
import pytest

from smsgate.errors import RequestTimeoutError

pytestmark = pytest.mark.anyio

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(autouse=True)
def _only_asynchronous(case):
    if case.is_sync:
        pytest.skip("its limits are the library's own")


@pytest.fixture
def silent(server):
    """A server that answers `/slow` after a third of a second and everything else never."""

    def script(connection, received):
        if received.target == "/slow":
            connection.wait(0.3)
            connection.send(ANSWER)
        else:
            connection.until_gone()

    server.script = script
    return server


async def test_exchanges_with_different_limits_end_each_at_its_own(silent, backend, ask):
    ended = {}

    async def one(total):
        begun = time.monotonic()
        with pytest.raises(RequestTimeoutError):
            await backend.send(ask(f"{silent.origin}/", total=total))
        ended[total] = time.monotonic() - begun

    async with anyio.create_task_group() as group:
        for total in (0.9, 0.2, 0.5, 0.21):
            group.start_soon(one, total)

    assert all(total - 0.01 <= taken < total + 0.25 for total, taken in ended.items()), ended


async def test_exchanges_that_begin_later_end_later(silent, backend, ask):
    async def one(pause):
        await anyio.sleep(pause)
        begun = time.monotonic()
        with pytest.raises(RequestTimeoutError):
            await backend.send(ask(f"{silent.origin}/", total=0.4))
        assert 0.39 <= time.monotonic() - begun < 0.65

    async with anyio.create_task_group() as group:
        for pause in (0.0, 0.1, 0.2):
            group.start_soon(one, pause)


async def test_limit_of_an_exchange_that_has_ended_does_not_touch_its_task(silent, backend, ask):
    answer = await backend.send(ask(f"{silent.origin}/slow", total=0.6))

    await anyio.sleep(0.5)  # beyond that limit

    assert answer.content == b"ok"


async def test_task_goes_on_uncancelled_after_a_limit(silent, backend, ask, case):
    for _ in range(3):
        with pytest.raises(RequestTimeoutError):
            await backend.send(ask(f"{silent.origin}/", total=0.1))

    answer = await backend.send(ask(f"{silent.origin}/slow"))

    assert answer.status == 200
    if case.loop == "asyncio" and hasattr(asyncio.Task, "cancelling"):
        assert asyncio.current_task().cancelling() == 0


async def test_scope_that_ends_before_the_limit_keeps_its_cancellation(silent, backend, ask):
    with anyio.move_on_after(0.1) as scope:
        await backend.send(ask(f"{silent.origin}/", total=0.3))

    await anyio.sleep(0.3)

    assert scope.cancelled_caught


@pytest.mark.skipif(not hasattr(asyncio.Task, "uncancel"), reason="cancellations are counted since Python 3.11")
async def test_cancellation_at_the_moment_of_the_limit_goes_before(silent, backend, ask, case):
    if case.loop != "asyncio":
        pytest.skip("tasks of asyncio")
    total = 0.2
    task = asyncio.create_task(backend.send(ask(f"{silent.origin}/", total=total)))
    await asyncio.sleep(total - 0.02)
    time.sleep(0.06)  # noqa: ASYNC251 - so that both are due when the loop comes to it
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.skipif(not hasattr(asyncio.Task, "uncancel"), reason="cancellations are counted since Python 3.11")
async def test_cancellation_right_after_the_limit_goes_before(silent, backend, ask, case):
    if case.library != "aiohttp":
        pytest.skip("the others' limits are anyio's and pyreqwest's own")
    task = asyncio.create_task(backend.send(ask(f"{silent.origin}/", total=0.2)))
    await asyncio.sleep(0.1)
    loop = asyncio.get_running_loop()
    loop.call_later(0.115, task.cancel)  # after the deadline, in the same turn of the loop
    time.sleep(0.2)  # noqa: ASYNC251 - so that both are due

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_limits_in_turns_leave_no_timers_behind(silent, backend, ask, case):
    if case.library != "aiohttp":
        pytest.skip("the others' timers are not ours")
    silent.script = lambda connection, _: connection.send(ANSWER)

    for number in range(50):
        await backend.send(ask(f"{silent.origin}/", total=20.0 + number % 2))

    pending = [timer for timer in asyncio.get_running_loop()._scheduled if not timer.cancelled()]
    assert len(pending) < 10


@pytest.mark.skipif(not hasattr(asyncio, "timeout"), reason="new in Python 3.11")
async def test_shorter_limit_around_an_exchange_is_told_from_its_own(silent, backend, ask, case):
    if case.loop != "asyncio":
        pytest.skip("a limit of asyncio's")

    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(0.1):
            await backend.send(ask(f"{silent.origin}/", total=0.3))

    assert not isinstance(caught.value, RequestTimeoutError)
    assert asyncio.current_task().cancelling() == 0


async def test_no_limit_is_none(silent, backend, ask):
    answer = await backend.send(ask(f"{silent.origin}/slow", total=None, read=None))

    assert answer.content == b"ok"
