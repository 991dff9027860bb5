"""Asynchronous runner of campaigns: tasks that make the attempts, under asyncio and trio."""

from __future__ import annotations

import contextlib
import math
from contextlib import asynccontextmanager
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anyio
from anyio.to_thread import run_sync

from smsgate.bulk._cancelling import Cancellation
from smsgate.bulk._errors import JournalLockedError
from smsgate.bulk._following import ROUND, Follower
from smsgate.bulk._jobs import Job, choose_other_device
from smsgate.bulk._lock import JournalLock
from smsgate.bulk._outcomes import is_temporary
from smsgate.bulk._rows import OPEN, UNRESOLVED, Row
from smsgate.errors import NotFoundError, SMSGateError, WaitTimeoutError
from smsgate.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

    from smsgate import AsyncAPIClient
    from smsgate.bulk._dispatch import Dispatcher
    from smsgate.bulk._journal import Journal
    from smsgate.bulk._planner import Order
    from smsgate.bulk._report import Meter

T = TypeVar("T")
_PATIENCE = 1.0
_POLL = 0.2  # seconds between two attempts to get the lock of a journal


class Pool(Generic[T]):
    """Calls in tasks; the counterpart of `smsgate.bulk._sync_run.Pool`.

    Args:
        call: awaited with each item.
        width: number of tasks.
    """

    def __init__(self, call: Callable[[T], Awaitable[Any]], width: int) -> None:
        self._call = call
        self._width = width
        self._items, self._source = anyio.create_memory_object_stream[T](math.inf)
        self._results: list[tuple[T, Any]] = []
        self._news = anyio.Event()
        self._group = anyio.create_task_group()
        self.active = 0

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        for _ in range(self._width):
            self._group.start_soon(self._work)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._items.close()
        with self._source:
            await self._group.__aexit__(kind, error, trace)

    async def _work(self) -> None:
        async for item in self._source:
            try:
                result = await self._call(item)
            except Exception as error:  # noqa: BLE001 - judged by who collects it
                result = error
            except BaseException as error:  # cancelled
                self._note(item, error)
                raise
            self._note(item, result)

    def _note(self, item: T, result: Any) -> None:
        self._results.append((item, result))
        self._news.set()

    def submit(self, item: T) -> None:
        """Call with an item when a task is free."""
        self.active += 1
        self._items.send_nowait(item)

    async def collect(self, timeout: float) -> list[tuple[T, Any]]:  # noqa: ASYNC109 - a result, no error
        """Return the items of calls that have ended, with their results or exceptions; wait for the first."""
        with anyio.move_on_after(timeout):
            await self._news.wait()
        self._news = anyio.Event()
        found, self._results = self._results, []
        self.active -= len(found)
        return found

    async def stop(self) -> tuple[list[T], list[tuple[T, Any]]]:
        """Return the items that no task has taken, and the others with their results, after the last call."""
        left: list[T] = []
        try:
            while True:
                left.append(self._source.receive_nowait())
        except anyio.WouldBlock:
            pass
        self.active -= len(left)
        ended: list[tuple[T, Any]] = []
        while self.active:
            ended += await self.collect(_PATIENCE)
        return left, ended


@asynccontextmanager
async def hold(journal: Path, *, wait: bool) -> AsyncGenerator[None]:
    """Hold the lock of a journal; waiting for another process can be cancelled.

    Raises:
        JournalLockedError: another process has the lock, unless ``wait`` says to wait for it.
    """
    lock = JournalLock(journal, wait=False)
    while True:
        try:
            lock.__enter__()
            break
        except JournalLockedError:
            if not wait:
                raise
        await anyio.sleep(_POLL)
    with contextlib.ExitStack() as stack:
        stack.push(lock.__exit__)
        yield


