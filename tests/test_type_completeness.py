"""Share of the public symbols whose types are complete, by pyright."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent


@pytest.mark.parametrize("package", ["smsgate", "smsgate_api"])
def test_types_of_public_symbols_are_complete(package, tmp_path):
    if not (BIN / "pyright").exists():
        pytest.skip("pyright is not installed")
    command = [BIN / "pyright", "--ignoreexternal", "--outputjson", "--verifytypes", package]
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}  # pyright asks the first Python
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    report = json.loads(run.stdout)["typeCompleteness"]
    unclear = [symbol["name"] for symbol in report["symbols"] if not symbol["isTypeKnown"]]

    assert report["packageRootDirectory"]
    assert report["completenessScore"] >= 0.99, unclear
