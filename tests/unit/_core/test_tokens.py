"""Token pairs."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from smsgate._core.tokens import TokenPair

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def test_stored_pairs_that_make_no_sense_are_no_pairs():
    good = TokenPair("a", "b", "c", NOW, 60.0)

    assert TokenPair.from_dict(good.asdict()) == good
    for change in (
        {"access_token": 5},
        {"refresh_token": 5},
        {"ends_at": "2026-01-01T00:00:00"},
        {"lifetime": "x"},
        {"lifetime": float("nan")},
        {"lifetime": float("inf")},
        {"lifetime": 10**400},
        {"lifetime": -1},
    ):
        assert TokenPair.from_dict({**good.asdict(), **change}) is None


def test_pairs_at_the_ends_of_time_are_as_good_as_others():
    first = TokenPair("a", "b", "c", datetime.min.replace(tzinfo=timezone.utc), 60.0)
    last = TokenPair("a", "b", "c", datetime.max.replace(tzinfo=timezone.utc), 60.0)

    assert first.expires_within(30.0, NOW)
    assert not last.expires_within(1e300, NOW)
    assert not last.expires_within(float("inf"), NOW)


def test_token_that_is_no_jwt_lives_until_the_server_says():
    class TokenDocument:
        id, access_token, refresh_token, expires_at = "a", "opaque", None, NOW + timedelta(seconds=90)

    pair = TokenPair.from_response(TokenDocument(), NOW)

    assert (pair.lifetime, pair.ends_at) == (90.0, NOW + timedelta(seconds=90))
