"""A receiver that is killed again and again handles every event once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="the receiver is a real server")

ROOT = Path(__file__).parents[2]


def test_every_event_is_handled_once_though_the_receiver_is_killed():
    """A short run; ``python scripts/deliveries.py`` takes a thousand events and five kills."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "generated")])}
    command = [sys.executable, str(ROOT / "scripts" / "deliveries.py"), "--count", "200", "--crashes", "2"]
    patience = [
        "--budget",
        "60",
    ]  # of a busy machine; test_receiver tests that answers wait for no handler

    run = subprocess.run([*command, *patience], capture_output=True, text=True, env=environment, check=False)

    assert run.returncode == 0, run.stdout + run.stderr
    assert "0 lost, 0 doubled, 0 unfinished" in run.stdout
    assert "killed     2 times" in run.stdout
