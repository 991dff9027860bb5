"""The models under the names people use; `smsgate_api.models` is where they are generated.

Those of a device's settings are loaded when one is asked for: most programs need none of them.
"""

from typing import TYPE_CHECKING, Any

from smsgate._core.queries import InboxQueryFilter, MessagesQueryFilter, QueryPagination
from smsgate.runtime.strict import Strict, strict
from smsgate.runtime.types import Page
from smsgate_api import models
from smsgate_api.models import (
    DataMessage,
    Device,
    ErrorResponse,
    HashedMessage,
    HealthCheck,
    HealthResponse,
    HealthStatus,
    InboxRefreshRequest,
    IncomingMessage,
    IncomingMessageAttachment,
    IncomingMessageType,
    LogEntry,
    LogEntryPriority,
    Message,
    MessagePriority,
    MessagesExportRequest,
    MessagesSort,
    MessageState,
    MmsAttachment,
    MmsMessage,
    ProcessState,
    RecipientState,
    Scope,
    SimCard,
    TextMessage,
    TokenRequest,
    TokenResponse,
    Webhook,
    WebhookDelivery,
    WebhookEvent,
)

if TYPE_CHECKING:
    from smsgate.webhooks import MmsDownloadedAttachment, MmsDownloadedPayload, MmsReceivedPayload
    from smsgate_api.models import (
        DeviceSettings,
        LimitPeriod,
        MessagesProcessingOrder,
        NotificationChannel,
        SettingsEncryption,
        SettingsGateway,
        SettingsLogs,
        SettingsMessages,
        SettingsPing,
        SettingsReceiver,
        SettingsWebhooks,
        SimSelectionMode,
    )

__all__ = [
    "DataMessage",
    "Device",
    "DeviceSettings",
    "ErrorResponse",
    "HashedMessage",
    "HealthCheck",
    "HealthResponse",
    "HealthStatus",
    "InboxQueryFilter",
    "InboxRefreshRequest",
    "IncomingMessage",
    "IncomingMessageAttachment",
    "IncomingMessageType",
    "LimitPeriod",
    "LogEntry",
    "LogEntryPriority",
    "Message",
    "MessagePriority",
    "MessageState",
    "MessagesExportRequest",
    "MessagesProcessingOrder",
    "MessagesQueryFilter",
    "MessagesSort",
    "MmsAttachment",
    "MmsDownloadedAttachment",
    "MmsDownloadedPayload",
    "MmsMessage",
    "MmsReceivedPayload",
    "NotificationChannel",
    "Page",
    "ProcessState",
    "QueryPagination",
    "RecipientState",
    "Scope",
    "SettingsEncryption",
    "SettingsGateway",
    "SettingsLogs",
    "SettingsMessages",
    "SettingsPing",
    "SettingsReceiver",
    "SettingsWebhooks",
    "SimCard",
    "SimSelectionMode",
    "Strict",
    "TextMessage",
    "TokenRequest",
    "TokenResponse",
    "Webhook",
    "WebhookDelivery",
    "WebhookEvent",
    "strict",
]
_PAYLOADS = frozenset({"MmsDownloadedAttachment", "MmsDownloadedPayload", "MmsReceivedPayload"})


def __getattr__(name: str) -> Any:
    if name in _PAYLOADS:
        from smsgate_api import events  # noqa: PLC0415 - programs that only send need none of them

        return getattr(events, name)
    if name in __all__:
        return getattr(models, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
