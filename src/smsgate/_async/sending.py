"""Sends and takes back messages so that none is lost or doubled; the decisions are those of `smsgate.safesend`."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from smsgate._async import io
from smsgate._async.exchange import draw
from smsgate.answers import read
from smsgate.errors import (
    BadRequestError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    ResponseError,
    SendOutcomeUnknownError,
    SMSGateError,
    TransportError,
)
from smsgate.observing import logger
from smsgate.outcomes import Call, Outcome, copied, unlisted
from smsgate.pinning import LIST_LIFETIME, choose_device
from smsgate.safesend import Verdict, expected_state, is_about, is_over, judge, proves_arrival, same_message
from smsgate_api import operations
from smsgate_api.models import ProcessState
from smsgate_api.types import UnreadableError, replaced

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from smsgate._async.exchange import Exchange
    from smsgate.http import Response
    from smsgate_api.models import Device, Message, MessageState
    from smsgate_api.types import Operation

__all__ = ["SafeSender"]

_CANCELLED = frozenset({ProcessState.Cancelling, ProcessState.Cancelled})


class SafeSender:
    """Sends and cancels over an exchange.

    Args:
        exchange: carries the requests.
        pin_device: whether a message without a device gets one before its first attempt.
        list_devices: lists the account's phones.
    """

    def __init__(
        self, exchange: Exchange, *, pin_device: bool, list_devices: Callable[[], Awaitable[Sequence[Device]]]
    ) -> None:
        self._exchange = exchange
        self._pin_device = pin_device
        self._list_devices = list_devices
        self._devices: Sequence[Device] = ()
        self._listed_at = float("-inf")
        self._failed_at = float("-inf")
        self._failure: SMSGateError | None = None
        self._warned_of: set[type[SMSGateError]] = set()
        self._lock = io.Lock()

    def view(self, exchange: Exchange, *, pin_device: bool | None) -> SafeSender:
        """Return a sender over another exchange that shares the list of devices; None keeps the choice of pinning."""
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__)
        view._exchange = exchange
        view._pin_device = self._pin_device if pin_device is None else pin_device
        return view

    async def pinned(self, message: Message, active_within: int) -> Message:
        """Return the message with a device, where that was asked for and one can be had."""
        if not self._pin_device or message.device_id:
            return message
        devices = await self._known_devices()
        chosen = choose_device(devices, active_within, datetime.now(timezone.utc), draw())
        return message if chosen is None else message.model_copy(update={"device_id": chosen})

    async def send(
        self, message: Message, operation: Operation[MessageState], drawn_id: str | None = None
    ) -> MessageState:
        """Send a message with its device, if any, as often as it takes and is safe.

        Args:
            message: as it goes out, but for an id that was drawn for it.
            operation: sends it.
            drawn_id: the id of a message that has none itself: made for this send, so no other message can have it.
        """
        call = Call(self._exchange.retry, io.now())
        outcome = await self._exchange.attempt(operation, call)
        if outcome.error is None and outcome.response is not None:
            answer = outcome.response
            try:
                state = operation.parse(answer.status, answer.headers, answer.content)
            except UnreadableError:
                pass  # it is read once more below, where the gateway is asked then
            else:
                if state.id == (drawn_id or message.id):
                    return state
        if drawn_id is not None:
            message = replaced(message, id=drawn_id)
        return await self._go_on(message, operation, call, outcome, fresh_id=drawn_id is not None)

    async def _go_on(
        self, message: Message, operation: Operation[MessageState], call: Call, outcome: Outcome, *, fresh_id: bool
    ) -> MessageState:
        """Go on after a first attempt whose answer is not as clear as most."""
        doubtful = False  # an attempt may have arrived
        over = True  # and none of them can still be under way
        while True:
            verdict = judge(outcome)
            if verdict is Verdict.ACCEPTED:
                return await self._accepted(operation, outcome, message, call)
            if verdict is Verdict.TAKEN and doubtful:
                return await self._taken(message, outcome, call, fresh_id=fresh_id)
            if verdict in {Verdict.REFUSED, Verdict.TAKEN}:
                self._forget_devices(outcome)
                return await self._settled(message, outcome, call, doubtful=doubtful, over=over)
            if verdict is Verdict.UNCLEAR:
                doubtful, over = True, over and is_over(outcome)
            wait = call.wait_to_settle(outcome, io.now(), draw())
            if wait is None:
                return await self._settled(message, outcome, call, doubtful=doubtful, over=over)
            await self._exchange.pause(operation, call, outcome, wait)
            if doubtful and not message.device_id:
                found = await self._find(message, outcome, call)
                if found is not None:
                    return found
                if call.is_late(io.now()):
                    raise failure(message, outcome, over=over)
            outcome = await self._exchange.attempt(operation, call)

    async def cancel(self, operation: Operation[MessageState], id: str) -> MessageState:
        """Take a message back; after an unclear attempt its state says whether that had worked."""
        call = Call(self._exchange.retry, io.now())
        doubtful = False
        while True:
            outcome = await self._exchange.attempt(operation, call)
            verdict = judge(outcome)
            if verdict is Verdict.ACCEPTED and outcome.response is not None:
                return read(operation, outcome.response)
            doubtful = doubtful or verdict is Verdict.UNCLEAR
            final = verdict in {Verdict.REFUSED, Verdict.TAKEN}
            wait = None if final else call.wait_to_settle(outcome, io.now(), draw())
            if wait is not None:
                await self._exchange.pause(operation, call, outcome, wait)
            if doubtful:
                state = await self._cancelled(id, call)
                if state is not None:
                    return state
            if wait is None or call.is_late(io.now()):
                raise outcome.error or TransportError("no answer")

    async def _cancelled(self, id: str, call: Call) -> MessageState | None:
        try:
            state = await self._exchange.run(operations.get_message(id), call.begun)
        except SMSGateError:
            return None
        return state if state.state in _CANCELLED else None

    async def _accepted(
        self, operation: Operation[MessageState], outcome: Outcome, message: Message, call: Call
    ) -> MessageState:
        """Read the answer to an accepted send; one that cannot be read is made up for by asking."""
        if outcome.response is None:
            raise TransportError("no answer")
        try:
            state = read(operation, outcome.response)
            if is_about(message, state, outcome.response.headers):
                return state
            unread = not_about(message, outcome.response)
        except ResponseError as error:
            unread = error
        unread.message_id = message.id
        try:
            found = await self._find(message, outcome, call)
        except SMSGateError:
            found = None
        if found is None:
            raise unread from unread.__cause__
        return found

    async def _taken(self, message: Message, outcome: Outcome, call: Call, *, fresh_id: bool) -> MessageState:
        """End a send whose id is known on the device, after an attempt that may have arrived there.

        Some message has the id. The gateway says whether it is this one; if it cannot be asked, only an id that no
        other message can have is proof.
        """
        try:
            found = await self._find(message, outcome, call)
        except SendOutcomeUnknownError:
            if not (fresh_id and message.device_id and proves_arrival(message)):
                raise
            return expected_state(message)
        if found is None:
            raise unknown(message) from outcome.error
        return found

    async def _settled(
        self, message: Message, outcome: Outcome, call: Call, *, doubtful: bool, over: bool
    ) -> MessageState:
        """End a send that was not accepted: it arrived before, certainly failed, or nobody can say."""
        if doubtful:
            found = await self._find(message, outcome, call)
            if found is not None:
                return found
        raise failure(message, outcome, over=over)

    async def _find(self, message: Message, outcome: Outcome, call: Call) -> MessageState | None:
        """Ask for the message by its id; None when the gateway does not have it.

        Raises:
            ConflictError: another message has that id on the chosen device.
            SendOutcomeUnknownError: the gateway does not say.
        """
        try:
            found = await self._exchange.run(operations.get_message(message.id or ""), call.begun)
        except NotFoundError:
            return None
        except SMSGateError as error:
            raise unknown(message) from error
        if found.id.lower() != (message.id or "").lower():
            raise unknown(message)  # an answer to something else
        if message.device_id and found.device_id != message.device_id:
            return None
        if same_message(message, found):
            return found
        conflict = ConflictError("another message has this id", 409)
        conflict.__cause__ = outcome.error
        if not message.device_id:  # on another phone, this one may have it as well
            raise unknown(message) from conflict
        raise conflict

    async def _known_devices(self) -> Sequence[Device]:
        if io.now() - self._listed_at < LIST_LIFETIME:
            return self._devices
        begun = io.now()
        async with self._lock.hold():
            if io.now() - self._listed_at >= LIST_LIFETIME:
                if self._failure is not None and self._failed_at >= begun:  # failed while this caller was waiting
                    raise copied(self._failure)
                self._devices = await self._listed()
                self._listed_at, self._failure = io.now(), None
        return self._devices

    async def _listed(self) -> Sequence[Device]:
        try:
            return await self._list_devices()
        except (ForbiddenError, NotFoundError) as error:
            if type(error) not in self._warned_of:
                self._warned_of.add(type(error))
                logger.warning("messages are sent without a chosen device: listing devices failed (%s)", error)
            return ()
        except SMSGateError as error:
            failure = unlisted(error)
            self._failed_at, self._failure = io.now(), copied(failure)
            raise failure from error

    def _forget_devices(self, outcome: Outcome) -> None:
        """List the devices anew before the next send when the chosen one is gone."""
        gone = isinstance(outcome.error, BadRequestError) and "failed to select device" in outcome.error.message
        if self._pin_device and gone:
            self._listed_at = float("-inf")


def not_about(message: Message, response: Response) -> ResponseError:
    """Build the error of an answer to a send that names another message."""
    text = f"the answer to sending message {message.id} is about another message"
    return ResponseError(text, status_code=response.status, body=response.content)


def failure(message: Message, outcome: Outcome, *, over: bool) -> SMSGateError:
    """Return the error of a send of which the gateway knows nothing: a failure for certain, if every attempt is over.

    Otherwise a request whose answer was lost may still be on its way.
    """
    if over and outcome.error is not None:
        return outcome.error
    error = unknown(message)
    error.__cause__ = outcome.error
    return error


def unknown(message: Message) -> SendOutcomeUnknownError:
    """Build the error of a send whose outcome nobody can tell."""
    return SendOutcomeUnknownError(
        f"message {message.id} may or may not have been accepted: ask for its state before sending it again",
        message_id=message.id,
        device_id=message.device_id,
    )
