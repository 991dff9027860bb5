"""A pretend SMSGate server with pretend phones: for tests in memory, and for trying things out over a port.

``Gateway`` answers requests as the real servers do; it never uses a client and never opens a connection.
"""

from __future__ import annotations

from smsgate.emulator.books import Mode
from smsgate.emulator.deliverer import Deliverer
from smsgate.emulator.deliveries import Attempt, Deliveries, Delivery, Habits
from smsgate.emulator.devices import Device
from smsgate.emulator.faults import FAULTS, Fault, FaultKind, Faults, FaultSource, Played
from smsgate.emulator.gateway import Gateway
from smsgate.emulator.inbox import Attachment, IncomingMessage
from smsgate.emulator.messages import Message, Recipient
from smsgate.emulator.phone import (
    FAILING_NUMBERS,
    REJECTED_ENDING,
    REJECTED_ERROR,
    UNDELIVERED_ENDING,
    PhoneTimings,
    Transmission,
)
from smsgate.emulator.queue_limit import QueueLimit
from smsgate.emulator.timestamps import Clock, ManualClock
from smsgate.emulator.tokens import TokenSettings

__all__ = [
    "FAILING_NUMBERS",
    "FAULTS",
    "REJECTED_ENDING",
    "REJECTED_ERROR",
    "UNDELIVERED_ENDING",
    "Attachment",
    "Attempt",
    "Clock",
    "Deliverer",
    "Deliveries",
    "Delivery",
    "Device",
    "Fault",
    "FaultKind",
    "FaultSource",
    "Faults",
    "Gateway",
    "Habits",
    "IncomingMessage",
    "ManualClock",
    "Message",
    "Mode",
    "PhoneTimings",
    "Played",
    "QueueLimit",
    "Recipient",
    "TokenSettings",
    "Transmission",
]
