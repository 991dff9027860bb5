"""Checks of URLs."""

from __future__ import annotations

import traceback
from functools import partial

import pytest

from smsgate import (
    ConfigurationError,
    InvalidRequestError,
)
from smsgate._core.base_url import check_base_url, is_phone
from smsgate._core.registration import check_target


@pytest.mark.parametrize(
    ("url", "phone"),
    [
        ("https://api.sms-gate.app/3rdparty/v1", False),
        ("https://a.test/api/3rdparty/v1", False),
        ("http://192.168.1.2:8080", True),
        ("http://3rdparty.test:8080/v1", True),
    ],
)
def test_phone_is_told_from_the_path(url, phone):
    assert is_phone(url) is phone


@pytest.mark.parametrize("url", ["https://demo:S3cret/word@a.test/", "https://us[er:S3cret]x@a.test/"])
def test_no_part_of_a_url_is_quoted_by_a_traceback(url):
    for check in (check_base_url, partial(check_target, allow_insecure=False)):
        with pytest.raises((ConfigurationError, InvalidRequestError)) as caught:
            check(url)
        assert "S3cret" not in "".join(traceback.format_exception(caught.value))
        assert caught.value.__cause__ is None
