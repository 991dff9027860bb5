"""Texts of errors: short and printable, whatever a server, a proxy or a sender wrote."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback

import pytest

from smsgate import APIClient, BadRequestError, RetryPolicy, errors
from smsgate.http import Response
from smsgate.runtime.printable import escape

BASE_URL = "http://gateway.test/3rdparty/v1"
NASTY = "a\n2026-01-01 CRITICAL root: forged\r\x1b[31m\u202egnp\u2028\x00\x9b\ud800" + "x" * 1_000_000


class Canned:
    """A backend that gives one answer."""

    def __init__(self, status, body=b"", headers=None):
        self.answer = Response(status, headers or {}, body)

    def send(self, _request):
        return self.answer

    def stream(self, _request):
        raise NotImplementedError

    def close(self):
        pass


def assert_harmless(text):
    assert len(text) <= 500
    assert text.isprintable()


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 409, 413, 422, 429, 500, 503, 599])
def test_server_s_text_is_cut_and_escaped_and_stays_whole_on_the_error(status):
    body = json.dumps({"message": NASTY}).encode()
    headers = {"Location": f"https://b.test/{NASTY}", "X-Request-ID": NASTY}
    client = APIClient("a", "b", base_url=BASE_URL, http=Canned(status, body, headers), retry=RetryPolicy.none())

    with pytest.raises(errors.APIError) as caught:
        client.get_state("m1")

    assert_harmless(str(caught.value))
    assert str(caught.value).startswith(f"{status} a\\n2026")
    assert caught.value.body == body
    if caught.value.status_code == status and caught.value.response:
        assert caught.value.message == NASTY
        assert caught.value.response == {"message": NASTY}


@pytest.mark.parametrize("kind", [getattr(errors, name) for name in errors.__all__ if name.endswith("Error")])
def test_every_error_is_short_and_printable(kind):
    error = kind(NASTY)

    assert_harmless(str(error))
    assert len(repr(error)) <= 600
    assert repr(error).isprintable()
    last = traceback.format_exception_only(error)[-1]
    assert len(last) <= 600
    assert error.args == (NASTY,)
    assert str(copy.copy(error)) == str(pickle.loads(pickle.dumps(error))) == str(error)


def test_hint_survives_a_long_message():
    error = BadRequestError(NASTY, 400, hint="call somebody")

    assert str(error).endswith("… (call somebody)")


def test_texts_that_fit_stay_as_they_are():
    assert escape("Übung macht den Meister 👍") == "Übung macht den Meister 👍"
    assert escape("x" * 500) == "x" * 500
    assert escape("x" * 501) == "x" * 499 + "…"
    assert len(escape("\n" * 500)) == 500
    assert str(errors.SMSGateError()) == ""
    assert str(errors.SMSGateError("a", 1)) == "('a', 1)"


def test_log_records_hold_one_line(caplog):
    body = json.dumps({"message": NASTY}).encode()
    client = APIClient("a", "b", base_url=BASE_URL, http=Canned(500, body), retry=RetryPolicy(max_retries=0))

    with caplog.at_level(logging.DEBUG, "smsgate"), pytest.raises(errors.ServerError):
        client.list_devices()

    assert caplog.records
    for record in caplog.records:
        assert "\n" not in record.getMessage()
        assert len(record.getMessage()) < 1000
