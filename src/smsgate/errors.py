"""Exceptions of this package, all of them under `SMSGateError`.

::

    SMSGateError
    ├── ConfigurationError        (also ValueError) wrong before anything was sent: URL, credentials, options
    ├── InvalidRequestError       (also ValueError) refused before anything was sent: ids, limits, times
    ├── TransportError            no response; `sent` says whether the request may have left
    │   ├── ConnectError          no connection
    │   └── RequestTimeoutError   a time limit of the exchange is over
    ├── SendOutcomeUnknownError   a message that may or may not have been accepted
    ├── APIError                  a response with an error status
    │   ├── BadRequestError 400  UnauthorizedError 401  ForbiddenError 403  NotFoundError 404  ConflictError 409
    │   ├── PayloadTooLargeError 413  UnprocessableEntityError 422  RateLimitError 429
    │   └── ServerError 5xx
    │       ├── InternalServerError 500  NotImplementedByServerError 501  BadGatewayError 502
    │       └── ServiceUnavailableError 503  GatewayTimeoutError 504
    ├── ResponseError             a response that cannot be read
    ├── EncryptionError           (also ValueError)
    │   └── CiphertextFormatError  DecryptionError  UnsupportedAlgorithmError
    ├── WebhookError
    │   └── SignatureError  StaleEventError  PayloadError
    └── WaitTimeoutError          a message was not finished in time

Exceptions of other libraries are the ``__cause__``; the text only names them where they would quote a message.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from smsgate.runtime.printable import MAX_PRINTABLE, escape

if TYPE_CHECKING:
    from smsgate_api.models import MessageState

__all__ = [
    "APIError",
    "BadGatewayError",
    "BadRequestError",
    "CiphertextFormatError",
    "ConfigurationError",
    "ConflictError",
    "ConnectError",
    "DecryptionError",
    "EncryptionError",
    "ForbiddenError",
    "GatewayTimeoutError",
    "InternalServerError",
    "InvalidRequestError",
    "NotFoundError",
    "NotImplementedByServerError",
    "PayloadError",
    "PayloadTooLargeError",
    "RateLimitError",
    "RequestTimeoutError",
    "ResponseError",
    "SMSGateError",
    "SendOutcomeUnknownError",
    "ServerError",
    "ServiceUnavailableError",
    "SignatureError",
    "StaleEventError",
    "TransportError",
    "UnauthorizedError",
    "UnprocessableEntityError",
    "UnsupportedAlgorithmError",
    "WaitTimeoutError",
    "WebhookError",
]


_LONGEST_HINT = 300
_by_status: dict[int, type[APIError]] = {}


class SMSGateError(Exception):
    """Base class of all errors of this package.

    ``str(error)`` and ``repr(error)`` have at most some 500 characters, with control characters escaped, as they may
    contain text of a server; ``error.args`` and the other attributes hold it in full.
    """

    def __str__(self) -> str:
        return escape(super().__str__())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class ConfigurationError(SMSGateError, ValueError):
    """A client, backend or option cannot work as it is set up. Nothing was sent."""


class InvalidRequestError(SMSGateError, ValueError):
    """The client rejected a call before sending anything: an id, a time, a limit or a setting is wrong."""


class TransportError(SMSGateError):
    """There was no complete response.

    Attributes:
        sent: False when the request certainly never left, True when it certainly did, None when unknown.
    """

    def __init__(self, message: str, *, sent: bool | None = None) -> None:
        super().__init__(message)
        self.sent = sent


class ConnectError(TransportError):
    """There was no connection: refused, unresolvable, or TLS failed. The request never left."""

    def __init__(self, message: str, *, sent: bool | None = False) -> None:
        super().__init__(message, sent=sent)


class RequestTimeoutError(TransportError):
    """A time limit of the exchange is over; see `smsgate.Timeout`."""


class SendOutcomeUnknownError(SMSGateError):
    """A message that may or may not have been accepted: look it up by id before sending it again.

    Attributes:
        message_id: id of the message, for ``get_state``.
        device_id: device of the message, None when none was chosen.
    """

    def __init__(self, message: str, *, message_id: str | None = None, device_id: str | None = None) -> None:
        super().__init__(message)
        self.message_id = message_id
        self.device_id = device_id


class APIError(SMSGateError):
    """The gateway responded with an error status.

    Attributes:
        message: the server's message in full, or the phrase of the status without one.
        status_code: HTTP status.
        response: the parsed JSON body, None when it is no JSON.
        data: the body as the model that the document has for this status; None without one, or if it does not fit.
        body: the raw body; not part of ``str()`` or ``repr()``.
        method, path: of the request, without query.
        request_id: value of ``X-Request-ID``, useful when reporting a problem to the server's operator.
        hint: advice for a known cause, else None.
        retry_after: seconds to wait, as the server said, or None.
    """

    retry_after: float | None = None

    def __init_subclass__(cls, *, status: HTTPStatus | None = None) -> None:
        super().__init_subclass__()
        if status is not None:
            _by_status[status] = cls

    def __init__(
        self,
        message: str,
        status_code: int | None = None,
        response: Any = None,
        *,
        body: bytes = b"",
        method: str | None = None,
        path: str | None = None,
        request_id: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status_code = status_code
        self.response = response
        self.data: Any = None
        self.body = body
        self.method = method
        self.path = path
        self.request_id = request_id
        self.hint = hint

    def __str__(self) -> str:
        status = f"{self.status_code} " if self.status_code is not None else ""
        hint = f" ({escape(self.hint, _LONGEST_HINT)})" if self.hint else ""
        return f"{status}{escape(self.message, MAX_PRINTABLE - len(status) - len(hint))}{hint}"


class BadRequestError(APIError, status=HTTPStatus.BAD_REQUEST):
    """400: the gateway refused the content of the request."""


class UnauthorizedError(APIError, status=HTTPStatus.UNAUTHORIZED):
    """401: the gateway refused the credentials."""


class ForbiddenError(APIError, status=HTTPStatus.FORBIDDEN):
    """403: the credentials lack the scope that the call needs."""


class NotFoundError(APIError, status=HTTPStatus.NOT_FOUND):
    """404: no such message, or the server has no such route."""


class ConflictError(APIError, status=HTTPStatus.CONFLICT):
    """409: the id is taken on that device, or the message can no longer be cancelled."""


class PayloadTooLargeError(APIError, status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
    """413: the body exceeds the server's limit (4 MiB on cloud and private servers)."""


