"""The public API as facts: one line for each parameter, return type, field, value and HTTP operation.

A fact is a place and what holds there, such as ``smsgate.APIClient.send(ttl): keyword, int | None = None``.
"""

from __future__ import annotations

import enum
import inspect
import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard, get_args, get_origin

from smsgate.runtime.types import Model
from specdiff.documents import load
from specdiff.operations import read_operations
from specdiff.shapes import read_shape

from .types import type_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

    from specdiff.documents import Document

SPEC = Path(__file__).resolve().parents[2] / "spec" / "smsgate.yaml"

MODULES = (
    "smsgate",
    "smsgate.ahttp",
    "smsgate.auth",
    "smsgate.bulk",
    "smsgate.client",
    "smsgate.codegen",
    "smsgate.constants",
    "smsgate.domain",
    "smsgate.emulator",
    "smsgate.encryption",
    "smsgate.enums",
    "smsgate.errors",
    "smsgate.fastapi",
    "smsgate.http",
    "smsgate.phone",
    "smsgate.receiver",
    "smsgate.retry",
    "smsgate.testing",
    "smsgate.token_store",
    "smsgate.webhooks",
    "smsgate_api.operations",
)
"""Modules whose listed names are public, in the order of preference for the place of a name that several list."""

Facts = dict[str, str]

_KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "positional only",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "positional",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}
_OWN = ("smsgate", "smsgate_api")


def collect() -> Facts:
    """Return the facts of the installed package and of the spec it was generated from."""
    places: dict[int, str] = {}
    facts: Facts = {}
    for place, value in _public_objects().items():
        if id(value) in places:
            facts[place] = f"is {places[id(value)]}"
            continue
        if isinstance(value, type) or inspect.isroutine(value):
            places[id(value)] = place
        facts.update(_object_facts(place, value))
    facts.update(_member_facts("every model", Model, set()))
    facts.update(_http_facts(load(str(SPEC))))
    return facts


@cache
def _public_objects() -> dict[str, Any]:
    """Return every listed object by its place."""
    loaded = {module: import_module(module) for module in MODULES}
    return {
        f"{module}.{name}": getattr(content, name)
        for module, content in loaded.items()
        for name in sorted(getattr(content, "__all__", ()))
        if not name.startswith("__")
    }


def _public_bases(value: type[Any]) -> list[str]:
    """Return the names of the base classes; those of a private one in its place."""
    names: list[str] = []
    for base in value.__bases__:
        is_own = base.__module__.split(".")[0] in _OWN
        if is_own and not any(base is each for each in _public_objects().values()):
            names += _public_bases(base)
        elif base is not object:
            names.append(base.__name__)
    return list(dict.fromkeys(names))


def _object_facts(place: str, value: Any) -> Iterator[tuple[str, str]]:
    if inspect.ismodule(value):
        yield place, "module"
    elif _is_class(value):
        yield from _class_facts(place, value)
    elif inspect.isroutine(value):
        yield place, "function"
        yield from _signature_facts(place, value)
    elif isinstance(value, (str, int, float, tuple, frozenset)):
        yield place, f"{type(value).__name__} {value!r}"  # pyright: ignore[reportUnknownArgumentType]
    else:
        yield place, f"type {type_text(value)}"


def _is_class(value: Any) -> TypeGuard[type[Any]]:
    """Python 3.10 takes `Callable[[], int]` for a class."""
    return isinstance(value, type) and get_origin(value) is None


def _class_facts(place: str, value: type[Any]) -> Iterator[tuple[str, str]]:
    bases = ", ".join(_public_bases(value))
    if issubclass(value, enum.Enum):
        yield place, f"enum({bases})"
        for name, member in value.__members__.items():
            yield f"{place}.{name}", f"value {member.value!r}"
        return
    fields: dict[str, FieldInfo] | None = getattr(value, "__pydantic_fields__", None)
    yield place, "model" if fields is not None else f"class({bases})"
    if fields is None and _has_constructor(value):
        yield from _signature_facts(place, value, _type_arguments(value))
    for name, field in (fields or {}).items():
        yield f"{place}.{name}", _field_text(name, field)
    yield from _member_facts(place, value, {*(fields or ()), *(dir(Model) if fields is not None else ())})


def _type_arguments(value: type[Any]) -> dict[str, str]:
    """Return what a class puts in the place of the type variables of its generic bases, by their names."""
    found: dict[str, str] = {}
    for each in value.__mro__:
        for base in vars(each).get("__orig_bases__", ()):
            variables = getattr(get_origin(base), "__parameters__", ())
            for variable, argument in zip(variables, get_args(base), strict=False):
                found.setdefault(variable.__name__, type_text(argument))
    return found


