"""Fixtures of the phone's tests."""

from __future__ import annotations

import pytest

from phone_bench import Bench


@pytest.fixture
def bench():
    return Bench()


@pytest.fixture
def make_bench():
    return Bench
