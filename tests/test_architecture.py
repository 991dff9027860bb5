"""Import rules of the code base, read from the syntax trees."""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = (ROOT / "src", ROOT / "generated")
HTTP_LIBRARIES = {"httpx", "requests", "aiohttp", "pyreqwest", "urllib3", "httpcore"}
IO_LIBRARIES = {
    "asyncio",
    "anyio",
    "trio",
    "sniffio",
    "threading",
    "time",
    "concurrent",
    "random",
    "socket",
    "subprocess",
}

FACE = {
    "smsgate", "smsgate.ahttp", "smsgate.auth", "smsgate.client", "smsgate.constants", "smsgate.domain",
    "smsgate.encryption", "smsgate.enums", "smsgate.errors", "smsgate.http", "smsgate.retry",
    "smsgate.testing", "smsgate.token_store", "smsgate.webhooks",
}  # fmt: skip
"""Public modules beside the packages."""
PACKAGES = {
    "smsgate.bulk", "smsgate.codegen", "smsgate.emulator", "smsgate.fastapi", "smsgate.phone", "smsgate.receiver",
}  # fmt: skip
"""Packages of which only the names in ``__init__`` are public."""
OPEN = {"smsgate.runtime", "smsgate_api"}
"""Packages whose modules are all public."""
PURE = {"smsgate.errors", "smsgate.auth", "smsgate.retry", "smsgate.encryption", "smsgate.webhooks", "smsgate.domain"}
"""Public modules that do no I/O; ``smsgate._core``, ``smsgate.phone`` and ``smsgate.runtime`` do none either."""

SHARED = {
    "smsgate.__main__", "smsgate._event_loops", "smsgate._extras", "smsgate._file_locks", "smsgate._server_socket",
    "smsgate._standard_streams",
}  # fmt: skip
"""Private modules that every room may use."""

CORE = {"smsgate._core", "smsgate._http", "smsgate._extras", "smsgate.constants", *OPEN, *PURE}
MAY_IMPORT = {
    "smsgate.runtime": set(),
    "smsgate_api": {"smsgate.runtime"},
    "smsgate._http": {"smsgate.errors"},
    "smsgate.http": {*CORE, "smsgate._backends"},
    "smsgate.ahttp": {*CORE, "smsgate.http", "smsgate._backends"},
    "smsgate._core": CORE,
    "smsgate._event_loops": {"smsgate.runtime.locks"},
    "smsgate._backends": {"smsgate._http", "smsgate._event_loops", "smsgate.errors", "smsgate.runtime.locks"},
    "smsgate._async": {*CORE, "smsgate._event_loops", "smsgate.http", "smsgate.ahttp", "smsgate.token_store"},
    "smsgate._sync": {*CORE, "smsgate.http", "smsgate.token_store"},
    "smsgate.emulator": {
        "smsgate_api", "smsgate.runtime", "smsgate._http", "smsgate.http", "smsgate.ahttp", "smsgate.encryption",
        "smsgate.webhooks", "smsgate.errors", "smsgate.constants", "smsgate._extras", "smsgate._server_socket",
        "smsgate.phone",
    },
    "smsgate.phone": {
        "smsgate_api", "smsgate.runtime", "smsgate._core", "smsgate._extras", "smsgate.encryption", "smsgate.webhooks",
    },
    **{module: {*CORE, "smsgate.http"} for module in PURE},
}  # fmt: skip
"""What each room may import of the others, for type checking too. Rooms that are not listed use public names."""


@cache
def modules():
    """Every module of both packages by its name."""
    found = {}
    for base in SOURCES:
        for path in sorted(base.rglob("*.py")):
            found[".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__")] = path
    return found


@cache
def imports(module, *, type_only=True):
    """What a module imports, at whatever depth; relative imports made absolute."""
    path = modules()[module]
    tree = ast.parse(path.read_text())
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    skipped = set()
    if not type_only:
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                skipped |= set(ast.walk(ast.Module(node.body, [])))
    found = set()
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                here = package.split(".")[: len(package.split(".")) - (node.level - 1)]
                base = ".".join([*here, *([base] if base else [])])
            found |= {f"{base}.{alias.name}" if f"{base}.{alias.name}" in modules() else base for alias in node.names}
    return frozenset(found - {module})


def libraries(module):
    return {name.split(".")[0] for name in imports(module, type_only=False)}