def _resolve(text: str, arguments: dict[str, str]) -> str:
    """Return the text of an annotation with type variables replaced."""
    return re.sub(r"\w+", lambda name: arguments.get(name[0], name[0]), text)


def _has_constructor(value: type[Any]) -> bool:
    """Return whether a class of this project says how to construct it; protocols and most errors do not."""
    own = [each for each in value.__mro__ if each.__module__.split(".")[0] in _OWN]
    return not getattr(value, "_is_protocol", False) and any("__init__" in vars(each) for each in own)


def _member_facts(place: str, value: type[Any], described: set[str]) -> Iterator[tuple[str, str]]:
    """Methods, properties and attributes that classes of this project add."""
    own = [each for each in value.__mro__ if each.__module__.split(".")[0] in _OWN]
    annotations: dict[str, Any] = {}
    arguments = _type_arguments(value)
    for each in reversed(own):
        annotations.update(vars(each).get("__annotations__", {}))
    for name in sorted({*annotations, *(name for each in own for name in vars(each))} - described):
        if name.startswith(("_", "model_")):
            continue
        found = inspect.getattr_static(value, name, None)
        if isinstance(found, property):
            returned = getattr(found.fget, "__annotations__", {}).get("return", "")
            yield f"{place}.{name}", f"property {_resolve(type_text(returned), arguments)}"
        elif isinstance(found, (classmethod, staticmethod)) or inspect.isroutine(found):
            yield f"{place}.{name}", "method"
            yield from _signature_facts(f"{place}.{name}", getattr(value, name), arguments)
        elif not (annotation := type_text(annotations.get(name, "Any"))).startswith("ClassVar"):
            yield f"{place}.{name}", f"attribute {_resolve(annotation, arguments)}"


def _signature_facts(place: str, value: Any, arguments: dict[str, str] | None = None) -> Iterator[tuple[str, str]]:
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return
    position = 0
    for name, parameter in found.parameters.items():
        if name in {"self", "cls"}:
            continue
        kind = _KINDS[parameter.kind]
        if kind.startswith("positional"):
            position += 1
            kind = f"{kind} {position}"
        default = "" if parameter.default is parameter.empty else f" = {_value_text(parameter.default)}"
        annotation = "" if parameter.annotation is parameter.empty else type_text(parameter.annotation)
        annotation = _resolve(annotation, arguments or {})
        yield f"{place}({name})", f"{kind}, {annotation or 'Any'}{default}"
    if found.return_annotation is not found.empty and not isinstance(value, type):
        prefix = "async " if inspect.iscoroutinefunction(value) else ""
        yield f"{place}()", prefix + _resolve(type_text(found.return_annotation), arguments or {})


def _field_text(name: str, field: FieldInfo) -> str:
    limits = [
        str(limit) for limit in field.metadata if type(limit).__module__.startswith(("annotated_types", "pydantic"))
    ]
    alias = [f"wire name {field.alias}"] if field.alias not in {None, name} else []
    default = (
        ""
        if field.is_required()
        else f" = {_value_text(field.get_default(call_default_factory=True, validated_data={}))}"
    )
    need = "required" if field.is_required() else "optional"
    return ", ".join([need, *alias, *sorted(limits), f"{type_text(field.annotation)}{default}"])


def _value_text(value: Any) -> str:
    text: str = getattr(value, "__name__", "") or repr(value)
    return type(value).__name__ if " at 0x" in text else " ".join(text.split())


def _http_facts(spec: Document) -> Iterator[tuple[str, str]]:
    """Methods, paths, parameters, bodies and statuses of the operations, with the limits of parameters."""
    for operation in read_operations(spec, {}, set()).values():
        place = f"{operation.method.upper()} {operation.path}"
        yield place, f"HTTP operation, {' or '.join(sorted(operation.security))}"
        for key, parameter in operation.parameters.items():
            need = "required" if parameter.required else "optional"
            yield f"{place} {key}", f"{need}, {read_shape(spec, parameter.schema).summary()}"
        if operation.body:
            need = "required" if operation.body.required else "optional"
            yield f"{place} body", f"{need}, {', '.join(sorted(operation.body.media))}"
        for status, response in sorted(operation.responses.items()):
            if status.startswith("2"):
                yield f"{place} {status}", ", ".join(sorted(response.media)) or "no body"
