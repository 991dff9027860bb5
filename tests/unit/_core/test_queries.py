"""Filters and times of list calls."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from smsgate import (
    InboxQueryFilter,
    InvalidRequestError,
    MessagesQueryFilter,
    QueryPagination,
)
from smsgate._core.arguments import argument_errors
from smsgate._core.queries import parse_query_time
from smsgate_api import operations

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def test_filters_are_written_and_read_by_their_wire_names():
    query = MessagesQueryFilter(from_=NOW, state="Failed", device_id="d1")
    inbox = InboxQueryFilter(message_type="SMS", include_attachments=True)

    assert query.asdict() == {"from": "2026-01-01T00:00:00.000Z", "state": "Failed", "deviceId": "d1"}
    assert inbox.asdict() == {"type": "SMS", "includeAttachments": True}
    assert QueryPagination.from_dict({"limit": 5, "x": 1}) == QueryPagination(5)
    for wrong in (None, "from", [("limit", 5)]):
        with pytest.raises(InvalidRequestError, match="mapping"):
            QueryPagination.from_dict(wrong)
    assert MessagesQueryFilter.from_dict({"from": NOW}) == MessagesQueryFilter(from_=NOW)


def test_times_of_queries_are_read_from_text():
    assert parse_query_time("2026-01-01T00:00:00Z") == NOW
    assert parse_query_time("2026-01-01T02:00:00+02:00") == NOW
    assert parse_query_time(None) is None
    assert parse_query_time("2026-01-01t00:00:00.000000000z") == NOW
    for wrong in ("", "yesterday", "2026-01-01", "2026-W01-4T00:00:00Z", "20260101T000000Z"):
        with pytest.raises(InvalidRequestError) as caught:
            parse_query_time(wrong)
        assert caught.value.__cause__ is None
    for naive in ("2026-01-01T00:00:00", NOW.replace(tzinfo=None)):
        with pytest.raises(InvalidRequestError, match="zone"), argument_errors():
            operations.list_messages(from_=parse_query_time(naive))
