"""Reading spec/smsgate.yaml: what the generators cannot see, and rules whose breach would only show in broken code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import yaml

from ._binding import read_binding
from ._tools import GenerationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Json = dict[str, Any]

_METHODS = ("get", "put", "post", "delete", "patch")
_REPEATS = ("safe", "settle", "never")
_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~-]+|\{[A-Za-z][A-Za-z0-9]*\}))+")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Facts:
    """What openapi-python-client does not show to templates about one operation."""

    repeat: str
    scope: str
    auth: Literal["client", "none", "refresh"]
    also_success: list[int]


class Specification:
    """The parsed document.

    Attributes:
        root: the document.
        schemas: its component schemas by name.
        binding: what the configuration beside it says about them.
    """

    def __init__(self, path: Path) -> None:
        self.root = cast("Json", yaml.safe_load(path.read_text(encoding="utf-8")))
        self.schemas = cast("dict[str, Json]", self.root["components"]["schemas"])
        self.binding = read_binding(path, self.schemas)

    def facts(self) -> dict[str, Facts]:
        """Facts by operation id.

        Raises:
            GenerationError: an operation breaks a rule of the spec.
        """
        found: dict[str, Facts] = {}
        for path, method, operation in self._operations():
            where = f"{method.upper()} {path}"
            name = operation.get("operationId")
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise GenerationError(f"{where}: needs an operationId that is a Python name")
            if not _PATH.fullmatch(path):
                raise GenerationError(f"{where}: the path has more than plain segments and parameters")
            self._check_schemas(where, operation)
            found[name] = self._facts_of(where, operation)
        return found

    def enums(self) -> dict[str, tuple[str, list[str]]]:
        """Base class and member names of every enum, by schema name.

        Raises:
            GenerationError: an enum without ``x-enum-varnames``.
        """
        found: dict[str, tuple[str, list[str]]] = {}
        for name, schema in self.schemas.items():
            values = schema.get("enum")
            if values is None:
                continue
            members = cast("list[str]", schema.get("x-enum-varnames", []))
            if len(members) != len(values) or len(set(members)) != len(members):
                raise GenerationError(f"enum {name}: needs one x-enum-varnames entry for each value")
            if not all(member.isidentifier() for member in members):
                raise GenerationError(f"enum {name}: x-enum-varnames must be Python names")
            found[name] = ("OpenIntEnum" if schema.get("type") == "integer" else "OpenStrEnum", members)
        return found

    def without_deprecations(self) -> Json:
        """The document without ``deprecated`` marks: pydantic would warn on every access to such a field."""
        return cast("Json", _without_deprecated(self.root))

    def event_schemas(self) -> set[str]:
        """Names of the schemas that nothing but webhooks leads to, and of those made of them."""
        found = self._reached(self.root.get("webhooks", {})) - self._reached(self.root["paths"])
        return found | {name for name, schema in self.schemas.items() if self._reached(schema) & found}

    def settings_schemas(self) -> set[str]:
        """Names of the schema that has a module of its own, and of those that nothing else leads to."""
        settings = self.binding.settings
        if not settings:
            return set()
        others = self._reached([self.root["paths"], self.root.get("webhooks", {})], beyond=settings)
        return {settings} | self._reached(self.schemas[settings]) - others

    def events(self) -> dict[str, str]:
        """Schema of each event, by the event's name: the JSON bodies of ``webhooks``.

        Raises:
            GenerationError: a webhook without a JSON body that is a component.
        """
        found: dict[str, str] = {}
        for name, item in cast("dict[str, Json]", self.root.get("webhooks", {})).items():
            operation: Json = next((item[method] for method in _METHODS if method in item), {})
            schema = self._json_schema(operation.get("requestBody", {}))
            if not schema:
                raise GenerationError(f"/webhooks/{name}: needs a JSON body whose schema is a component")
            found[name] = schema
        return found

    def count_times(self) -> int:
        """How many date-time schemas the components hold."""
        return _count_times(self.schemas)

    def _operations(self) -> Iterator[tuple[str, str, Json]]:
        for path, item in cast("dict[str, Json]", self.root["paths"]).items():
            for method in _METHODS:
                if method in item:
                    yield path, method, item[method]

    def resolve(self, node: Json) -> Json:
        """Follow a local ``$ref``."""
        while "$ref" in node:
            target: Any = self.root
            for step in str(node["$ref"]).removeprefix("#/").split("/"):
                target = target[step]
            node = target
        return node

    def _reached(self, node: Any, *, beyond: str = "") -> set[str]:
        """Names of the schemas that references lead to, from anywhere below a node, but for one and what it holds."""
        found: set[str] = set()
        waiting = [node]
        while waiting:
            here = waiting.pop()
            if isinstance(here, list):
                items: list[Any] = cast("Any", here)
                waiting += items
            elif isinstance(here, dict):
                entries: Json = cast("Any", here)
                target = str(entries.get("$ref", ""))
                if target:
                    name = target.rpartition("/")[2]
                    if name in found or name == beyond:
                        continue
                    if "/schemas/" in target:
                        found.add(name)
                    waiting.append(self.resolve(entries))
                waiting += entries.values()
        return found

    def _facts_of(self, where: str, operation: Json) -> Facts:
        repeat = operation.get("x-repeat")
        if repeat not in _REPEATS:
            raise GenerationError(f"{where}: x-repeat must be one of {', '.join(_REPEATS)}")
        if "security" not in operation:
            raise GenerationError(f"{where}: needs its own security")
        schemes = {scheme.lower() for choice in operation["security"] for scheme in choice}
        return Facts(
            repeat=repeat,
            scope=operation.get("x-scope") or "",
            auth="none" if not schemes else "refresh" if schemes == {"refreshtoken"} else "client",
            also_success=sorted(
                int(status)
                for status, response in operation["responses"].items()
                if not status.startswith("2") and self._json_schema(response) not in {"", "ErrorResponse"}
            ),
        )

    def _json_schema(self, response: Json) -> str:
        schema = self.resolve(response).get("content", {}).get("application/json", {}).get("schema", {})
        return str(schema.get("$ref", "")).rpartition("/")[2]

    def _check_schemas(self, where: str, operation: Json) -> None:
        """Bodies, answers and enums must be components: inline ones get names that the model generator never emits."""
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        for holder in [*bodies, *operation["responses"].values()]:
            for media, content in self.resolve(holder).get("content", {}).items():
                schema = cast("Json", content.get("schema", {}))
                schema = cast("Json", schema.get("items", {})) if schema.get("type") == "array" else schema
                if media == "application/json" and "$ref" not in schema:
                    raise GenerationError(f"{where}: inline schema of {media}; make it a component")
        for parameter in operation.get("parameters", []):
            details = self.resolve(parameter)
            schema = details.get("schema", {})
            if "enum" in schema or schema.get("type") in {"object", "array"}:
                raise GenerationError(f"{where}: inline schema of parameter {details['name']}; make it a component")


def _without_deprecated(node: Any) -> Any:
    if isinstance(node, dict):
        entries: Json = cast("Any", node)
        return {
            key: _without_deprecated(value) for key, value in entries.items() if (key, value) != ("deprecated", True)
        }
    if isinstance(node, list):
        items: list[Any] = cast("Any", node)
        return [_without_deprecated(value) for value in items]
    return node


def _count_times(node: Any) -> int:
    if isinstance(node, dict):
        entries: Json = cast("Any", node)
        here = 1 if entries.get("format") == "date-time" else 0
        return here + sum(map(_count_times, entries.values()))
    if isinstance(node, list):
        items: list[Any] = cast("Any", node)
        return sum(map(_count_times, items))
    return 0
