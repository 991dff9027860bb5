"""Extras and dependencies of `pyproject.toml`, compared with the imports in `src`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = {name: packages for name, packages in PROJECT["optional-dependencies"].items() if name != "all"}
SOURCES = "\n".join(
    path.read_text() for folder in ("src", "generated") for path in sorted((ROOT / folder).rglob("*.py"))
)
MODULES = {"pyyaml": "yaml", "python-jsonpath": "jsonpath", "python-dotenv": "dotenv"}
"""Import names that differ from the names of their packages by more than dashes."""
COMMANDS = {"ruff": "ruff"}
"""Packages that are run as a command instead of being imported."""


def package_name(requirement):
    return re.split(r"[<>=;\[ ]", requirement)[0].lower()


def is_used(package):
    if package in COMMANDS:
        return f'"{COMMANDS[package]}"' in SOURCES
    module = re.escape(MODULES.get(package, package.replace("-", "_")))
    return re.search(rf"^\s*(from|import) {module}\b|import_module\(\"{module}\b", SOURCES, re.MULTILINE) is not None


@pytest.mark.parametrize(
    ("extra", "package"), [(extra, package_name(each)) for extra, packages in EXTRAS.items() for each in packages]
)
def test_package_of_an_extra_is_used_by_the_code(extra, package):
    assert is_used(package), f"no code needs {package}, so the extra {extra} should not install it"


@pytest.mark.parametrize("package", [package_name(each) for each in PROJECT["dependencies"]])
def test_dependency_is_used_by_the_code(package):
    assert is_used(package)


def test_extra_all_names_the_extras_of_programs():
    (everything,) = PROJECT["optional-dependencies"]["all"]

    assert set(re.findall(r"[\w-]+", everything.partition("[")[2])) == EXTRAS.keys() - {"codegen"}


def test_missing_extras_are_named_as_they_are_declared():
    named = set(re.findall(r"missing\([^\n]*, \"([a-z]+)\"\)", SOURCES)) | set(
        re.findall(r"smsgate\[([a-z]+)\]", SOURCES)
    )

    assert named
    assert named <= EXTRAS.keys()
