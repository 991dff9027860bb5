"""Configuration of one document: base classes written by hand, positional fields, a module loaded on first use.

It stands in a file of its own beside the document (``smsgate.codegen.toml`` beside ``smsgate.yaml``), so that the rules
of one document never reach a schema of another that has the same name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ._tools import GenerationError

if TYPE_CHECKING:
    from collections.abc import Callable

_SCHEMAS = "/components/schemas/"
_SCHEMES = "/components/securitySchemes/"
_SECTIONS = ("base_classes", "positional", "modules", "security")
_SETTINGS = "settings"


@dataclass(frozen=True)
class Binding:
    """Configuration of the schemas of one document.

    Attributes:
        base_classes: dotted name of the base class, by schema name.
        positional: field that may be given without its name, by schema name.
        settings: schema whose module is loaded on first use, "" for none.
        refresh_scheme: security scheme that is a refresh token given with the call, "" for none.
    """

    base_classes: dict[str, str] = field(default_factory=dict[str, str])
    positional: dict[str, str] = field(default_factory=dict[str, str])
    settings: str = ""
    refresh_scheme: str = ""


def find_configuration(source: str) -> Path | None:
    """Return the path of the configuration beside a document; None for a document from a URL."""
    return None if "://" in source else Path(source).with_suffix(".codegen.toml")


def read_binding(path: Path | None, document: dict[str, Any]) -> Binding:
    """Read a configuration; without one nothing is bound.

    Args:
        path: the file, which need not exist.
        document: the document; schemas that an overlay has removed are ignored.

    Raises:
        GenerationError: the configuration cannot be understood.
    """
    if path is None or not path.exists():
        return Binding()
    schemas = document.get("components", {}).get("schemas", {})
    # importlib, because type checkers look through the eyes of Python 3.10, which has no tomllib
    loads: Callable[[str], dict[str, Any]] = import_module("tomllib").loads
    try:
        sections = loads(path.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise GenerationError(f"{path.name}: {problem}") from None
    if unknown := sorted(sections.keys() - set(_SECTIONS)):
        raise GenerationError(f"{path.name}: unknown section {unknown[0]}")
    base_classes, positional = (_by_schema(path, sections, name) for name in _SECTIONS[:2])
    modules = cast("dict[str, str]", sections.get("modules", {}))
    if modules.keys() - {_SETTINGS}:
        raise GenerationError(f"{path.name}: [modules] knows {_SETTINGS} only")
    settings = _schema(path, modules[_SETTINGS]) if modules else ""
    refresh = str(sections.get("security", {}).get("refresh", "")).removeprefix(_SCHEMES)
    return Binding(
        {name: base for name, base in base_classes.items() if name in schemas},
        {name: field for name, field in positional.items() if name in schemas},
        settings if settings in schemas else "",
        refresh,
    )


def _by_schema(path: Path, sections: dict[str, Any], section: str) -> dict[str, str]:
    return {_schema(path, pointer): value for pointer, value in sections.get(section, {}).items()}


def _schema(path: Path, pointer: str) -> str:
    name = pointer.removeprefix(_SCHEMAS)
    if name == pointer or "/" in name:
        raise GenerationError(f"{path.name}: {pointer} is no pointer to a component schema")
    return name
