"""Outcome of a webhook's registration that failed."""

from __future__ import annotations

from http import HTTPStatus

from smsgate.errors import APIError, SMSGateError, TransportError


def may_be_stored(error: SMSGateError) -> bool:
    """Tell whether the gateway may have stored a webhook although its registration failed."""
    if isinstance(error, TransportError):
        return error.sent is not False
    if isinstance(error, APIError):
        status = error.status_code or 0
        is_rejected = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
        return not is_rejected or status == HTTPStatus.REQUEST_TIMEOUT
    return not isinstance(error, ValueError)  # a ValueError was raised before anything was sent
