"""Results and errors from HTTP responses."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from smsgate import ConfigurationError, errors
from smsgate._core.responses import build_api_error, check_response, is_success, parse_response
from smsgate.http import Response
from smsgate_api import operations

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def api_error(status, body=b"", **headers):
    response = Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)
    return build_api_error(operations.get_message("m1"), response, "https://a.test/3rdparty/v1", None, NOW)


def test_error_has_the_class_of_its_status_and_the_facts_of_its_response():
    error = api_error(404, b'{"message": "no such message"}', x_request_id="r1", retry_after="7")

    assert type(error) is errors.NotFoundError
    assert (error.message, error.status_code, error.request_id, error.retry_after) == ("no such message", 404, "r1", 7)
    assert (error.method, error.path) == ("GET", "/messages/m1")
    assert type(api_error(418)) is errors.APIError
    assert type(api_error(599)) is errors.ServerError


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"message": 5}', b"[" * 100_000])
def test_error_without_a_message_has_the_phrase_of_its_status(body):
    assert api_error(502, body).message == "Bad Gateway"
    assert api_error(599, body).message == "HTTP status 599"


def test_web_page_in_the_place_of_a_result_is_named():
    with pytest.raises(errors.ResponseError, match="web page") as caught:
        parse_response(operations.get_message("m1"), Response(200, {}, b" <html>secret</html>"))
    assert "secret" not in str(caught.value)


def test_only_complete_responses_pass():
    check_response(Response(200, {}, b""))
    for wrong in (None, Response(None, {}, b""), Response(200, {}, None)):
        with pytest.raises(ConfigurationError, match="must return a Response"):
            check_response(wrong)
    assert [status for status in (199, 200, 299, 300) if is_success(status)] == [200, 299]
