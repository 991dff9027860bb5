"""State of a client between its calls."""

from __future__ import annotations

import warnings

import pytest

from smsgate._core.client_state import ClientState


def test_first_use_after_closing_warns_at_the_line_of_the_caller():
    state = ClientState()
    state.closed = True
    with pytest.warns(ResourceWarning, match="used again") as caught:
        state.reopen()
    assert caught[0].filename == __file__
    assert not state.closed


def test_later_uses_do_not_warn():
    state = ClientState()
    with pytest.warns(ResourceWarning):
        state.reopen()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        state.reopen()
