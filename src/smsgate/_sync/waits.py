# Written by scripts/unasync.py from src/smsgate/_async/waits.py; change that file instead.
"""Methods that wait for messages: `wait` polls one message, `wait_many` the list of messages."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, cast

from smsgate._core.arguments import argument_errors
from smsgate._core.hooks import logger
from smsgate._core.polling import (
    PollSchedule,
    Until,
    check_ids,
    check_wait,
    is_reached,
    is_temporary,
    timeout_text,
    timeout_text_of_many,
)
from smsgate._sync import io
from smsgate._sync.message_polls import MessagePolls
from smsgate._sync.resource import Resource
from smsgate.errors import SMSGateError, WaitTimeoutError
from smsgate_api import operations

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from smsgate_api.models import MessageState


class WaitCalls(Resource):
    """Methods that wait for messages."""

    def wait(
        self,
        id: str,
        *,
        until: Until = "delivered",
        timeout: float | None = 300.0,
        interval: float | None = None,
    ) -> MessageState:
        """Poll a message until a stop condition holds or its state is final.

        Args:
            id: the message.
            until: "delivered": every recipient delivered, failed or cancelled; "sent": every recipient at least sent
                (for messages without delivery report); "processed": the phone has taken it; a set of `ProcessState`
                that contains the message's own state; or a function of the state.
            timeout: seconds in all, polls and their retries included; None for no limit, 0 for one poll within the
                client's own limits.
            interval: seconds between polls; 0.5 growing to 5 when absent.

        Returns:
            The state that fulfils the condition, or the final one.

        Raises:
            WaitTimeoutError: the time is over; carries the last state; its cause is the first failure after the last
                successful poll. Temporary failures (no response, 408, 429, 5xx, a 401 during an outage) do not end the
                wait.
            NotFoundError: no such message.
            APIError: another 4xx.
            ResponseError: the response cannot be read.
        """
        check_wait(until, timeout, interval)
        with argument_errors():
            operation = operations.get_message(id)
        schedule = PollSchedule(timeout, interval, io.now())
        deadline = schedule.request_deadline
        state: MessageState | None = None
        failure: SMSGateError | None = None
        while True:
            try:
                state = self._exchange.run(operation, deadline=deadline)
                state = self._cipher.decrypt_one(state, deadline)
                failure = None
            except SMSGateError as error:
                if not is_temporary(error):
                    raise
                failure = failure or error
                logger.info("waiting for message %s: a poll failed (%s)", id, type(error).__name__)
            if failure is None and state is not None and is_reached(state, until):
                return state
            pause = schedule.next_pause(io.now())
            if pause is None:
                raise WaitTimeoutError(timeout_text(id, state, timeout), state=state) from failure
            io.sleep(pause)

    def wait_many(
        self,
        ids: Iterable[str],
        *,
        until: Until = "delivered",
        timeout: float | None = 300.0,
        interval: float | None = None,
    ) -> Iterator[MessageState]:
        """Poll many messages, and yield the state of each as soon as a stop condition holds or the state is final.

        Each poll reads pages of the list of messages, newest first, instead of every message by itself. A message that
        the newest pages do not show is looked up by its id.

        Args:
            ids: the messages; repeated ids count once.
            until: as in `wait`.
            timeout: seconds in all, as in `wait`; including the time that the loop body takes.
            interval: seconds between polls; 0.5 growing to 5 when absent.

        Yields:
            One state for each message, in the order in which they finish.

        Raises:
            InvalidRequestError: for arguments that could never work, at the call itself.
            WaitTimeoutError: the time is over; names messages that have not finished, and carries the state of the
                first. Temporary failures do not end the wait, as in `wait`.
            NotFoundError: one of the messages does not exist; raised after the states of all others.
            APIError: another 4xx.
            ResponseError: a response cannot be read.

        Example:
            >>> sent = [result.state.id for result in client.send_many(messages) if result.ok]  # doctest: +SKIP
            >>> for state in client.wait_many(sent, timeout=600):  # doctest: +SKIP
            ...     print(state.id, state.state)
        """
        check_wait(until, timeout, interval)
        with argument_errors():
            distinct = check_ids(ids)
        return self._wait_many(distinct, until, timeout, interval)

    def _wait_many(
        self, ids: list[str], until: Until, timeout: float | None, interval: float | None
    ) -> Generator[MessageState]:
        schedule = PollSchedule(timeout, interval, io.now())
        polls = MessagePolls(self._exchange, schedule.request_deadline)
        left: dict[str, MessageState | None] = dict.fromkeys(ids)
        failure: SMSGateError | None = None
        while left:
            try:
                with closing(polls.states(tuple(left))) as states:
                    for id, listed in states:
                        left[id], is_over = self._check(listed, until, polls.deadline)
                        if is_over:
                            yield cast("MessageState", left.pop(id))
                failure = None
            except SMSGateError as error:
                if not is_temporary(error):
                    raise
                failure = failure or error
                logger.info("waiting for %d messages: a poll failed (%s)", len(left), type(error).__name__)
            for id in polls.absent:
                left.pop(id, None)
            absent = next(iter(polls.absent.values()), None)
            if not left:
                if absent is not None:
                    raise absent
                return
            pause = schedule.next_pause(io.now())
            if pause is None:
                text = timeout_text_of_many(left, len(ids), timeout)
                raise WaitTimeoutError(text, state=next(iter(left.values()))) from failure or absent
            io.sleep(pause)

    def _check(self, state: MessageState, until: Until, deadline: float | None) -> tuple[MessageState, bool]:
        """Return a state and whether the wait for it is over; decrypted if its texts are needed."""
        if not callable(until) and not is_reached(state, until):
            return state, False
        state = self._cipher.decrypt_one(state, deadline)
        return state, is_reached(state, until)
