# Written by scripts/unasync.py from src/smsgate/_async/sends.py; change that file instead.
"""Methods that send messages, one or many."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from datetime import datetime, timezone
from typing import TYPE_CHECKING, overload

from smsgate._core.arguments import argument_errors
from smsgate._core.hooks import logger
from smsgate._core.limits import MOST_CONCURRENT, whole
from smsgate._core.messages import NotSent, OutgoingMessage, Sent, build_message, check_active_within, check_messages
from smsgate._core.phone_numbers import with_international_numbers
from smsgate._sync import io
from smsgate._sync.resource import Resource
from smsgate._sync.window import Window
from smsgate.errors import InvalidRequestError, SMSGateError
from smsgate_api import operations

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from smsgate._sync.sender import SafeSender
    from smsgate_api.models import Message, MessagePriority, MessageState


class SendCalls(Resource):
    """Methods that send messages."""

    _sender: SafeSender
    _default_region: str | None

    @overload
    def send(
        self, message: Message, *, skip_phone_validation: bool = False, device_active_within: int = 0
    ) -> MessageState: ...

    @overload
    def send(
        self,
        message: str,
        to: str | Iterable[str],
        *,
        id: str | None = None,
        device_id: str | None = None,
        sim_number: int | None = None,
        with_delivery_report: bool | None = None,
        priority: MessagePriority | int | None = None,
        ttl: int | None = None,
        valid_until: datetime | None = None,
        schedule_at: datetime | None = None,
        skip_phone_validation: bool = False,
        device_active_within: int = 0,
    ) -> MessageState: ...

    def send(
        self,
        message: Message | str,
        to: str | Iterable[str] | None = None,
        *,
        id: str | None = None,
        device_id: str | None = None,
        sim_number: int | None = None,
        with_delivery_report: bool | None = None,
        priority: MessagePriority | int | None = None,
        ttl: int | None = None,
        valid_until: datetime | None = None,
        schedule_at: datetime | None = None,
        skip_phone_validation: bool = False,
        device_active_within: int = 0,
    ) -> MessageState:
        """Send a message to the gateway; the response says that it was stored, not that a phone has sent it.

        A failed attempt is retried only where that cannot send the message twice: see the guide on safe sending.

        Args:
            message: a `Message`, or a text together with ``to`` and the message's other fields as keywords.
            to: one phone number or several, in international form (``+12025550100``) unless the client has a
                ``default_region``; only with a text.
            id: 1 to 36 characters of ``A-Za-z0-9._~-``; generated when absent, see `smsgate.new_id`.
            device_id: the phone that sends it. When absent, any of the account's; with ``id``, the one that
                `choose_device` returns, so that a second send is a `ConflictError` as long as the phones are the same.
            sim_number: 1-based SIM slot.
            with_delivery_report: ask the network whether it arrived; on by default.
            priority: -128 to 127; 100 and more bypasses the phone's limits and pauses.
            ttl: seconds until the phone gives up, at least 5; not together with ``valid_until``.
            valid_until: time at which the phone gives up; aware. The client rejects one that is more than five minutes
                past, unless ``id`` is given: that message may have been sent before.
            schedule_at: time before which the phone does not send; aware.
            skip_phone_validation: whether the server accepts short codes and landlines.
            device_active_within: hours; only phones seen within that time, 0 for all.

        Raises:
            InvalidRequestError: rejected before anything was sent.
            BadRequestError: refused by the gateway.
            ConflictError: the id is taken on that device.
            ServiceUnavailableError: the device's queue is full.
            SendOutcomeUnknownError: it may or may not have been accepted; carries ``message_id`` to ask with.
            TransportError: it certainly never left.
            ResponseError: accepted, but the response cannot be read; carries ``message_id``.

        Example:
            >>> state = client.send("Your table is ready", to="+12025550100")  # doctest: +SKIP
            >>> state.state  # doctest: +SKIP
            <ProcessState.Pending: 'Pending'>
        """
        with argument_errors():
            built = build_message(
                message,
                to,
                id=id,
                device_id=device_id,
                sim_number=sim_number,
                with_delivery_report=with_delivery_report,
                priority=priority,
                ttl=ttl,
                valid_until=valid_until,
                schedule_at=schedule_at,
            )
        outgoing = OutgoingMessage.create(
            built, skip_phone_validation=skip_phone_validation, active_within=device_active_within
        )
        return self._send(outgoing)

    def _send(self, outgoing: OutgoingMessage) -> MessageState:
        with argument_errors():
            outgoing.message = outgoing.body = with_international_numbers(
                outgoing.message, self._default_region, others_pass=outgoing.skip_phone_validation
            )
            outgoing.check(datetime.now(timezone.utc))
            self._cipher.check(outgoing.message)
        chosen = self._sender.pin(outgoing)
        outgoing.set_body(self._cipher.encrypt(outgoing.message))
        return self._cipher.decrypt_one(self._sender.send(outgoing, chosen=chosen))

    def choose_device(self, id: str, *, active_within: int = 0) -> str | None:
        """Return the id of the phone that the client would choose for a message; None when there is none.

        Every process with the same list of phones chooses the same one. Store it with the message's id before the first
        attempt, and send with both: after a crash the program can send again without a duplicate.

        Args:
            id: id of the message, such as `smsgate.new_id` returns.
            active_within: hours; only phones seen since then. 0 prefers those of the last 24 hours.

        Raises:
            InvalidRequestError: for an empty id, or what is no number of hours.
            SMSGateError: the phones cannot be listed. Without the right to list them, it returns None with a warning.
        """
        with argument_errors():
            operations.get_message(id)
            check_active_within(active_within)
        return self._sender.devices.choose(id, active_within)

    def send_many(
        self,
        messages: Iterable[Message],
        *,
        concurrency: int = 8,
        skip_phone_validation: bool = False,
        device_active_within: int = 0,
    ) -> Iterator[Sent | NotSent]:
        """Send many messages, several at once, and yield a result for each in the order of the input.

        The input is read lazily, ``concurrency`` messages ahead; while a slow message holds the results of later ones
        back, up to a thousand. A message that fails does not stop the others: its result is a `NotSent` with the error,
        and with the message, its id and its chosen device.
        Ctrl-C, cancelling or leaving the loop ends it after the current requests, without further retries.
        An item that is no `Message` has a `NotSent`, too, with the item itself and an error that names its index.
        An exception that is no `SMSGateError` (of your hook or token store) ends the iteration after the results of the
        messages that were being sent; a warning in the log names the message. So does an exception of the input, after
        the messages that were read from it have been sent.

        Example:
            >>> for result in client.send_many(messages):  # doctest: +SKIP
            ...     if result.ok:
            ...         print(result.state.id)
            ...     else:
            ...         print(result.message.id, result.error)

        Args:
            messages: the messages.
            concurrency: concurrent messages, 1 to 10,000.
            skip_phone_validation: as in `send`.
            device_active_within: as in `send`.

        Raises:
            InvalidRequestError: for another concurrency, and for anything but an iterable of messages.
        """
        whole("concurrency", concurrency, 1, MOST_CONCURRENT, error=InvalidRequestError)
        check_messages(messages, is_iterable=isinstance(messages, Iterable | Iterable))

        def outgoing() -> Generator[OutgoingMessage | NotSent]:
            index = 0
            with closing(io.iterate(messages)) as source:
                for message in source:
                    yield OutgoingMessage.create_or_reject(
                        message, index, skip_phone_validation=skip_phone_validation, active_within=device_active_within
                    )
                    index += 1

        window = Window(self._result, concurrency)
        with closing(outgoing()) as source, closing(window.run(source)) as results:
            for result in results:
                yield result

    def _result(self, outgoing: OutgoingMessage | NotSent) -> Sent | NotSent:
        if isinstance(outgoing, NotSent):
            return outgoing
        try:
            state = self._send(outgoing)
        except SMSGateError as error:
            return NotSent(outgoing.message, None, error)
        except Exception as error:
            logger.warning("message %s: its outcome is unknown, %s was raised", outgoing.id, type(error).__name__)
            raise
        return Sent(outgoing.message, state)
