# Written by scripts/unasync.py from src/smsgate/emulator/_async/control.py; change that file instead.
"""Client of an emulator's control API, for synchronous programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from smsgate.emulator._control import calls
from smsgate.emulator.outbox import check_conditions, describe_mismatch, select

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from typing_extensions import Self

    from smsgate.emulator._control.schemas import (
        DeliveryView,
        DeviceState,
        EmulatorState,
        FaultRule,
        IncomingView,
        OutgoingView,
        RequestView,
        Timings,
        WebhookView,
    )
    from smsgate.emulator._controls import Kept
    from smsgate.emulator._state.devices import ProcessingOrder
    from smsgate.emulator.faults import Fault
    from smsgate.emulator.outbox import Recipients, SentMessage, Text
    from smsgate.phone import Attachment

__all__ = ["Control"]


class Control:
    """Control of an emulator in another process, for tests.

    Every method raises `TransportError` without a response, and `APIError` when the emulator rejects a value. There are
    no credentials; an emulator listens to its own machine unless it is told otherwise.

    Args:
        url: address of the emulator or base URL of its API, such as ``http://127.0.0.1:8787``.

    Raises:
        ConfigurationError: the URL is no http URL.

    Example:
        >>> control = Control("http://127.0.0.1:8787")
    """

    def __init__(self, url: str = "http://127.0.0.1:8787") -> None:
        self._url = calls.root_of(url)
        self._client = httpx.Client(base_url=self._url, trust_env=False)

    def __repr__(self) -> str:
        return f"Control({self._url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _run(self, call: calls.ControlCall[calls.T]) -> calls.T:
        try:
            response = self._client.request(**call.arguments())
        except httpx.HTTPError as error:
            raise calls.transport_error(error, self._url) from error
        return call.result(response)

    def state(self) -> EmulatorState:
        """Return devices, switches, clock, counts and credentials."""
        return self._run(calls.state())

    def reset(self, *, keep: Iterable[Kept] = ()) -> None:
        """Return the emulator to its start, see `Gateway.reset`.

        Args:
            keep: what stays: ``"webhooks"``, ``"settings"``.
        """
        self._run(calls.reset(keep))

    # -- messages ----------------------------------------------------------------------------------------------------

    def outbox(self, *, to: Recipients = None, text: Text = None, state: str | None = None) -> list[SentMessage]:
        """Return the messages that were sent, oldest first.

        Args:
            to: a recipient, or several that must all be among a message's recipients.
            text: the whole text, or a compiled pattern that is searched in it.
            state: state of the message now, such as ``Delivered``.
        """
        return self._run(calls.outbox(to, text, state))

    def assert_sent(self, *, to: Recipients = None, text: Text = None, count: int | None = None) -> list[SentMessage]:
        """Return the messages that meet the conditions, and fail when there are none, see `Gateway.assert_sent`.

        Raises:
            AssertionError: there are none or another number than ``count``.
            TypeError: a condition of another type.
            ValueError: ``to`` is empty.
        """
        __tracebackhide__ = True
        check_conditions(to, text)
        outbox = self.outbox()
        found = select(outbox, to, text)
        if len(found) != count if count is not None else not found:
            raise AssertionError(describe_mismatch(outbox, to, text, len(found), count))
        return found

    def wait_for(
        self, *, to: Recipients = None, text: Text = None, state: str | None = None, timeout: float = 5
    ) -> SentMessage:
        """Wait for a message that meets the conditions, and return the first one.

        Args:
            to: as for `outbox`.
            text: as for `outbox`.
            state: as for `outbox`.
            timeout: seconds, 0 to 300.

        Raises:
            AssertionError: none came in time; it shows the outbox and the closest text.
        """
        return self._run(calls.wait_for(to, text, state, timeout))

    def receive(
        self,
        sender: str,
        text: str = "",
        *,
        data: bytes | None = None,
        attachments: Sequence[Attachment] = (),
        type: str | None = None,  # noqa: A002 - the API's own word
        subject: str | None = None,
        recipient: str | None = None,
        sim_number: int | None = None,
        received_at: datetime | None = None,
        device_id: str | None = None,
        missed: bool | None = None,
    ) -> IncomingView:
        """Emulate an incoming message, see `Gateway.receive`.

        Args:
            sender: a number, a name or a short code.
            text: the text.
            data: bytes of a data SMS, instead of a text.
            attachments: parts of an MMS.
            type: ``SMS``, ``DATA_SMS``, ``MMS`` or ``MMS_DOWNLOADED``; the content decides by default.
            subject: subject of an MMS.
            recipient: the phone's own number.
            sim_number: SIM that received it, counted from 1.
            received_at: the network's time, aware; default is now.
            device_id: the phone that it came to; default is the first one.
            missed: whether the app was not running.
        """
        options: dict[str, Any] = {
            "type": type,
            "subject": subject,
            "recipient": recipient,
            "simNumber": sim_number,
            "deviceId": device_id,
            "missed": missed,
            "receivedAt": None if received_at is None else received_at.isoformat(),
        }
        return self._run(calls.receive(sender, text, data, attachments, options))

    def report(
        self, message_id: str, state: str, *, error: str | None = None, device_id: str | None = None
    ) -> OutgoingView:
        """Report a message's state for all recipients as its phone would, see `Gateway.report`."""
        return self._run(calls.report(message_id, state, error, device_id))

    # -- time and failures -------------------------------------------------------------------------------------------

    def advance(self, seconds: float) -> datetime:
        """Move the emulator's time forward by seconds; returns its time."""
        return self._run(calls.advance(seconds))

    def fault(
        self,
        *faults: Fault | str | int | None,
        times: int | None = None,
        always: bool = False,
        rate: float = 1.0,
        only: Iterable[str] = (),
        seed: int = 0,
    ) -> FaultRule:
        """Inject faults into the next exchanges.

        Args:
            faults: in their order, over and over: a `Fault`, a name of `FAULTS`, a status, or None for none.
            times: number of exchanges that take a fault; default is one for each fault.
            always: whether it goes on until `clear_faults`.
            rate: under 1 the probability that an exchange is hit, by any of the faults.
            only: the exchanges that are hit, see `Faults.random`.
            seed: of the random choice.
        """
        return self._run(calls.fault(faults, times, rate, only, seed, always=always))

    def clear_faults(self, rule_id: str | None = None) -> None:
        """Clear all faults, or those of one `fault` by its id."""
        self._run(calls.clear_faults(rule_id))

    def outage(self, down: bool = True, *, seconds: float | None = None) -> None:  # noqa: FBT001, FBT002 - as Gateway.outage
        """Take the server's database down, for good or for seconds, or bring it back, see `Gateway.outage`."""
        self._run(calls.outage(seconds, down=down))

    # -- devices and traffic -----------------------------------------------------------------------------------------

    def devices(self) -> list[DeviceState]:
        """Return the devices with their switches."""
        return self._run(calls.devices())

    def add_device(self, name: str | None = None) -> DeviceState:
        """Add another device.

        Args:
            name: 1 to 128 characters; counted by default.
        """
        return self._run(calls.add_device(name))

    def remove_device(self, device_id: str) -> None:
        """Remove a device with its messages and webhooks, see `Gateway.remove_device`."""
        self._run(calls.remove_device(device_id))

    def switch(
        self,
        device_id: str,
        *,
        name: str | None = None,
        on: bool | None = None,
        connected: bool | None = None,
        failure_rate: float | None = None,
        failure_reason: str | None = None,
        failing_numbers: Mapping[str, str] | None = None,
        latency: float | None = None,
        delivery_reports: bool | None = None,
        passphrase: str | None = None,
        processing_order: ProcessingOrder | None = None,
        confirms_waiting: bool | None = None,
        sims: int | None = None,
    ) -> DeviceState:
        """Name or switch a device, see `Gateway.switch`; None leaves a switch as it is."""
        switches = {
            "name": name,
            "on": on,
            "online": connected,
            "failureRate": failure_rate,
            "failureReason": failure_reason,
            "failingNumbers": None if failing_numbers is None else dict(failing_numbers),
            "latency": latency,
            "deliveryReports": delivery_reports,
            "passphrase": passphrase,
            "processingOrder": processing_order,
            "confirmsWaiting": confirms_waiting,
            "sims": sims,
        }
        return self._run(calls.switch(device_id, switches))

    def timings(
        self,
        *,
        processed: float | None = None,
        sent: float | None = None,
        delivered: float | None = None,
        pace: float | None = None,
    ) -> Timings:
        """Set when messages reach their states, and return the timings; None leaves one as it is.

        Args:
            processed: seconds from a message's acceptance to the state, 0 to 86,400.
            sent: as ``processed``.
            delivered: as ``processed``.
            pace: seconds of pause after each message.
        """
        seconds = {"processed": processed, "sent": sent, "delivered": delivered, "pace": pace}
        return self._run(calls.timings(seconds))

    def deliveries(
        self, *, state: str | None = None, event: str | None = None, message_id: str | None = None
    ) -> list[DeliveryView]:
        """Return the last 1,000 deliveries to webhooks, newest first.

        Args:
            state: ``waiting``, ``delivered`` or ``dropped``.
            event: name of an event, such as ``sms:received``.
            message_id: id of a message as the webhook has it.
        """
        return self._run(calls.deliveries(state, event, message_id))

    def delivery(self, delivery_id: str) -> DeliveryView:
        """Return one delivery with its body, and the headers and responses of its attempts."""
        return self._run(calls.delivery(delivery_id))

    def redeliver(self, delivery_id: str) -> DeliveryView:
        """Make another attempt of a delivery now."""
        return self._run(calls.redeliver(delivery_id))

    def webhooks(self) -> list[WebhookView]:
        """Return the registered webhooks."""
        return self._run(calls.webhooks())

    def requests(
        self, *, search: str | None = None, method: str | None = None, status: int | None = None
    ) -> list[RequestView]:
        """Return the last 1,000 requests to the API, newest first.

        Args:
            search: a part of line, status or body.
            method: such as ``POST``.
            status: status of the response, 100 to 599.
        """
        return self._run(calls.requests(search, method, status))

    def request(self, request_id: int) -> RequestView:
        """Return one request with the headers and bodies of request and response, secrets left out."""
        return self._run(calls.request(request_id))

    def clear_requests(self) -> None:
        """Empty the log of requests."""
        self._run(calls.clear_requests())