async def send_rows(
    client: AsyncAPIClient, order: Order, dispatcher: Dispatcher, width: int, show: Callable[[], None]
) -> None:
    """Attempt all rows; what is known is in the journal at the end, however it comes."""
    single = client.with_options(retry=RetryPolicy.none())
    failures: list[Exception] = []  # raised outside of the task group, which would wrap them
    async with Pool[Job](partial(attempt, single, order), width) as pool:
        try:
            await _drive(client, dispatcher, pool, show)
        except Exception as error:  # noqa: BLE001
            failures.append(error)
        finally:
            with anyio.CancelScope(shield=True):
                left, ended = await pool.stop()
                dispatcher.give_back(left)
                dispatcher.take(ended)
                try:
                    await run_sync(dispatcher.settle)
                except Exception as error:  # noqa: BLE001
                    failures.append(error)
    for failure in failures:
        raise failure
    if dispatcher.is_ending():
        show()
    if dispatcher.failure is not None:
        raise dispatcher.failure


async def _drive(client: AsyncAPIClient, dispatcher: Dispatcher, pool: Pool[Job], show: Callable[[], None]) -> None:
    while not dispatcher.is_ending() and not dispatcher.is_over():
        await choose_devices(client, dispatcher)
        if dispatcher.has_writes():
            await run_sync(dispatcher.write)  # the event loop goes on while the disk writes
        while (job := dispatcher.next()) is not None:
            pool.submit(job)
        dispatcher.take(await pool.collect(dispatcher.pause()))
        show()


async def attempt(client: AsyncAPIClient, order: Order, job: Job) -> object:
    """Send a row, or look it up."""
    if job.needs_lookup:
        return await client.get_state(job.id)
    return await client.send(job.text, job.number, id=job.id, device_id=job.device, **order.send_options())


async def choose_devices(client: AsyncAPIClient, dispatcher: Dispatcher) -> None:
    """Choose the phones of rows that have none."""
    for job in dispatcher.load():
        try:
            job.device = await client.choose_device(job.id)
            if job.device in dispatcher.gone:
                listed = [device.id for device in await client.list_devices()]
                job.device = choose_other_device(listed, dispatcher.gone, job.id)
        except SMSGateError as error:
            dispatcher.fail_to_choose(error)
            return
        job.needs_device = False


async def follow_rows(client: AsyncAPIClient, follower: Follower, meter: Meter) -> None:
    """Poll the states of open rows until they are final."""
    view = client.with_options(encryptor=None)  # the texts are not needed
    while not await run_sync(follower.is_over):
        meter.show("following", follower.total - follower.open, follower.total)
        ids = follower.ids()
        try:
            if ids:
                async for _ in view.wait_many(ids, until=follower.note, timeout=ROUND):
                    meter.show("following", follower.total - follower.open, follower.total)
            else:
                begun = anyio.current_time()
                async for state in view.iter_messages(from_=follower.begin()):
                    follower.note(state)
                await anyio.sleep(max(1.0, anyio.current_time() - begun))  # of a long list, half of the time
        except WaitTimeoutError:
            pass
        except NotFoundError:
            follower.note_absent(ids)
        except SMSGateError as error:
            if not is_temporary(error):
                raise
            await anyio.sleep(1)
    meter.show("following", follower.total - follower.open, follower.total, is_last=True)


async def cancel_rows(client: AsyncAPIClient, journal: Journal, width: int, meter: Meter) -> None:
    """Take back the rows that the gateway has, or may have."""
    counts, *_ = journal.count()
    total = sum(counts.get(state, 0) for state in (*UNRESOLVED, *OPEN))
    cancellation = Cancellation()

    async def cancel(row: Row) -> object:
        return await client.cancel_message(row.id)

    async with Pool[Row](cancel, width) as pool:
        for row in chain(journal.iterate((*UNRESOLVED, *OPEN)), [None]):
            if row is not None and cancellation.failure is None:
                pool.submit(row)
            while pool.active >= (width if row is not None else 1):
                journal.change(cancellation.changes(await pool.collect(_PATIENCE)))
                meter.show("cancelling", cancellation.done, total)
    meter.show("cancelling", cancellation.done, total, is_last=True)
    cancellation.check()
