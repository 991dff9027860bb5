"""Synchronous runner of campaigns: threads that make the attempts."""

from __future__ import annotations

import threading
import time
from itertools import chain
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from smsgate.bulk._cancelling import Cancellation
from smsgate.bulk._following import ROUND, Follower
from smsgate.bulk._jobs import Job, choose_other_device
from smsgate.bulk._outcomes import is_temporary
from smsgate.bulk._rows import OPEN, UNRESOLVED, Row
from smsgate.errors import NotFoundError, SMSGateError, WaitTimeoutError
from smsgate.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from smsgate import APIClient
    from smsgate.bulk._dispatch import Dispatcher
    from smsgate.bulk._journal import Journal
    from smsgate.bulk._planner import Order
    from smsgate.bulk._report import Meter

T = TypeVar("T")


class Pool(Generic[T]):
    """Calls in threads.

    Args:
        call: called with each item.
        width: number of threads.
    """

    def __init__(self, call: Callable[[T], Any], width: int) -> None:
        self._call = call
        self._items: SimpleQueue[T | None] = SimpleQueue()
        self._results: SimpleQueue[tuple[T, Any]] = SimpleQueue()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(width)]
        self.active = 0

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for _thread in self._threads:
            self._items.put(None)

    def _work(self) -> None:
        while (item := self._items.get()) is not None:
            try:
                result = self._call(item)
            except BaseException as error:  # noqa: BLE001 - judged by who collects it
                result = error
            self._results.put((item, result))

    def submit(self, item: T) -> None:
        """Call with an item when a thread is free."""
        self.active += 1
        self._items.put(item)

    def collect(self, timeout: float) -> list[tuple[T, Any]]:
        """Return the items of calls that have ended, with their results or exceptions; wait for the first."""
        found: list[tuple[T, Any]] = []
        try:
            found.append(self._results.get(timeout=timeout))
            while True:
                found.append(self._results.get_nowait())
        except Empty:
            self.active -= len(found)
            return found

    def stop(self) -> tuple[list[T], list[tuple[T, Any]]]:
        """Return the items that no thread has taken, and the others with their results, after the last call."""
        left: list[T] = []
        try:
            while (item := self._items.get_nowait()) is not None:
                left.append(item)
        except Empty:
            pass
        self.active -= len(left)
        ended: list[tuple[T, Any]] = []
        while self.active:
            ended += self.collect(_PATIENCE)
        return left, ended


_PATIENCE = 1.0


def send_rows(client: APIClient, order: Order, dispatcher: Dispatcher, width: int, show: Callable[[], None]) -> None:
    """Attempt all rows; what is known is in the journal at the end, however it comes.

    A thread of its own does that, as Ctrl-C in the midst of it could lose a result. A second Ctrl-C ends at once.
    """
    failures: list[BaseException] = []

    def drive() -> None:
        try:
            _drive(client, order, dispatcher, width, show)
        except BaseException as error:  # noqa: BLE001 - raised below
            failures.append(error)
        finally:
            ended.set()

    ended = threading.Event()  # an interrupted `join` would take the thread for dead (bpo-46726)
    threading.Thread(target=drive, daemon=True).start()
    try:
        while not ended.wait(_PATIENCE):
            pass
    except BaseException:
        dispatcher.interrupt()
        ended.wait()
        raise
    for failure in failures:
        raise failure
    if dispatcher.failure is not None:
        raise dispatcher.failure


def _drive(client: APIClient, order: Order, dispatcher: Dispatcher, width: int, show: Callable[[], None]) -> None:
    single = client.with_options(retry=RetryPolicy.none())
    with Pool[Job](lambda job: attempt(single, order, job), width) as pool:
        try:
            while not dispatcher.is_ending() and not dispatcher.is_over():
                choose_devices(client, dispatcher)
                if dispatcher.has_writes():
                    dispatcher.write()
                while (job := dispatcher.next()) is not None:
                    pool.submit(job)
                dispatcher.take(pool.collect(dispatcher.pause()))
                show()
        finally:
            left, ended = pool.stop()
            dispatcher.give_back(left)
            dispatcher.take(ended)
            dispatcher.settle()
    if dispatcher.is_ending():
        show()


def attempt(client: APIClient, order: Order, job: Job) -> object:
    """Send a row, or look it up."""
    if job.needs_lookup:
        return client.get_state(job.id)
    return client.send(job.text, job.number, id=job.id, device_id=job.device, **order.send_options())


def choose_devices(client: APIClient, dispatcher: Dispatcher) -> None:
    """Choose the phones of rows that have none."""
    for job in dispatcher.load():
        try:
            job.device = client.choose_device(job.id)
            if job.device in dispatcher.gone:
                listed = [device.id for device in client.list_devices()]
                job.device = choose_other_device(listed, dispatcher.gone, job.id)
        except SMSGateError as error:
            dispatcher.fail_to_choose(error)
            return
        job.needs_device = False


def follow_rows(client: APIClient, follower: Follower, meter: Meter) -> None:
    """Poll the states of open rows until they are final."""
    view = client.with_options(encryptor=None)  # the texts are not needed
    while not follower.is_over():
        meter.show("following", follower.total - follower.open, follower.total)
        ids = follower.ids()
        try:
            if ids:
                for _ in view.wait_many(ids, until=follower.note, timeout=ROUND):
                    meter.show("following", follower.total - follower.open, follower.total)
            else:
                begun = time.monotonic()
                for state in view.iter_messages(from_=follower.begin()):
                    follower.note(state)
                time.sleep(max(1.0, time.monotonic() - begun))  # of a long list, half of the time
        except WaitTimeoutError:
            pass
        except NotFoundError:
            follower.note_absent(ids)
        except SMSGateError as error:
            if not is_temporary(error):
                raise
            time.sleep(1)
    meter.show("following", follower.total - follower.open, follower.total, is_last=True)


def cancel_rows(client: APIClient, journal: Journal, width: int, meter: Meter) -> None:
    """Take back the rows that the gateway has, or may have."""
    counts, *_ = journal.count()
    total = sum(counts.get(state, 0) for state in (*UNRESOLVED, *OPEN))
    cancellation = Cancellation()
    with Pool[Row](lambda row: client.cancel_message(row.id), width) as pool:
        for row in chain(journal.iterate((*UNRESOLVED, *OPEN)), [None]):
            if row is not None and cancellation.failure is None:
                pool.submit(row)
            while pool.active >= (width if row is not None else 1):
                journal.change(cancellation.changes(pool.collect(_PATIENCE)))
                meter.show("cancelling", cancellation.done, total)
    meter.show("cancelling", cancellation.done, total, is_last=True)
    cancellation.check()
