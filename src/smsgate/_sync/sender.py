# Written by scripts/unasync.py from src/smsgate/_async/sender.py; change that file instead.
"""Safe sending and cancelling: no message is lost, none is doubled."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from smsgate._core.attempts import AttemptResult, CallState
from smsgate._core.hooks import logger
from smsgate._core.responses import read
from smsgate._core.send_safety import (
    SendState,
    Verdict,
    expected_state,
    is_gone,
    is_passing,
    judge,
    proves_arrival,
    same_message,
)
from smsgate._sync import io
from smsgate._sync.devices import DeviceCache
from smsgate._sync.exchange import draw
from smsgate.errors import (
    APIError,
    ConflictError,
    NotFoundError,
    RateLimitError,
    ResponseError,
    ServiceUnavailableError,
    SMSGateError,
    TransportError,
)
from smsgate_api import operations
from smsgate_api.models import ProcessState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smsgate._core.messages import OutgoingMessage
    from smsgate._sync.exchange import Exchange
    from smsgate.runtime.types import Operation
    from smsgate_api.models import Device, MessageState

__all__ = ["SafeSender"]

_CANCELLED = frozenset({ProcessState.Cancelling, ProcessState.Cancelled})


class _LookUpError(Exception):
    """A look-up that failed, so that the gateway does not say what it has."""

    def __init__(self, reason: SMSGateError) -> None:
        super().__init__(str(reason))
        self.reason = reason

    def outcome(self) -> AttemptResult:
        """Return what the retry policy has to know."""
        error = self.reason
        status = error.status_code if isinstance(error, APIError) else None
        wait = error.retry_after if isinstance(error, RateLimitError | ServiceUnavailableError) else None
        return AttemptResult(None, error, status, sent=None, retry_after=wait)


class SafeSender:
    """Sends and cancels over an exchange.

    Args:
        exchange: carries the requests.
        pin_device: whether a message without a device gets one before its first attempt.
        list_devices: lists the account's phones.
    """

    def __init__(self, exchange: Exchange, *, pin_device: bool, list_devices: Callable[[], Sequence[Device]]) -> None:
        self.devices = DeviceCache(list_devices)
        self._exchange = exchange
        self._pin_device = pin_device
        self._warned_of_other_id = False

    def view(self, exchange: Exchange, *, pin_device: bool | None) -> SafeSender:
        """Return a sender over another exchange that shares the list of devices; None keeps the choice of pinning."""
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__)
        view._exchange = exchange
        view._pin_device = self._pin_device if pin_device is None else pin_device
        return view

    def pin(self, outgoing: OutgoingMessage) -> bool:
        """Give the message a device, where that was asked for and one can be had; return whether it got one."""
        if not self._pin_device or outgoing.message.device_id:
            return False
        chosen = self.devices.choose(outgoing.id, outgoing.active_within)
        if chosen is not None:
            outgoing.assign(chosen)
        return chosen is not None

    def send(self, outgoing: OutgoingMessage, *, chosen: bool) -> MessageState:
        """Send a message, as often as it takes and is safe.

        Args:
            outgoing: the message; may get a device, or another one, on the way.
            chosen: whether its device was chosen by `pin`.
        """
        call = CallState(self._exchange.retry, io.now(), message_id=outgoing.id)
        try:
            return self._settle(SendState(outgoing, call, chosen))
        except SMSGateError:
            raise
        except BaseException as error:
            if call.attempts and sys.version_info >= (3, 11):
                error.add_note(f"message {outgoing.id} may or may not have been accepted: ask for its state by this id")
            raise

    def _settle(self, send: SendState) -> MessageState:
        """Repeat attempts and look-ups until it is known what became of the message."""
        while True:
            send.outcome = self._exchange.attempt(send.operation, send.call)
            verdict = judge(send.outcome)
            state: MessageState | None = None
            if verdict is Verdict.ACCEPTED:
                state = self._accepted(send)
                verdict = judge(send.outcome)
            elif verdict is Verdict.TAKEN and (send.doubtful or send.outgoing.generated):
                return self._taken(send)
            elif verdict in {Verdict.REFUSED, Verdict.TAKEN}:
                state = self._refused(send)
                if state is None:
                    continue
            if state is not None:
                return state
            if verdict is Verdict.UNCLEAR:
                send.note_unclear()
            state = self._next(send)
            if state is not None:
                return state

    def _next(self, send: SendState) -> MessageState | None:
        """Wait for the next attempt and make it safe; return the state if the message has arrived meanwhile.

        Raises:
            SMSGateError: no attempt is left, or it cannot be made safe.
        """
        call, outcome = send.call, send.outcome
        while True:
            wait = call.wait_to_settle(outcome, io.now(), draw())
            if wait is None:
                if outcome is send.outcome:
                    return self._ended(send)
                raise send.unknown(outcome.error)
            self._exchange.pause(send.operation, call, outcome, wait)
            if not send.doubtful or send.outgoing.message.device_id:
                return None
            try:
                if self._has_one_phone(send):
                    return None
                found = self._find(send)
            except _LookUpError as failed:
                if not is_passing(failed.reason):
                    raise send.unknown(failed.reason) from failed.reason
                outcome = failed.outcome()
                call.attempts += 1
                continue
            if found is None and call.is_late(io.now()):
                raise send.failure()
            return found

    def _has_one_phone(self, send: SendState) -> bool:
        """Give the message the account's phone, if there is exactly one: then it can be sent again.

        Raises:
            _LookUpError: the phones cannot be listed just now.
        """
        if send.one_phone is None:
            devices: list[Device] = []
            try:
                devices.extend(self._list_devices(send.call))
            except SMSGateError as error:
                if is_passing(error):
                    raise _LookUpError(error) from error
            send.one_phone = len(devices) == 1
            if send.one_phone:
                send.assign(devices[0].id)
        return send.one_phone

    def _list_devices(self, call: CallState) -> Sequence[Device]:
        try:
            return self._exchange.run(operations.list_devices(), call.begun)
        except NotFoundError:  # a phone's local server
            return self._exchange.run(operations.list_local_devices(), call.begun)

    def _accepted(self, send: SendState) -> MessageState | None:
        """Return the state of an accepted message; one that cannot be read is looked up.

        After an unclear attempt a response about another message settles nothing: then the outcome is unclear, too.
        """
        response = send.outcome.response
        if response is None:
            raise TransportError("no answer")
        id = send.outgoing.id
        try:
            state = read(send.operation, response)
        except ResponseError as error:
            error.message_id = id
            try:
                found = self._find(send)
            except (SMSGateError, _LookUpError):
                found = None
            if found is None:
                raise
            return found
        if state.id == id:
            return state
        if not send.doubtful:
            self._warn_of_other_id(id)
            return state
        text = f"the response to message {id} is about another message"
        unclear = ResponseError(text, status_code=response.status, body=response.content)
        send.outcome = AttemptResult(response, unclear, None, sent=None)
        return None

    def _warn_of_other_id(self, id: str) -> None:
        if not self._warned_of_other_id:
            self._warned_of_other_id = True
            logger.warning("the response to message %s names another id (this is logged once)", id)

    def _taken(self, send: SendState) -> MessageState:
        """End a send whose id is known on the device.

        An id that was generated for the message proves that it has arrived; otherwise the gateway says which message
        has the id.
        """
        try:
            found = self._find(send)
        except _LookUpError as failed:
            if send.outgoing.generated and proves_arrival(send.outgoing.wire):
                return expected_state(send.outgoing.wire)
            raise send.unknown(failed.reason) from failed.reason
        if found is None:
            raise send.unknown(send.outcome.error)
        return found

    def _refused(self, send: SendState) -> MessageState | None:
        """End a send that was refused; None when its device is gone and it can be sent to another one.

        Raises:
            SMSGateError: the refusal, or the outcome is unknown.
        """
        gone = self._pin_device and is_gone(send.outcome)
        if gone:
            self.devices.forget()
        outgoing = send.outgoing
        device_id = outgoing.message.device_id
        if not (gone and send.chosen and device_id) or send.doubtful:
            return self._ended(send)
        if not outgoing.generated:  # an earlier run may have sent it to another phone
            try:
                found = self._find(send, anywhere=True)
            except _LookUpError as failed:
                raise send.failure() from failed.reason
            if found is not None:
                return found
        send.gone.add(device_id)
        chosen = self.devices.choose(outgoing.id, outgoing.active_within, send.gone)
        if chosen is None:
            raise send.failure()
        send.assign(chosen)
        return None

    def _ended(self, send: SendState) -> MessageState:
        """End a send after its last attempt: it arrived before, certainly failed, or nobody can say."""
        if send.doubtful:
            try:
                found = self._find(send)
            except _LookUpError as failed:
                raise send.unknown(failed.reason) from failed.reason
            if found is not None:
                return found
        raise send.failure()

    def _find(self, send: SendState, *, anywhere: bool = False) -> MessageState | None:
        """Look the message up by its id; None when the gateway does not have it, or has it on another device.

        Args:
            send: the message.
            anywhere: whether one on another device counts.

        Raises:
            ConflictError: another message has that id on the chosen device.
            SendOutcomeUnknownError: another message has that id on some device.
            _LookUpError: the gateway does not say.
        """
        id, sent = send.outgoing.id, send.outgoing.wire
        try:
            found = self._exchange.run(operations.get_message(id), send.call.begun)
        except NotFoundError:
            return None
        except SMSGateError as error:
            raise _LookUpError(error) from error
        if found.id.lower() != id.lower():
            raise _LookUpError(ResponseError(f"the response to a look-up of message {id} is about another message"))
        if send.outgoing.generated:
            return found
        if sent.device_id and found.device_id != sent.device_id and not anywhere:
            return None
        if same_message(sent, found):
            return found
        conflict = ConflictError("another message has this id", 409)
        conflict.__cause__ = send.outcome.error
        if send.doubtful and not sent.device_id:  # on another phone, this one may have it as well
            raise send.unknown(conflict)
        raise conflict

    def cancel(self, operation: Operation[MessageState], id: str) -> MessageState:
        """Take a message back; after an unclear attempt its state says whether that had worked."""
        call = CallState(self._exchange.retry, io.now())
        doubtful = False
        while True:
            outcome = self._exchange.attempt(operation, call)
            verdict = judge(outcome)
            if verdict is Verdict.ACCEPTED and outcome.response is not None:
                return read(operation, outcome.response)
            doubtful = doubtful or verdict is Verdict.UNCLEAR
            final = verdict in {Verdict.REFUSED, Verdict.TAKEN}
            wait = None if final else call.wait_to_settle(outcome, io.now(), draw())
            if wait is not None:
                self._exchange.pause(operation, call, outcome, wait)
            if doubtful:
                state = self._cancelled(id, call)
                if state is not None:
                    return state
            if wait is None or call.is_late(io.now()):
                raise outcome.error or TransportError("no answer")

    def _cancelled(self, id: str, call: CallState) -> MessageState | None:
        try:
            state = self._exchange.run(operations.get_message(id), call.begun)
        except SMSGateError:
            return None
        return state if state.state in _CANCELLED else None
