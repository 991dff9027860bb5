"""Parser of JSON and YAML 1.2: plain values, no tags, no merge keys, no key twice."""

from __future__ import annotations

import json
import re
from typing import Any, cast

import yaml

from ._tools import GenerationError

_MAX_VALUES = 2_000_000
"""Values of a document with YAML aliases written out: a small file can name billions."""
_MAX_DEPTH = 200
_LARGEST = 10**300
"""Below the largest floating point value."""
_MERGE = "tag:yaml.org,2002:merge"
_FAILURES = (ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError, RecursionError)
"""Errors of the two parsers; an explicit tag, such as ``!!bool maybe``, breaks PyYAML's own code."""


class _Loader(yaml.SafeLoader):
    """The core schema of YAML 1.2: ``on``, times, ``12:30``, ``1_000`` and ``=`` are text, ``010`` is ten."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        for key, _ in node.value:
            if key.tag == _MERGE:
                raise GenerationError(f"line {key.start_mark.line + 1}: merge keys (<<) are not supported")

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        found = super().construct_mapping(node, deep=deep)
        if len(found) != len(node.value):
            raise GenerationError(f"line {node.start_mark.line + 1}: a key stands twice in the object that begins here")
        return found


def _construct_integer(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text: str = loader.construct_scalar(node)
    return int(text, {"0x": 16, "0o": 8}.get(text[:2], 10))


def _construct_number(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float:
    text: str = loader.construct_scalar(node)
    return float(re.sub(r"\.(?=inf|nan)", "", text.lower()))


_CORE = (
    ("null", r"~|null|Null|NULL|", "~nN\0", None),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF", None),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789", _construct_integer),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
        _construct_number,
    ),
    ("merge", r"<<", "<", None),
)
_KEPT = {"null", "bool", "str", "seq", "map"}
_Loader.yaml_implicit_resolvers = {}
_Loader.yaml_constructors = {
    tag: function
    for tag, function in yaml.SafeLoader.yaml_constructors.items()
    if tag is None or tag.rpartition(":")[2] in _KEPT
}
for _name, _pattern, _first, _constructor in _CORE:
    _tag = f"tag:yaml.org,2002:{_name}"
    _Loader.add_implicit_resolver(  # pyright: ignore[reportUnknownMemberType] - the stubs have no type for it
        _tag, re.compile(f"(?:{_pattern})$"), ["" if c == "\0" else c for c in _first]
    )
    if _constructor is not None:
        _Loader.add_constructor(_tag, _constructor)


def parse(content: bytes, name: str) -> dict[str, Any]:
    """Parse JSON or YAML.

    Raises:
        GenerationError: it is neither, no object, too large, or nested too deeply; or a key stands twice.
    """
    try:
        text = content.decode("utf-8-sig")
        document = json.loads(text, object_pairs_hook=_build_object) if text.lstrip().startswith("{") else _yaml(text)
    except GenerationError as problem:
        raise GenerationError(f"{name}: {problem}") from None
    except _FAILURES as problem:
        first = " ".join(str(problem).split())[:300]
        raise GenerationError(f"{name}: neither JSON nor YAML: {first}") from None
    if not isinstance(document, dict):
        raise GenerationError(f"{name}: must be an object")
    return cast("dict[str, Any]", _Copier(name).copy(document, "", 0))


def _yaml(text: str) -> Any:
    return yaml.load(text, _Loader)  # noqa: S506 - a safe one


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for place, key in enumerate(names) if key in names[:place])
        raise GenerationError(f"the key {twice!r} stands twice in an object")
    return found


class _Copier:
    """Copies values with text as keys, as JSON has them: YAML reads the status 200 as a number."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._left = _MAX_VALUES

    def copy(self, value: Any, pointer: str, depth: int) -> Any:
        self._left -= 1
        if self._left < 0 or depth > _MAX_DEPTH:
            raise self._error("", "too large or nested too deeply")
        if isinstance(value, dict):
            entries: dict[Any, Any] = cast("Any", value)
            copied = {
                (name := self._key(key, pointer)): self.copy(item, f"{pointer}/{escape_key(name)}", depth + 1)
                for key, item in entries.items()
            }
            if len(copied) != len(entries):
                raise self._error(pointer, "a key stands twice, as a number and as text")
            return copied
        if isinstance(value, list):
            items: list[Any] = cast("Any", value)
            return [self.copy(item, f"{pointer}/{place}", depth + 1) for place, item in enumerate(items)]
        if isinstance(value, int | float) and not abs(value) < _LARGEST:
            raise self._error(pointer, "a number that is too large or none")
        if isinstance(value, str):
            self._check_text(value, pointer)
        if value is not None and not isinstance(value, str | int | float | bool):
            raise self._error(pointer, f"a {type(value).__name__}, which JSON has not")
        return value

    def _key(self, key: Any, pointer: str) -> str:
        if isinstance(key, str):
            self._check_text(key, pointer)
            return key
        if key is None or isinstance(key, int | float):
            return json.dumps(key)
        raise self._error(pointer, f"a {type(key).__name__} as a key")

    def _check_text(self, text: str, pointer: str) -> None:
        if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
            raise self._error(pointer, "the text holds half of a surrogate pair")

    def _error(self, pointer: str, reason: str) -> GenerationError:
        return GenerationError(f"{self._name}: {pointer}: {reason}" if pointer else f"{self._name}: {reason}")


def escape_key(key: str) -> str:
    """Write a key as a step of a JSON pointer; what cannot be printed becomes a question mark."""
    return "".join(c if c.isprintable() else "?" for c in key.replace("~", "~0").replace("/", "~1"))
