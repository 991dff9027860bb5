"""Behaviour of the app on a phone, without threads, a clock or a network: facts and times in, effects out.

`Phone` sends what a server hands it and reports states, `DeliveryQueue` signs, plans and retries webhook deliveries.
Who drives them brings the time, the random numbers, the exchanges with the server and the HTTP requests.
"""

from __future__ import annotations

from smsgate.phone._deliveries import KEPT_RESPONSE, Attempt, AttemptRecord, Delivery, DeliveryQueue, Misbehaviour
from smsgate.phone._handset import (
    FAILING_NUMBERS,
    GENERIC_FAILURE,
    REJECTED_ENDING,
    REJECTED_ERROR,
    UNDELIVERED_ENDING,
    Handset,
    PhoneConfig,
    PhoneTimings,
)
from smsgate.phone._incoming import (
    DELIVERIES,
    FOUND_TYPES,
    INCOMING_TYPES,
    Attachment,
    Inbox,
    IncomingMessage,
    Refresh,
    WebhookDelivery,
    wanted_delivery,
)
from smsgate.phone._message_ids import inbox_ids
from smsgate.phone._outgoing import Effect, Event, OutgoingMessage, StateReport, Transmission, message_state
from smsgate.phone._phone import Phone
from smsgate.phone._settings import PhoneSettings, SettingsError, import_settings
from smsgate.phone._sms import count_parts

__all__ = [
    "DELIVERIES",
    "FAILING_NUMBERS",
    "FOUND_TYPES",
    "GENERIC_FAILURE",
    "INCOMING_TYPES",
    "KEPT_RESPONSE",
    "REJECTED_ENDING",
    "REJECTED_ERROR",
    "UNDELIVERED_ENDING",
    "Attachment",
    "Attempt",
    "AttemptRecord",
    "Delivery",
    "DeliveryQueue",
    "Effect",
    "Event",
    "Handset",
    "Inbox",
    "IncomingMessage",
    "Misbehaviour",
    "OutgoingMessage",
    "Phone",
    "PhoneConfig",
    "PhoneSettings",
    "PhoneTimings",
    "Refresh",
    "SettingsError",
    "StateReport",
    "Transmission",
    "WebhookDelivery",
    "count_parts",
    "import_settings",
    "inbox_ids",
    "message_state",
    "wanted_delivery",
]