def own_imports(module):
    return {name for name in imports(module) if name in modules()}


def room_of(module):
    """The package below ``smsgate`` that a module stands in, or the module itself."""
    parts = module.split(".")
    return "smsgate_api" if parts[0] == "smsgate_api" else ".".join(parts[:2])


def is_public(module):
    return module in FACE | PACKAGES | SHARED or room_of(module) in OPEN or module in OPEN


def in_room(*rooms):
    return [module for module in modules() if room_of(module) in rooms]


PURE_MODULES = [*in_room("smsgate._core", "smsgate.phone", "smsgate.runtime", "smsgate_api"), *sorted(PURE)]


@pytest.mark.parametrize("module", PURE_MODULES)
def test_decisions_do_no_io(module):
    locks = {"threading"} if module in {"smsgate.runtime.locks", "smsgate.encryption"} else set()  # they guard caches

    assert not libraries(module) & (HTTP_LIBRARIES | IO_LIBRARIES - locks)


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_room_imports_what_it_may(room):
    for module in in_room(room):
        for name in own_imports(module):
            allowed = room_of(name) == room or name in MAY_IMPORT[room] or room_of(name) in MAY_IMPORT[room]

            assert allowed or name == "smsgate", f"{module} imports {name}"


@pytest.mark.parametrize("module", in_room("smsgate.runtime"))
def test_run_time_of_generated_packages_needs_only_pydantic(module):
    others = libraries(module) - sys.stdlib_module_names

    assert others <= {"smsgate", "pydantic", "pydantic_core", "typing_extensions"}


def test_other_rooms_use_public_modules():
    listed = {*MAY_IMPORT, "smsgate", "smsgate.client", "smsgate.http", "smsgate.ahttp", "smsgate.token_store"}
    for module in modules():
        if room_of(module) in listed:
            continue
        for name in own_imports(module):
            assert room_of(name) == room_of(module) or is_public(name), f"{module} imports {name}"


def test_http_libraries_are_imported_by_their_backends():
    for module in modules():
        if room_of(module) not in {"smsgate._backends", "smsgate.emulator"}:
            assert not libraries(module) & HTTP_LIBRARIES, module


def test_backend_imports_its_own_library():
    for module in in_room("smsgate._backends"):
        foreign = libraries(module) & (HTTP_LIBRARIES - {"urllib3", "httpcore"})

        assert foreign <= {module.rpartition(".")[2].split("_")[0]}, module


@pytest.mark.parametrize("half", ["smsgate._async", "smsgate._sync"])
def test_halves_wait_in_the_files_written_by_hand_only(half):
    for module in in_room(half):
        assert module in {f"{half}.io", f"{half}.tasks"} or not libraries(module) & IO_LIBRARIES, module


def test_nothing_shipped_imports_scripts_or_tests():
    for module in modules():
        assert not libraries(module) & {"scripts", "tests"}, module


def test_unit_tests_mirror_the_modules():
    unit = ROOT / "tests" / "unit"
    for path in unit.rglob("test_*.py"):
        name = path.stem.removeprefix("test_")
        folder = ROOT / "src" / "smsgate" / path.parent.relative_to(unit)

        assert (folder / f"{name}.py").exists() or (folder / f"_{name}.py").exists(), path


def circles():
    """Groups of modules that import each other, type checking included: Tarjan's strongly connected components."""
    index, low, stack, found = {}, {}, [], []

    def visit(module):
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in sorted(own_imports(module)):
            if other not in index:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            group = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            if len(group) > 1:
                found.append(sorted(group))

    for module in modules():
        if module not in index:
            visit(module)
    return found


def test_no_circle_leaves_its_room_or_has_more_than_two_modules():
    assert [group for group in circles() if len(group) > 2 or len({room_of(module) for module in group}) > 1] == []


def test_modules_stay_small():
    lengths = {module: len(path.read_text().splitlines()) for module, path in modules().items() if "src" in path.parts}

    assert {module: length for module, length in lengths.items() if length > 400} == {}


def test_functions_stay_small():
    long = []
    for module, path in modules().items():
        if room_of(module) == "smsgate_api":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[0]
                documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
                body = node.body[1:] if documented else node.body
                length = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                if length > 40:
                    long.append((module, node.name, length))

    assert long == []