class UnprocessableEntityError(APIError, status=HTTPStatus.UNPROCESSABLE_ENTITY):
    """422: a proxy or a later server refused the content."""


class RateLimitError(APIError, status=HTTPStatus.TOO_MANY_REQUESTS):
    """429: too many requests."""


class ServerError(APIError):
    """5xx: the server or a proxy in front of it failed."""


class InternalServerError(ServerError, status=HTTPStatus.INTERNAL_SERVER_ERROR):
    """500: the server failed; the message of a failed send may be stored."""


class NotImplementedByServerError(ServerError, status=HTTPStatus.NOT_IMPLEMENTED):
    """501: this server does not offer the call (inbox and logs on the cloud, tokens when switched off)."""


class BadGatewayError(ServerError, status=HTTPStatus.BAD_GATEWAY):
    """502: a proxy could not reach the server."""


class ServiceUnavailableError(ServerError, status=HTTPStatus.SERVICE_UNAVAILABLE):
    """503: the queue of the device is full, or the server is not ready."""


class GatewayTimeoutError(ServerError, status=HTTPStatus.GATEWAY_TIMEOUT):
    """504: a proxy waited too long for the server."""


class ResponseError(SMSGateError):
    """A response cannot be read: an HTML page, broken JSON, a missing field (which the text names).

    Attributes:
        status_code: HTTP status of the response.
        body: the raw body; not part of ``str()`` or ``repr()``.
        message_id: id of the message, for a send.
    """

    def __init__(
        self, message: str, *, status_code: int | None = None, body: bytes = b"", message_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.body = body
        self.message_id = message_id


class EncryptionError(SMSGateError, ValueError):
    """A text could not be encrypted or decrypted."""


class CiphertextFormatError(EncryptionError):
    """The text is no ciphertext of the expected form."""


class DecryptionError(EncryptionError):
    """The passphrase is wrong or the ciphertext is damaged; both look the same."""


class UnsupportedAlgorithmError(EncryptionError):
    """The ciphertext names an unsupported algorithm."""


class WebhookError(SMSGateError):
    """A webhook request was rejected.

    Attributes:
        reason: one word for programs; the subclasses list theirs.
    """

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class SignatureError(WebhookError):
    """The signature headers are missing, malformed or do not match the body.

    Reasons: ``missing_header``, ``malformed_signature``, ``malformed_timestamp``, ``unknown_device``,
    ``signature_mismatch``.
    """


class StaleEventError(WebhookError):
    """The timestamp of a request is too far from now.

    Reasons: ``timestamp_too_old``, ``timestamp_too_new``.
    """


class PayloadError(WebhookError):
    """The signature is valid but the body is no event.

    Reasons: ``invalid_json``, ``invalid_payload``.
    """


class WaitTimeoutError(SMSGateError):
    """A message was not finished before the timeout of `wait`.

    Attributes:
        state: the last state seen.
    """

    def __init__(self, message: str, *, state: MessageState | None = None) -> None:
        super().__init__(message)
        self.state = state


def error_class(status: int) -> type[APIError]:
    """Return the `APIError` class for an HTTP status: `ServerError` for another 5xx, otherwise `APIError`."""
    return _by_status.get(status, ServerError if status >= HTTPStatus.INTERNAL_SERVER_ERROR else APIError)
