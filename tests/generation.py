"""Packages generated from changed copies of the spec."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]


def read_spec() -> dict[str, Any]:
    """Return our document, to be changed."""
    return yaml.safe_load((ROOT / "spec" / "smsgate.yaml").read_text(encoding="utf-8"))


def generate_package(spec: dict[str, Any], folder: Path) -> Path:
    """Generate ``smsgate_api`` from a document and return the directory that holds it."""
    if sys.version_info < (3, 11):
        pytest.skip("the code generators need Python 3.11")
    document, output = folder / "smsgate.yaml", folder / "generated"
    document.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    binding = "smsgate.codegen.toml"
    (folder / binding).write_bytes((ROOT / "spec" / binding).read_bytes())
    options = ["--package", "smsgate_api", "--output", str(output)]
    command = [sys.executable, "-m", "smsgate.codegen", str(document), *options]
    finished = subprocess.run(command, check=False, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return output
