"""SMSGate for Python: send and receive text messages through your own Android phones.

Every public name is listed here and loaded on first use, so that ``import smsgate`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smsgate import ahttp, client, constants, domain, encryption, enums, errors, http, webhooks
    from smsgate._async.client import AsyncAPIClient
    from smsgate._core.hooks import RequestEvent, ResponseEvent
    from smsgate._core.ids import new_id
    from smsgate._core.messages import NotSent, SendResult, Sent
    from smsgate._sync.client import APIClient
    from smsgate.ahttp import AsyncHttpClient
    from smsgate.auth import BasicAuth, BearerAuth, JWTAuth
    from smsgate.constants import VERSION as __version__  # noqa: N811 - the name that Python tools look for
    from smsgate.domain import (
        DataMessage,
        Device,
        DeviceSettings,
        ErrorResponse,
        HashedMessage,
        HealthCheck,
        HealthResponse,
        HealthStatus,
        InboxQueryFilter,
        InboxRefreshRequest,
        IncomingMessage,
        IncomingMessageAttachment,
        IncomingMessageType,
        LimitPeriod,
        LogEntry,
        LogEntryPriority,
        Message,
        MessagePriority,
        MessagesExportRequest,
        MessagesProcessingOrder,
        MessagesQueryFilter,
        MessagesSort,
        MessageState,
        MmsAttachment,
        MmsMessage,
        NotificationChannel,
        Page,
        ProcessState,
        QueryPagination,
        RecipientState,
        Scope,
        SettingsEncryption,
        SettingsGateway,
        SettingsLogs,
        SettingsMessages,
        SettingsPing,
        SettingsReceiver,
        SettingsWebhooks,
        SimCard,
        SimSelectionMode,
        TextMessage,
        TokenRequest,
        TokenResponse,
        Webhook,
        WebhookDelivery,
        WebhookEvent,
    )
    from smsgate.encryption import Encryptor
    from smsgate.errors import (
        APIError,
        BadGatewayError,
        BadRequestError,
        CiphertextFormatError,
        ConfigurationError,
        ConflictError,
        ConnectError,
        DecryptionError,
        EncryptionError,
        ForbiddenError,
        GatewayTimeoutError,
        InternalServerError,
        InvalidRequestError,
        NotFoundError,
        NotImplementedByServerError,
        PayloadError,
        PayloadTooLargeError,
        RateLimitError,
        RequestTimeoutError,
        ResponseError,
        SendOutcomeUnknownError,
        ServerError,
        ServiceUnavailableError,
        SignatureError,
        SMSGateError,
        StaleEventError,
        TransportError,
        UnauthorizedError,
        UnprocessableEntityError,
        UnsupportedAlgorithmError,
        WaitTimeoutError,
        WebhookError,
    )
    from smsgate.http import HttpClient, Timeout
    from smsgate.retry import RetryEvent, RetryPolicy
    from smsgate.token_store import FileTokenStore, MemoryTokenStore, TokenStore
    from smsgate.webhooks import (
        AppStarted,
        AppStartedPayload,
        Event,
        MmsBatchDownloaded,
        MmsBatchDownloadedPayload,
        MmsBatchReceived,
        MmsBatchReceivedPayload,
        MmsDownloaded,
        MmsDownloadedAttachment,
        MmsDownloadedPayload,
        MmsReceived,
        MmsReceivedPayload,
        SmsBatchDataReceived,
        SmsBatchDataReceivedPayload,
        SmsBatchReceived,
        SmsBatchReceivedPayload,
        SmsCancelled,
        SmsCancelledPayload,
        SmsDataReceived,
        SmsDataReceivedPayload,
        SmsDelivered,
        SmsDeliveredPayload,
        SmsFailed,
        SmsFailedPayload,
        SmsReceived,
        SmsReceivedPayload,
        SmsSent,
        SmsSentPayload,
        SystemPing,
        SystemPingPayload,
        UnknownEvent,
    )

_MODULES = {"constants", "domain", "errors", "client", "http", "ahttp", "webhooks", "enums", "encryption"}

_HOMES = {
    "smsgate._async.client": "AsyncAPIClient",
    "smsgate._sync.client": "APIClient",
    "smsgate.ahttp": "AsyncHttpClient",
    "smsgate.auth": "BasicAuth BearerAuth JWTAuth",
    "smsgate.domain": """
        DataMessage Device DeviceSettings ErrorResponse HashedMessage HealthCheck HealthResponse HealthStatus
        InboxQueryFilter InboxRefreshRequest IncomingMessage IncomingMessageAttachment IncomingMessageType LimitPeriod
        LogEntry LogEntryPriority Message MessagePriority MessageState MessagesExportRequest MessagesProcessingOrder
        MessagesQueryFilter MessagesSort MmsAttachment MmsMessage NotificationChannel Page ProcessState
        QueryPagination RecipientState Scope SettingsEncryption SettingsGateway SettingsLogs SettingsMessages
        SettingsPing SettingsReceiver SettingsWebhooks SimCard SimSelectionMode TextMessage TokenRequest TokenResponse
        Webhook WebhookDelivery WebhookEvent
    """,
    "smsgate.encryption": "Encryptor",
    "smsgate.errors": """
        APIError BadGatewayError BadRequestError CiphertextFormatError ConfigurationError ConflictError ConnectError
        DecryptionError EncryptionError ForbiddenError GatewayTimeoutError InternalServerError InvalidRequestError
        NotFoundError NotImplementedByServerError PayloadError PayloadTooLargeError RateLimitError RequestTimeoutError
        ResponseError SMSGateError SendOutcomeUnknownError ServerError ServiceUnavailableError SignatureError
        StaleEventError TransportError UnauthorizedError UnprocessableEntityError UnsupportedAlgorithmError
        WaitTimeoutError WebhookError
    """,
    "smsgate.http": "HttpClient Timeout",
    "smsgate._core.ids": "new_id",
    "smsgate._core.messages": "NotSent SendResult Sent",
    "smsgate._core.hooks": "RequestEvent ResponseEvent",
    "smsgate.retry": "RetryEvent RetryPolicy",
    "smsgate.token_store": "FileTokenStore MemoryTokenStore TokenStore",
    "smsgate.webhooks": """
        AppStarted AppStartedPayload Event MmsBatchDownloaded MmsBatchDownloadedPayload MmsBatchReceived
        MmsBatchReceivedPayload MmsDownloaded MmsDownloadedAttachment MmsDownloadedPayload MmsReceived
        MmsReceivedPayload SmsBatchDataReceived SmsBatchDataReceivedPayload SmsBatchReceived SmsBatchReceivedPayload
        SmsCancelled SmsCancelledPayload SmsDataReceived SmsDataReceivedPayload SmsDelivered SmsDeliveredPayload
        SmsFailed SmsFailedPayload SmsReceived SmsReceivedPayload SmsSent SmsSentPayload SystemPing SystemPingPayload
        UnknownEvent
    """,
}
_NAMES = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = [
    "APIClient", "APIError", "AppStarted", "AppStartedPayload", "AsyncAPIClient", "AsyncHttpClient",
    "BadGatewayError", "BadRequestError", "BasicAuth", "BearerAuth", "CiphertextFormatError", "ConfigurationError",
    "ConflictError", "ConnectError", "DataMessage", "DecryptionError", "Device", "DeviceSettings", "EncryptionError",
    "Encryptor", "ErrorResponse", "Event", "FileTokenStore", "ForbiddenError", "GatewayTimeoutError", "HashedMessage",
    "HealthCheck", "HealthResponse", "HealthStatus", "HttpClient", "InboxQueryFilter", "InboxRefreshRequest",
    "IncomingMessage", "IncomingMessageAttachment", "IncomingMessageType", "InternalServerError",
    "InvalidRequestError", "JWTAuth", "LimitPeriod", "LogEntry", "LogEntryPriority", "MemoryTokenStore", "Message",
    "MessagePriority", "MessageState", "MessagesExportRequest", "MessagesProcessingOrder", "MessagesQueryFilter",
    "MessagesSort", "MmsAttachment", "MmsBatchDownloaded", "MmsBatchDownloadedPayload", "MmsBatchReceived",
    "MmsBatchReceivedPayload", "MmsDownloaded", "MmsDownloadedAttachment", "MmsDownloadedPayload", "MmsMessage",
    "MmsReceived", "MmsReceivedPayload", "NotFoundError", "NotImplementedByServerError", "NotSent",
    "NotificationChannel", "Page", "PayloadError", "PayloadTooLargeError", "ProcessState", "QueryPagination",
    "RateLimitError", "RecipientState", "RequestEvent", "RequestTimeoutError", "ResponseError", "ResponseEvent",
    "RetryEvent",
    "RetryPolicy", "SMSGateError", "Scope", "SendOutcomeUnknownError", "SendResult", "Sent", "ServerError",
    "ServiceUnavailableError", "SettingsEncryption", "SettingsGateway", "SettingsLogs", "SettingsMessages",
    "SettingsPing", "SettingsReceiver", "SettingsWebhooks", "SignatureError", "SimCard", "SimSelectionMode",
    "SmsBatchDataReceived", "SmsBatchDataReceivedPayload", "SmsBatchReceived", "SmsBatchReceivedPayload",
    "SmsCancelled", "SmsCancelledPayload", "SmsDataReceived", "SmsDataReceivedPayload", "SmsDelivered",
    "SmsDeliveredPayload", "SmsFailed", "SmsFailedPayload", "SmsReceived", "SmsReceivedPayload", "SmsSent",
    "SmsSentPayload", "StaleEventError", "SystemPing", "SystemPingPayload", "TextMessage", "Timeout", "TokenRequest",
    "TokenResponse", "TokenStore", "TransportError", "UnauthorizedError", "UnknownEvent", "UnprocessableEntityError",
    "UnsupportedAlgorithmError", "WaitTimeoutError", "Webhook", "WebhookDelivery", "WebhookError", "WebhookEvent",
    "__version__", "ahttp", "client", "constants", "domain", "encryption", "enums", "errors", "http", "new_id",
    "webhooks",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"smsgate.{name}")
    if name == "__version__":
        value = import_module("smsgate.constants").VERSION
    elif name in _NAMES:
        value = getattr(import_module(_NAMES[name]), name)
    else:
        raise AttributeError(f"module 'smsgate' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
