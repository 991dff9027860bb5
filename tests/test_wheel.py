"""Wheel in an empty environment: import, and a send through the emulator."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("hatchling", reason="building the wheel needs hatchling")
pytest.importorskip("build", reason="building the wheel needs build")

ROOT = Path(__file__).parent.parent
PROGRAM = """
import sys
from smsgate import APIClient
with APIClient("demo", "demo-password", base_url=sys.argv[1]) as client:
    print(client.send("Hello from a wheel", to="+12025550101").state)
"""


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(ROOT))
    return next(folder.glob("*.whl"))


def test_wheel_holds_both_packages_typed_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"smsgate", "smsgate_api"}
    assert {"smsgate/py.typed", "smsgate_api/py.typed"} <= set(names)
    assert {f"smsgate/emulator/_page/static/{name}" for name in ("index.html", "app.js", "base.css")} <= set(names)


def test_wheel_alone_sends_through_the_emulator(wheel, tmp_path):
    run(sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "empty"))
    python = str(tmp_path / "empty/bin/python")
    constraints = str(ROOT / "constraints.txt")
    pip = [sys.executable, "-m", "pip", "--python", python]
    run(*pip, "install", "--quiet", "--disable-pip-version-check", "--constraint", constraints, str(wheel))
    command = [sys.executable, "-m", "smsgate", "emulator", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as emulator:
        try:
            url = emulator.stdout.readline().strip()

            state = run(python, "-c", PROGRAM, url, cwd=tmp_path).strip()
        finally:
            emulator.terminate()

    assert state == "Pending"
    missing = subprocess.run([python, "-m", "smsgate", "emulator"], capture_output=True, text=True, check=False)
    assert missing.returncode == 1
    assert "pip install 'smsgate[emulator]'" in missing.stderr


OVERLAY = """
overlay: 1.0.0
info: {title: Cost centre, version: "1"}
actions:
  - target: $.components.schemas.Message.properties
    update: {costCentre: {type: string}}
"""


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the code generator needs Python 3.11")
def test_wheel_with_its_extra_generates_from_the_shipped_document(wheel, tmp_path):
    run(sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "empty"))
    python = str(tmp_path / "empty/bin/python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, "--constraint", str(ROOT / "constraints.txt"), f"smsgate[codegen] @ {wheel.as_uri()}")
    (tmp_path / "overlay.yaml").write_text(OVERLAY, encoding="utf-8")
    generate = [python, "-m", "smsgate.codegen", "--overlay", "overlay.yaml", "--package", "mine", "--output", "."]

    run(*generate, cwd=tmp_path)
    run(*generate, "--check", cwd=tmp_path)
    program = "from mine import models, operations; print(models.Message.model_fields['cost_centre'].annotation)"

    assert run(python, "-c", program, cwd=tmp_path).strip() == "str | None"
