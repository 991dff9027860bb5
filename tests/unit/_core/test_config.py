"""Checks of client options."""

from __future__ import annotations

from smsgate import (
    Timeout,
)
from smsgate._core.config import check_timeout, full_user_agent


def test_options_are_checked_and_completed():
    assert check_timeout(3) == Timeout(connect=3, read=3.0, total=3.0)
    assert check_timeout(60) == Timeout(connect=10.0, read=60.0, total=60.0)
    assert check_timeout(Timeout(None, None, None)) == Timeout(None, None, None)
    assert full_user_agent(" myapp/1.0 ").startswith("myapp/1.0 smsgate/")
