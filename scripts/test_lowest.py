"""Run of the tests with the lowest versions that pyproject.toml allows, on Python 3.10 where this machine has it."""

from __future__ import annotations

import re
import sys

from test_all import MINORS, ROOT, find, run

VENV = ROOT / ".venv-lowest"
# The lowest versions do not go with what constraints.txt says of these, so pip chooses.
FOLLOWING = {"multidict", "pydantic-core", "pydantic-settings", "typing-inspection"}

SLOW = (
    "tests/browser",
    "tests/bulk/test_kills.py",
    "tests/cli/test_campaign.py",
    "tests/cli/test_commands.py",
    "tests/cli/test_doctor.py",
    "tests/cli/test_robustness.py",
)
"""Tests that start a program or a browser each; other tests use the same packages."""


def main() -> int:
    """Return 0 when the tests passed."""
    VENV.mkdir(exist_ok=True)
    constraints = VENV / "constraints.txt"
    constraints.write_text("\n".join(lowest_versions()) + "\n", encoding="utf-8")
    oldest = find(MINORS[0]) or sys.executable
    print(f"The lowest versions: {oldest}", flush=True)
    code = run(oldest, VENV / "oldest", constraints, extras="all", selected=[f"--ignore={path}" for path in SLOW])
    if code or oldest == sys.executable or sys.version_info < (3, 11):
        return code
    print(f"The lowest pyreqwest, which needs Python 3.11: {sys.executable}", flush=True)
    return run(sys.executable, VENV / "pyreqwest", constraints, extras="all", selected=["-k", "pyreqwest"])


def lowest_versions() -> list[str]:
    """Return constraints.txt with the lower bounds of the run-time dependencies in place of their pins."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    declared = text[text.index("[project]") : text.index("[dependency-groups]")]
    bounds = dict(re.findall(r'"([\w.-]+)>=([\d.]+)[";]', declared))
    replaced = {normalized(name) for name in bounds} | FOLLOWING
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    kept = [pin for pin in pins if normalized(pin.split("==")[0]) not in replaced]
    return [*kept, *(f"{name}=={version}" for name, version in bounds.items())]


def normalized(name: str) -> str:
    """Return a package's name as an index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main())
