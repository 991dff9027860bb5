"""The import rules of the house, read from the syntax trees."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "smsgate"
API = ROOT / "generated" / "smsgate_api"
PUBLIC_ROOMS = {"receiver", "bulk", "fastapi", "celery", "testing", "cli"}
IO_LIBRARIES = {"asyncio", "anyio", "trio", "sniffio", "threading", "time", "concurrent"}
HTTP_LIBRARIES = {"httpx", "requests", "aiohttp", "pyreqwest", "urllib3", "httpcore"}
EMULATOR_MAY = {
    "smsgate.ahttp",
    "smsgate.constants",
    "smsgate.emulator",
    "smsgate.encryption",
    "smsgate.errors",
    "smsgate._core.extras",
    "smsgate.http",
    "smsgate._server_socket",
    "smsgate.webhooks",
    "smsgate_api",
}


def files(folder):
    return sorted(path for path in folder.rglob("*.py"))


def name_of(path, base):
    return ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__")


def imports(path, package):
    """Every module a file imports, at whatever depth, but for type checking only; relative ones made absolute."""
    found = []
    tree = ast.parse(path.read_text())
    checked = [
        statement
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in ast.walk(ast.Module(node.body, []))
    ]
    for node in ast.walk(tree):
        if node in checked:
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                here = package.split(".")[: len(package.split(".")) - (node.level - 1)]
                base = ".".join([*here, *([base] if base else [])])
            found += [base] + [f"{base}.{alias.name}" for alias in node.names]
    return found


def tops(path, package):
    return {name.split(".")[0] for name in imports(path, package)}


CORE = [
    path
    for path in files(SOURCE)
    if path.parent == SOURCE
    and path.name not in {"__init__.py", "__main__.py", "client.py"}
    and path.stem not in PUBLIC_ROOMS
]


@pytest.mark.parametrize("path", files(API), ids=lambda path: path.name)
def test_generated_package_imports_only_pydantic_and_the_standard_library(path):
    ours = {"smsgate_api", "pydantic", "pydantic_core", "typing_extensions", "annotated_types"}

    outside = tops(path, "smsgate_api") - ours

    assert not outside & (HTTP_LIBRARIES | IO_LIBRARIES - {"threading"})
    assert "smsgate" not in outside


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.name)
def test_core_does_no_io_and_knows_no_room(path):
    names = imports(path, "smsgate")
    libraries = {name.split(".")[0] for name in names}
    allowed = {"encryption.py": {"threading"}, "token_store.py": {"time"}}.get(
        path.name, set()
    )  # a cache's lock, a clock

    rooms = [n for n in names if n.startswith(("smsgate._", "smsgate.emulator", "smsgate.cli", "smsgate.receiver"))]

    assert not libraries & (HTTP_LIBRARIES | IO_LIBRARIES - allowed)
    assert not rooms


@pytest.mark.parametrize("half", ["_async", "_sync"])
def test_halves_know_neither_each_other_nor_a_backend(half):
    other = "_sync" if half == "_async" else "_async"
    for path in files(SOURCE / half):
        names = imports(path, f"smsgate.{half}")
        libraries = {name.split(".")[0] for name in names}

        assert not any(f"smsgate.{other}" in name or "smsgate._backends" in name for name in names), path
        assert not libraries & HTTP_LIBRARIES, path
        assert path.name == "io.py" or not libraries & IO_LIBRARIES, path


def test_http_libraries_are_imported_by_their_backends_only():
    for path in files(SOURCE):
        room = path.relative_to(SOURCE).parts[0]
        if room in {"_backends", "emulator"}:
            continue

        assert not tops(path, "smsgate") & HTTP_LIBRARIES, path


def test_backend_knows_its_own_library_only():
    for path in files(SOURCE / "_backends"):
        libraries = tops(path, "smsgate._backends") & (HTTP_LIBRARIES - {"urllib3", "httpcore"})

        assert libraries <= {path.stem.split("_")[0]}, path


def test_emulator_knows_no_client():
    for path in files(SOURCE / "emulator"):
        for name in imports(path, "smsgate.emulator"):
            if name.split(".")[0] == "smsgate":
                assert name == "smsgate" or name.startswith(tuple(EMULATOR_MAY)), (path, name)


def test_public_rooms_use_public_names():
    for path in files(SOURCE):
        room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        if room in PUBLIC_ROOMS:
            assert not any(part.startswith("smsgate._") for part in imports(path, "smsgate")), path


def test_nothing_shipped_imports_scripts_or_tests():
    for base in (SOURCE, API):
        for path in files(base):
            assert not tops(path, "smsgate") & {"scripts", "tests"}, path


def test_modules_stay_small():
    long = {
        name_of(path, SOURCE): len(path.read_text().splitlines())
        for path in files(SOURCE)
        if len(path.read_text().splitlines()) > 400
    }

    assert long == {}


def test_functions_stay_small():
    long = []
    for path in files(SOURCE):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[0]
                documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
                body = node.body[1:] if documented else node.body
                length = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                if length > 40:
                    long.append((path.name, node.name, length))

    assert long == []
