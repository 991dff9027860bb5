"""Playwright for the browser tests; modules that import this are skipped where it is not installed."""

from __future__ import annotations

import pytest

__all__ = ["PATIENCE", "expect", "sync_playwright"]

PATIENCE = 60_000
"""Milliseconds that the browser may take for what a quiet machine does at once."""

_api = pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright")
expect, sync_playwright = _api.expect, _api.sync_playwright
expect.set_options(timeout=PATIENCE)
