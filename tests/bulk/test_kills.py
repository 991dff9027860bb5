"""Campaigns whose process is killed at random moments."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="the gateway is a real server")
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("kind", "seed"), [("sync", "1"), ("async", "2")])
def test_every_row_is_enqueued_once_though_the_process_is_killed(kind, seed):
    """A short run; ``python -m scripts.campaigns kills`` takes 100,000 rows and five kills."""
    options = ["--rows", "2000", "--kills", "3", "--devices", "1", "2", "--kind", kind, "--seed", seed]
    command = [sys.executable, "-m", "scripts.campaigns", "kills", *options]

    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("2,000 enqueued, 0 doubled") == 2, run.stdout
