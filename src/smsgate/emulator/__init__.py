"""Emulated SMSGate server with phones: in memory for tests, and over a port.

``Gateway`` handles requests as the real servers do; it never uses a client and never opens a connection.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from smsgate.emulator._http.timestamps import Clock, ManualClock
from smsgate.emulator._phone.deliveries import Deliveries
from smsgate.emulator._phone.webhook_sender import WebhookSender
from smsgate.emulator._state.devices import Device
from smsgate.emulator._state.messages import Message, Recipient
from smsgate.emulator._state.queue_limit import QueueLimit
from smsgate.emulator._state.state import Mode
from smsgate.emulator._state.tokens import TokenSettings
from smsgate.emulator.faults import FAULTS, Fault, FaultKind, Faults, FaultSource, ServedExchange
from smsgate.emulator.gateway import Gateway
from smsgate.emulator.outbox import SentMessage
from smsgate.phone import (
    FAILING_NUMBERS,
    REJECTED_ENDING,
    REJECTED_ERROR,
    UNDELIVERED_ENDING,
    Attachment,
    Attempt,
    AttemptRecord,
    Delivery,
    IncomingMessage,
    Misbehaviour,
    PhoneTimings,
    Transmission,
)

if TYPE_CHECKING:
    from smsgate.emulator._async.control import AsyncControl
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
    from smsgate.emulator._server.asgi import EmulatorApp
    from smsgate.emulator._sync.control import Control

__all__ = [
    "FAILING_NUMBERS",
    "FAULTS",
    "REJECTED_ENDING",
    "REJECTED_ERROR",
    "UNDELIVERED_ENDING",
    "AsyncControl",
    "Attachment",
    "Attempt",
    "AttemptRecord",
    "Clock",
    "Control",
    "Deliveries",
    "Delivery",
    "DeliveryView",
    "Device",
    "DeviceState",
    "EmulatorApp",
    "EmulatorState",
    "Fault",
    "FaultKind",
    "FaultRule",
    "FaultSource",
    "Faults",
    "Gateway",
    "IncomingMessage",
    "IncomingView",
    "ManualClock",
    "Message",
    "Misbehaviour",
    "Mode",
    "OutgoingView",
    "PhoneTimings",
    "QueueLimit",
    "Recipient",
    "RequestView",
    "SentMessage",
    "ServedExchange",
    "Timings",
    "TokenSettings",
    "Transmission",
    "WebhookSender",
    "WebhookView",
]

_LAZY = {
    "AsyncControl": "_async.control",
    "Control": "_sync.control",
    "EmulatorApp": "_server.asgi",
    **dict.fromkeys(
        (
            "DeliveryView",
            "DeviceState",
            "EmulatorState",
            "FaultRule",
            "IncomingView",
            "OutgoingView",
            "RequestView",
            "Timings",
            "WebhookView",
        ),
        "_control.schemas",
    ),
}
"""Names that are loaded on first use, because tests in memory do without starlette and httpx."""


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f"smsgate.emulator.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
