"""Source of models.py, events.py and the module that is loaded on first use.

What only webhooks bring, and what only one configured schema leads to, get modules of their own: making classes takes
time, and clients that send need none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic.alias_generators import to_camel

from ._defaults import write_default
from ._escaping import docstring, literal
from ._types import write_annotation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._schemas import Schemas
    from ._types import Definition, Field

_IMPORTS = """
from collections.abc import Mapping
from datetime import date as _date, datetime as _datetime
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias
from uuid import UUID

from pydantic import Field
from pydantic.alias_generators import to_camel
from typing_extensions import TypeAliasType

from smsgate.runtime.explicit import UNIQUE, ExplicitModel
from smsgate.runtime.types import Model, OpenIntEnum, OpenStrEnum, Timestamp
"""
"""What modules of models may need; ruff removes the rest."""
_LATE = """
if TYPE_CHECKING:
    from .{module} import {imports}
else:

    def __getattr__(name: str) -> Any:
        if name in {names}:
            return getattr(import_module(".{module}", __package__), name)
        raise AttributeError(f"module {{__name__!r}} has no attribute {{name!r}}")
"""
_EVENTS = """
KnownEvent: TypeAlias = {union}
\"\"\"Any event that the document names.\"\"\"

EVENTS: Mapping[str, type[KnownEvent]] = {{{entries}}}
\"\"\"The class of each event, by its name.\"\"\"
"""


class ModelWriter:
    """Writes the modules that hold classes.

    Attributes:
        header: line that names the generator, the end of every module docstring.
    """

    def __init__(self, schemas: Schemas, header: str) -> None:
        self._schemas = schemas
        self._header = header

    def write(self, events: dict[str, str], settings: set[str], late: set[str]) -> dict[str, str]:
        """Return the texts by file name.

        Args:
            events: class of each event by the event's name.
            settings: classes of the module that is loaded on first use.
            late: classes of the module of events.
        """
        ordered = _sort_by_reference(self._schemas.definitions)
        own = [each for each in ordered if each not in settings | late]
        body = self._write_exports([*own, *settings]) + self._classes(own)
        files = {"models.py": self._module("The models of the API.", "", body + self._late("settings", settings))}
        if settings:
            inside = [each for each in ordered if each in settings]
            imports = _import_models(self._find_references(inside) & set(own))
            body = self._write_exports(inside) + self._classes(inside)
            files["settings.py"] = self._module("The settings of a device.", imports, body)
        if events:
            inside = [each for each in ordered if each in late]
            imports = _import_models((self._find_references(inside) | set(events.values())) & set(own))
            table = _EVENTS.format(
                union=" | ".join(dict.fromkeys(events.values())),
                entries="".join(f"{literal(name)}: {kind}, " for name, kind in events.items()),
            )
            classes = [each for each in inside if self._schemas.definitions[each].kind != "alias"]
            body = self._write_exports([*classes, "EVENTS", "KnownEvent"]) + self._classes(inside) + table
            files["events.py"] = self._module("What is reported to webhooks.", imports, body)
        return files

    def _module(self, title: str, imports: str, body: str) -> str:
        rules = "".join(f"from {each.rpartition('.')[0]} import {each.rpartition('.')[2]}\n" for each in self._bases())
        return f'"""{title} {self._header}"""\n{_IMPORTS}{rules}{imports}\n{body}'

    def _bases(self) -> list[str]:
        return sorted(set(self._schemas.binding.base_classes.values()))

    def _find_references(self, names: Iterable[str]) -> set[str]:
        return {name for each in names for name in self._schemas.definitions[each].names()}

    @staticmethod
    def _write_exports(names: Iterable[str]) -> str:
        """Return ``__all__`` and ``__dir__``, by which editors and shells complete."""
        return f"__all__ = {sorted(names)!r}\n\n\ndef __dir__() -> list[str]:\n    return list(__all__)\n"

    @staticmethod
    def _late(module: str, names: set[str]) -> str:
        if not names:
            return ""
        imports = ", ".join(f"{name} as {name}" for name in sorted(names))
        return _LATE.format(module=module, imports=imports, names=f"{{{', '.join(map(literal, sorted(names)))}}}")

    def _classes(self, names: list[str]) -> str:
        defined: set[str] = {name for name in self._schemas.definitions if name not in names}
        texts: list[str] = []
        for name in names:
            definition = self._schemas.definitions[name]
            write = {"enum": self._enum, "model": self._model, "alias": self._alias}[definition.kind]
            texts.append(write(definition, defined))
            defined.add(name)
        return "".join(f"\n\n{text}\n" for text in texts)

    def _enum(self, definition: Definition, _defined: set[str]) -> str:
        base = "OpenIntEnum" if isinstance(definition.members[0][1], int) else "OpenStrEnum"
        lines = [f"class {definition.name}({base}):", *_write_docstring(definition.description)]
        return "\n".join([*lines, *(f"    {name} = {literal(value)}" for name, value in definition.members)])

    def _alias(self, definition: Definition, defined: set[str]) -> str:
        if definition.type is None:
            raise definition.node.error("has no type")
        kind = self._schemas.python_tag(definition.type)
        value = _quoted_if_forward(kind.names(), defined | {""}, kind.hint(lambda name: name), also=definition.name)
        text = f'{definition.name} = TypeAliasType("{definition.name}", {value})'
        return text + (f"\n{docstring(definition.description, 0)}" if definition.description else "")

    def _model(self, definition: Definition, defined: set[str]) -> str:
        bases = self._find_base(definition)
        lines = [f"class {definition.name}({bases}):", *_write_docstring(definition.description)]
        positional = self._schemas.binding.positional.get(_component_name(definition))
        if positional is not None:
            lines += self._positional(definition, positional)
        lines += _explicit(definition)
        for each in definition.fields:
            lines.append(f"    {each.name}: {self._annotation(each, defined, definition.name)}{self._default(each)}")
            lines += [f"    {docstring(each.description, 4)}"] if each.description else []
        return "\n".join(lines)

    def _find_base(self, definition: Definition) -> str:
        given = self._schemas.binding.base_classes.get(_component_name(definition), "").rpartition(".")[2]
        explicit = "ExplicitModel" if definition.is_explicit else ""
        return ", ".join(filter(None, (given, explicit))) or "Model"

    def _parameter(self, each: Field) -> str:
        hint = each.type.plain_hint(lambda name: name)
        is_optional = self._default_text(each) == "None" and not each.type.is_nullable
        return f"{each.name}: {hint}{' | None' if is_optional else ''}"

    def _annotation(self, each: Field, defined: set[str], owner: str) -> str:
        kind = self._schemas.python_tag(each.type)
        arguments = kind.arguments()
        if to_camel(each.name) != each.wire:
            arguments["alias"] = literal(each.wire)
        default = self._default_text(each)
        inner = self._schemas.resolve_alias(kind)
        if inner.kind in {"list", "dict"} and inner.parts[0].kind == "model" and default not in {"", "None"}:
            arguments["validate_default"] = "True"
        hint = write_annotation(kind, arguments, lambda name: name, is_optional=kind.is_nullable or default == "None")
        return _quoted_if_forward(kind.names(), defined, hint, also=owner)

    def _default_text(self, each: Field) -> str:
        """Return the source text of the default, "" where the field has to be given."""
        kind = each.type
        if kind.kind == "literal" and len(kind.values) == 1 and each.is_required and not kind.is_nullable:
            return literal(kind.values[0])
        if each.default is not None:
            return write_default(each.default, each.type, self._schemas)
        return "" if each.is_required else "None"

    def _default(self, each: Field) -> str:
        text = self._default_text(each)
        return f" = {text}" if text else ""

    def _positional(self, definition: Definition, positional: str) -> list[str]:
        first = [each for each in definition.fields if each.name == positional]
        rest = [each for each in definition.fields if each.name != positional]
        if not first:
            raise definition.node.error(f"has no field {positional}, which the configuration names")
        lines = [
            f'    positional: ClassVar[str | None] = "{positional}"',
            "",
            "    if TYPE_CHECKING:",
            "",
            "        def __init__(",
            "            self,",
            *[f"            {self._parameter(each)}," for each in first],
            *(["            *,"] if rest else []),
            *[f"            {self._parameter(each)}{self._default(each)}," for each in rest],
            "        ) -> None: ...",
            "",
        ]
        return ["", *lines]


def _write_docstring(description: str) -> list[str]:
    return [f"    {docstring(description, 4)}", ""] if description else []


def _explicit(definition: Definition) -> list[str]:
    """Return the declarations of an explicit model about its fields."""
    if not definition.is_explicit:
        return []
    fields = definition.fields
    sets = {
        "written_fields": sorted(each.name for each in fields if each.is_required and each.type.kind == "literal"),
        "nullable_fields": sorted(each.name for each in fields if each.type.is_nullable),
    }
    return [f"    {name}: ClassVar[frozenset[str]] = frozenset({found!r})" for name, found in sets.items() if found] + [
        ""
    ]


def _component_name(definition: Definition) -> str:
    return definition.node.pointer.removeprefix("/components/schemas/")


def _import_models(names: set[str]) -> str:
    return f"from .models import {', '.join(sorted(names))}\n" if names else ""


def _quoted_if_forward(names: Iterable[str], defined: set[str], hint: str, *, also: str) -> str:
    is_forward = any(name not in defined or name == also for name in names)
    return literal(hint) if is_forward else hint


def _sort_by_reference(definitions: dict[str, Definition]) -> list[str]:
    """Return the names sorted: the classes that a class refers to first, otherwise by the alphabet."""
    found: dict[str, None] = {}
    on_way: set[str] = set()

    def visit(name: str) -> None:
        waiting = [(name, iter(sorted(definitions[name].names())))]
        on_way.add(name)
        while waiting:
            here, inner = waiting[-1]
            following = next((each for each in inner if each not in on_way), None)
            if following is None:
                found.setdefault(here)
                waiting.pop()
            else:
                on_way.add(following)
                waiting.append((following, iter(sorted(definitions[following].names()))))

    for name in sorted(definitions):
        if name not in on_way:
            visit(name)
    return list(found)
