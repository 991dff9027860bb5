"""Results of attempts."""

from __future__ import annotations

from smsgate import (
    ConnectError,
    InternalServerError,
    NotImplementedByServerError,
    RequestTimeoutError,
    ResponseError,
    TransportError,
    UnauthorizedError,
)
from smsgate._core.attempts import device_list_error, token_failure, transport_failure


def test_call_without_a_token_never_left():
    timeout = token_failure(RequestTimeoutError("slow", sent=None))
    assert (timeout.sent, timeout.status) == (False, None)
    assert isinstance(timeout.error, RequestTimeoutError)
    assert timeout.error.sent is False
    assert token_failure(InternalServerError("x", 500)).status == 503
    assert token_failure(NotImplementedByServerError("x", 501)).status == 501
    assert token_failure(UnauthorizedError("x", 401)).status == 401
    assert token_failure(ResponseError("x")).status == 503  # garbage is worth another attempt
    assert transport_failure(TransportError("x", sent=True)).sent is True


def test_failure_of_an_odd_kind_of_transport_is_told_as_the_nearest_known():
    class OddError(ConnectError):
        def __init__(self, host, port):
            super().__init__(f"{host} {port}")

    for told in (token_failure(OddError("a", 1)).error, device_list_error(OddError("a", 1))):
        assert type(told) is ConnectError
        assert told.sent is False
        assert "a 1" in str(told)
