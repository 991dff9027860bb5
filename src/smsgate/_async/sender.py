"""Sends and cancels that lose no message and send none twice."""

from __future__ import annotations

import sys
from http import HTTPStatus
from typing import TYPE_CHECKING

from smsgate._async import io
from smsgate._async.devices import DeviceCache
from smsgate._core.attempts import Answered, CallState, Failed
from smsgate._core.hooks import logger
from smsgate._core.responses import parse_json, parse_response
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
from smsgate.errors import APIError, ConflictError, NotFoundError, ResponseError, SMSGateError
from smsgate_api import operations
from smsgate_api.models import ProcessState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smsgate._async.exchange import Exchange
    from smsgate._core.messages import OutgoingMessage
    from smsgate._http import Response
    from smsgate.runtime.types import Operation
    from smsgate_api.models import Device, MessageState

_CANCELLED = frozenset({ProcessState.Cancelling, ProcessState.Cancelled})


class SafeSender:
    """Sends and cancels over an exchange.

    Args:
        exchange: makes the attempts.
        pin_device: whether the client chooses a device before the first attempt, for ids that it generated, too.
    """

    def __init__(self, exchange: Exchange, *, pin_device: bool) -> None:
        self.devices = DeviceCache(exchange)
        self._exchange = exchange
        self._pin_device = pin_device
        self._warned_of_other_id = False

    def view(self, exchange: Exchange, *, pin_device: bool | None) -> SafeSender:
        """Return a sender over another exchange with the same device cache; None keeps ``pin_device``."""
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__)
        view._exchange = exchange
        view._pin_device = self._pin_device if pin_device is None else pin_device
        return view

    async def pin(self, outgoing: OutgoingMessage) -> bool:
        """Choose a device for the message if ``pin_device`` is on or its id is the caller's own.

        Another run of the program may send an id of the caller again, and each phone of an account would take it once.

        Returns:
            Whether a device was chosen.

        Raises:
            SMSGateError: the devices cannot be listed; the text says that nothing was sent.
        """
        if outgoing.message.device_id or not self._pins(outgoing):
            return False
        try:
            chosen = await self.devices.choose(outgoing.id, outgoing.active_within)
        except ResponseError as error:
            if self._pin_device or not isinstance(parse_json(error.body), dict):
                raise
            # a mock that responds to every request with the state of a message
            logger.warning("message %s is sent without a chosen device: %s", outgoing.id, error)
            return False
        if chosen is not None:
            outgoing.assign(chosen)
        return chosen is not None

    def _pins(self, outgoing: OutgoingMessage) -> bool:
        return self._pin_device or not outgoing.generated

    async def send(self, outgoing: OutgoingMessage, *, chosen: bool) -> MessageState:
        """Send a message, with as many attempts as the retry policy allows and as are safe.

        Args:
            outgoing: the message; may get a device, or another one.
            chosen: whether `pin` has chosen its device.
        """
        call = CallState(self._exchange.retry, io.now(), message_id=outgoing.id)
        try:
            return await self._send(SendState(outgoing, call, chosen))
        except BaseException as error:
            if call.attempts and not isinstance(error, SMSGateError) and sys.version_info >= (3, 11):
                error.add_note(f"message {outgoing.id} may or may not have been accepted: ask for its state by this id")
            raise

    async def _send(self, send: SendState) -> MessageState:
        """Make attempts and lookups until the outcome is known."""
        while True:
            result = await self._exchange.attempt(send.operation, send.call)
            if isinstance(result, Answered):
                state = await self._read_accepted(send, result.response)
                if not isinstance(state, Failed):
                    return state
                result = state
            send.failed = result
            verdict = judge(result)
            if verdict is Verdict.TAKEN and (send.doubtful or send.outgoing.generated):
                return await self._resolve_taken(send)
            if verdict in {Verdict.REFUSED, Verdict.TAKEN}:
                found = await self._handle_refusal(send)
            else:
                if verdict is Verdict.UNCLEAR:
                    send.note_unclear()
                found = await self._wait_for_retry(send)
            if found is not None:
                return found

    async def _wait_for_retry(self, send: SendState) -> MessageState | None:
        """Wait for the next attempt and make it safe; return the state if the message has arrived by then.

        Raises:
            SMSGateError: no attempt is left, or none would be safe.
        """
        call, failed = send.call, send.failed
        while True:
            wait = call.resolving_wait(failed, io.now(), io.draw())
            if wait is None:
                if failed is send.failed:
                    return await self._resolve_last(send)
                raise send.unknown(failed.error)
            await self._exchange.wait_for_retry(send.operation, call, failed, wait)
            if not send.doubtful or send.outgoing.message.device_id:
                return None
            is_assigned = await self._assign_only_phone(send)
            if is_assigned is True:
                return None
            found = is_assigned if isinstance(is_assigned, Failed) else await self._find(send)
            if isinstance(found, Failed):
                if not is_passing(found.error):
                    raise send.unknown(found.error) from found.error
                failed = found
                call.attempts += 1
                continue
            if found is None and call.is_late(io.now()):
                raise send.error()
            return found

    async def _assign_only_phone(self, send: SendState) -> bool | Failed:
        """Give the message the account's phone if there is exactly one, which makes every retry safe.

        Returns:
            Whether there is exactly one; a failure when the phones cannot be listed at the moment.
        """
        if send.one_phone is None:
            devices: Sequence[Device]
            try:
                devices = await self.devices.list(self._exchange, send.call.begun)
            except SMSGateError as error:
                if is_passing(error):
                    return _look_up_failure(error)
                devices = []
            send.one_phone = len(devices) == 1
            if send.one_phone:
                send.outgoing.assign(devices[0].id)
        return send.one_phone

    async def _read_accepted(self, send: SendState, response: Response) -> MessageState | Failed:
        """Return the state of an accepted message; look it up when the response cannot be read.

        After an unclear attempt a response about another message is a failed attempt with an unclear outcome.
        """
        id = send.outgoing.id
        try:
            state = parse_response(send.operation, response)
        except ResponseError as error:
            error.message_id = id
            send.failed = Failed(error, response.status, sent=True, response=response)
            try:
                found = await self._find(send)
            except SMSGateError:
                found = None
            if found is None or isinstance(found, Failed):
                raise
            return found
        if state.id == id:
            return state
        if not send.doubtful:
            if not self._warned_of_other_id:
                self._warned_of_other_id = True
                logger.warning("the response to message %s names another id (this is logged once)", id)
            return state
        text = f"the response to message {id} is about another message"
        return Failed(
            ResponseError(text, status_code=response.status, body=response.content), None, sent=None, response=response
        )

    async def _resolve_taken(self, send: SendState) -> MessageState:
        """Return the state of a message whose id is known on the device.

        A generated id proves that the message has arrived; otherwise a lookup tells which message has the id.
        """
        found = await self._find(send)
        if isinstance(found, Failed):
            if send.outgoing.generated and proves_arrival(send.outgoing.body):
                return expected_state(send.outgoing.body)
            raise send.unknown(found.error) from found.error
        if found is None:
            raise send.unknown(send.failed.error)
        return found

    async def _handle_refusal(self, send: SendState) -> MessageState | None:
        """Resolve a refused send; None when its device is gone and the client has chosen another one.

        Raises:
            SMSGateError: the refusal, or the outcome is unknown.
        """
        outgoing = send.outgoing
        gone = self._pins(outgoing) and is_gone(send.failed)
        if gone:
            self.devices.expire()
        device_id = outgoing.message.device_id
        if not (gone and send.chosen and device_id) or send.doubtful:
            return await self._resolve_last(send)
        if not outgoing.generated:  # an earlier run of the program may have sent it to another phone
            found = await self._find(send, anywhere=True)
            if isinstance(found, Failed):
                raise send.error() from found.error
            if found is not None:
                return found
        send.gone.add(device_id)
        chosen = await self.devices.choose(outgoing.id, outgoing.active_within, send.gone)
        if chosen is None:
            raise send.error()
        send.outgoing.assign(chosen)
        return None

    async def _resolve_last(self, send: SendState) -> MessageState:
        """Return the state if an earlier attempt has arrived.

        Raises:
            SMSGateError: the last failure, or the outcome is unknown.
        """
        if send.doubtful:
            found = await self._find(send)
            if isinstance(found, Failed):
                raise send.unknown(found.error) from found.error
            if found is not None:
                return found
        raise send.error()

    async def _find(self, send: SendState, *, anywhere: bool = False) -> MessageState | Failed | None:
        """Look the message up by its id.

        Args:
            send: the message.
            anywhere: whether a message on another device is accepted, too.

        Returns:
            The state; None when the gateway does not have it, or has it on another device; a failure when the lookup
            failed.

        Raises:
            ConflictError: another message has that id on the chosen device.
            SendOutcomeUnknownError: another message has that id on some device.
        """
        id, sent = send.outgoing.id, send.outgoing.body
        try:
            found = await self._exchange.run(operations.get_message(id), send.call.begun)
        except NotFoundError:
            return None
        except SMSGateError as error:
            return _look_up_failure(error)
        if found.id.lower() != id.lower():
            return _look_up_failure(ResponseError(f"the response to a lookup of message {id} is about another message"))
        if send.outgoing.generated:
            return found
        if sent.device_id and found.device_id != sent.device_id and not anywhere:
            return None
        if same_message(sent, found):
            return found
        conflict = ConflictError("another message has this id", HTTPStatus.CONFLICT.value)
        conflict.__cause__ = send.failed.error
        if send.doubtful and not sent.device_id:  # another phone may have this one as well
            raise send.unknown(conflict)
        raise conflict

    async def cancel(self, operation: Operation[MessageState], id: str) -> MessageState:
        """Cancel a message; after an unclear attempt its state says whether that has worked."""
        call = CallState(self._exchange.retry, io.now())
        doubtful = False
        while True:
            result = await self._exchange.attempt(operation, call)
            if isinstance(result, Answered):
                return parse_response(operation, result.response)
            verdict = judge(result)
            doubtful = doubtful or verdict is Verdict.UNCLEAR
            final = verdict in {Verdict.REFUSED, Verdict.TAKEN}
            wait = None if final else call.resolving_wait(result, io.now(), io.draw())
            if wait is not None:
                await self._exchange.wait_for_retry(operation, call, result, wait)
            if doubtful:
                state = await self._find_cancelled(id, call)
                if state is not None:
                    return state
            if wait is None or call.is_late(io.now()):
                raise result.error

    async def _find_cancelled(self, id: str, call: CallState) -> MessageState | None:
        try:
            state = await self._exchange.run(operations.get_message(id), call.begun)
        except SMSGateError:
            return None
        return state if state.state in _CANCELLED else None


def _look_up_failure(error: SMSGateError) -> Failed:
    return Failed(error, error.status_code if isinstance(error, APIError) else None, sent=None)
