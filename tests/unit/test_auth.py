"""Credentials of a client."""

from __future__ import annotations

import pytest

from smsgate import (
    BearerAuth,
    ConfigurationError,
)
from smsgate.auth import BasicAuth, choose_auth


def test_credentials_that_cannot_be_written_are_refused():
    with pytest.raises(ConfigurationError):
        BasicAuth("demo", "\ud800")
    with pytest.raises(ConfigurationError, match="BasicAuth, BearerAuth or JWTAuth"):
        choose_auth(None, None, object())
    assert choose_auth(None, None, BearerAuth("a")).authorization() == "Bearer a"
