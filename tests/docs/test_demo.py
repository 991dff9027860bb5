"""Demonstration of the README: its output, and the messages of make."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="the emulator's port needs uvicorn")

ROOT = Path(__file__).parents[2]


def test_demonstration_shows_two_messages_on_their_way():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "generated")])}

    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "demo.py"], env=environment, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert lines[0] == "Starting the emulator ..."
    assert [lines.count(word) for word in ("Pending", "Delivered", "Emulator stopped.")] == [2, 2, 1]


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize("target", ["demo", "setup"])
def test_make_says_beforehand_what_it_installs_and_keeps_pip_talking(target, tmp_path):
    command = ["make", "--dry-run", target, f"VENV={tmp_path / 'none'}"]

    steps = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()

    (installing,) = (number for number, step in enumerate(steps) if "--editable" in step)
    assert any("Creating a virtual environment" in step for step in steps)
    assert any("Installing smsgate" in step for step in steps[: installing + 1])
    assert "--quiet" not in steps[installing]
