"""Retry policy: waits, limits and `Retry-After`."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from smsgate import (
    ConfigurationError,
    RetryPolicy,
)
from smsgate.retry import decide, retry_after_seconds

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def wait(*, status=None, sent=None, repeat="safe", attempt=1, elapsed=0.0, retry_after=None, draw=1.0, **policy):
    return decide(
        RetryPolicy(**policy),
        repeat,
        status=status,
        sent=sent,
        retry_after=retry_after,
        attempt=attempt,
        elapsed=elapsed,
        draw=draw,
    )


def test_waits_double_up_to_their_bound_and_are_drawn_below_it():
    assert [wait(attempt=n, max_retries=9) for n in (1, 2, 3, 4, 5, 6)] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    assert wait(draw=0.0) == 0.0
    assert wait(draw=0.5) == 0.25


def test_server_s_wish_is_obeyed_up_to_its_ceiling():
    assert wait(status=429, retry_after=7.0) == 7.0
    assert wait(status=503, retry_after=61.0) is None


def test_retries_end_by_number_and_by_time():
    assert wait(attempt=4) is None
    assert wait(elapsed=59.9) is None
    assert wait(elapsed=59.0) == 0.5


@pytest.mark.parametrize("status", [200, 400, 401, 404, 409, 501])
def test_statuses_that_another_attempt_cannot_help_are_final(status):
    assert wait(status=status) is None


def test_settling_operations_are_repeated_only_without_effect():
    assert wait(repeat="settle", sent=None) is None
    assert wait(repeat="settle", sent=True, status=503) is None
    assert wait(repeat="settle", sent=False) == 0.5
    assert wait(repeat="settle", sent=False, status=503) == 0.5
    assert wait(repeat="never", sent=False) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5", 5.0),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("\u0665", None),
        ("9" * 310, 100 * 365 * 86_400.0),
        ("9" * 5000, 100 * 365 * 86_400.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 100 * 365 * 86_400.0),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 00:00:30 -0000", 30.0),
        ("Thu, 01 Jan 2026 02:00:30 +0200", 30.0),
        ("Thu, 01 Jan 9999999999 00:00:30 GMT", None),
        ("Thu, 01 Jan 2026 9999999999:00:30 GMT", None),
        ("1 Jan 2026 00:00:99999999999999", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(value, seconds):
    assert retry_after_seconds({"retry-after": value}, NOW) == seconds


async def _coroutine_function(_event):
    """Do nothing."""


@pytest.mark.parametrize(
    "options",
    [
        {"max_retries": -1},
        {"max_retries": "3"},
        {"max_retries": True},
        {"base_delay": float("nan")},
        {"max_delay": None},
        {"max_delay": float("inf")},
        {"base_delay": float("inf")},
        {"max_retries": 10**400},
        {"max_elapsed": float("nan")},
        {"max_elapsed": 10**400},
        {"max_elapsed": -0.1},
        {"max_retry_after": "60"},
        {"on_retry": "print"},
        {"on_retry": _coroutine_function},
        {"base_delay": 10**400},
    ],
)
def test_policies_that_could_never_work_are_refused(options):
    with pytest.raises(ConfigurationError):
        RetryPolicy(**options)


def test_retry_after_in_the_past_means_now():
    assert retry_after_seconds({"retry-after": "Wed, 31 Dec 2025 23:00:00 GMT"}, NOW) == 0.0
