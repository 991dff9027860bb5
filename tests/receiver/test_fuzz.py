"""Damaged requests: a short run of what ``python scripts/fuzz.py`` does with a hundred thousand."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="one of the applications is FastAPI's")

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_damaged_requests_are_answered_2xx_or_4xx_and_raise_webhook_errors_only(monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(SCRIPTS))

    code = import_module("fuzz").main(["--count", "8000"])

    told = capsys.readouterr().out
    assert code == 0, told
    assert "0 errors logged" in told
    for outcome in ("200: ", "400: ", "401: ", "413: ", "AppStarted", "UnknownEvent", "invalid_payload"):
        assert outcome in told
