"""Emulated SMSGate server with phones: for tests in memory, and for trying things out over a port.

``Gateway`` answers requests as the real servers do; it never uses a client and never opens a connection.
"""

from __future__ import annotations

from smsgate.emulator._http.timestamps import Clock, ManualClock
from smsgate.emulator._phone.deliveries import Attempt, Deliveries, Delivery, Misbehaviour
from smsgate.emulator._phone.phone import (
    FAILING_NUMBERS,
    REJECTED_ENDING,
    REJECTED_ERROR,
    UNDELIVERED_ENDING,
)
from smsgate.emulator._phone.webhook_sender import WebhookSender
from smsgate.emulator._state.devices import Device
from smsgate.emulator._state.incoming import Attachment, IncomingMessage
from smsgate.emulator._state.messages import Message, Recipient
from smsgate.emulator._state.phones import PhoneTimings, Transmission
from smsgate.emulator._state.queue_limit import QueueLimit
from smsgate.emulator._state.state import Mode
from smsgate.emulator._state.tokens import TokenSettings
from smsgate.emulator.faults import FAULTS, Fault, FaultKind, Faults, FaultSource, ServedExchange
from smsgate.emulator.gateway import Gateway

__all__ = [
    "FAILING_NUMBERS",
    "FAULTS",
    "REJECTED_ENDING",
    "REJECTED_ERROR",
    "UNDELIVERED_ENDING",
    "Attachment",
    "Attempt",
    "Clock",
    "Deliveries",
    "Delivery",
    "Device",
    "Fault",
    "FaultKind",
    "FaultSource",
    "Faults",
    "Gateway",
    "IncomingMessage",
    "ManualClock",
    "Message",
    "Misbehaviour",
    "Mode",
    "PhoneTimings",
    "QueueLimit",
    "Recipient",
    "ServedExchange",
    "TokenSettings",
    "Transmission",
    "WebhookSender",
]
