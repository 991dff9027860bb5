"""The enums under the module name that programs written for the official client import them from."""

from smsgate_api.models import (
    HealthStatus,
    IncomingMessageType,
    LimitPeriod,
    LogEntryPriority,
    MessagePriority,
    MessagesProcessingOrder,
    ProcessState,
    Scope,
    SimSelectionMode,
    WebhookDelivery,
    WebhookEvent,
)

__all__ = [
    "HealthStatus",
    "IncomingMessageType",
    "LimitPeriod",
    "LogEntryPriority",
    "MessagePriority",
    "MessagesProcessingOrder",
    "ProcessState",
    "Scope",
    "SimSelectionMode",
    "WebhookDelivery",
    "WebhookEvent",
]
