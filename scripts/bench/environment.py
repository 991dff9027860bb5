"""Virtual environment of the benchmark: both packages with all their extras."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

__all__ = ["ROOT", "SCRIPTS", "child_environment", "load", "machine", "prepare", "versions"]

SCRIPTS = Path(__file__).resolve().parents[1]
ROOT = SCRIPTS.parent
FOLDER = ROOT / ".venv-bench"
PYTHON = FOLDER / "bin" / "python"
OFFICIAL = "android-sms-gateway[requests,aiohttp,httpx,encryption]==4.3.3"
SHOWN = ("smsgate", "android-sms-gateway", "httpx", "requests", "aiohttp", "pyreqwest", "pydantic")
VERSIONS = """\
import json, sys
from importlib.metadata import PackageNotFoundError, version
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        pass
print(json.dumps(found))
"""


def prepare() -> Path:
    """Make or refresh the environment and return its interpreter.

    Raises:
        subprocess.CalledProcessError: an installation failed.
    """
    wanted = hashlib.sha256()
    for part in (sys.version, OFFICIAL, (ROOT / "pyproject.toml").read_text(), (ROOT / "constraints.txt").read_text()):
        wanted.update(part.encode())
    made = FOLDER / ".made"
    if PYTHON.exists() and made.exists() and made.read_text() == wanted.hexdigest():
        return PYTHON
    print(f"making {FOLDER.name} ...", file=sys.stderr, flush=True)
    install = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    install += ["--constraint", "constraints.txt"]
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(FOLDER)],
        [*install, "--upgrade", "pip"],
        [*install, OFFICIAL, "--editable", ".[all]"],
    ):
        subprocess.run(command, cwd=ROOT, check=True)
    made.write_text(wanted.hexdigest())
    return PYTHON


def child_environment() -> dict[str, str]:
    """Return environment variables for measured programs: no proxies, and nothing that changes either package."""
    unwanted = ("SMSGATE_", "PYTHON")
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(unwanted) and not name.lower().endswith("_proxy")
    }


def versions(python: Path) -> dict[str, str]:
    """Return the versions of the measured packages."""
    command = [str(python), "-c", VERSIONS, *SHOWN]
    finished = subprocess.run(command, env=child_environment(), check=True, capture_output=True, text=True)
    found: dict[str, str] = json.loads(finished.stdout)
    return {"Python": platform.python_version(), **found}


def load() -> str:
    """Describe the load of the machine; ratios of wall times mean little when all processors are busy."""
    return f"{os.getloadavg()[0]:.1f} programs wanted {os.cpu_count()} processors in the minute before"


def machine() -> str:
    """Describe the machine without naming it."""
    processor = platform.machine()
    described = Path("/proc/cpuinfo")
    if described.exists():
        models = [line for line in described.read_text().splitlines() if line.startswith("model name")]
        if models:
            processor = models[0].partition(":")[2].strip()
    return f"{os.cpu_count()} processors ({processor}), {platform.system()}"
