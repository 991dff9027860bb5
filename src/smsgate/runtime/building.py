"""Constructor arguments of models: type conversion, positional arguments and errors for unknown names.

Building is strict: a bool is no number, bytes are no text. Only unambiguous values of another type (text for an enum, a
dict for a model) are converted first. Error texts never quote a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from functools import cache
from inspect import Parameter, Signature
from types import GenericAlias, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType

__all__ = [
    "ModelSignature",
    "check_names",
    "convert_arguments",
    "merge_positional",
    "nearest_hint",
    "plain_text",
    "unknown_value_error",
]

if TYPE_CHECKING:
    from typing import TypeGuard

    from pydantic_core import InitErrorDetails

_NO_LISTS = (str, bytes, bytearray, memoryview, Mapping, BaseModel, type)


class ModelSignature:
    """Signature of a model's constructor, built from its fields on access (``help``, ``inspect.signature``).

    pydantic's own has the wire names, and exists only after a model's first use.
    """

    def __get__(self, instance: BaseModel | None, owner: type[BaseModel]) -> Signature:
        if instance is not None:
            raise AttributeError("__signature__ belongs to the class")
        positional: str | None = getattr(owner, "positional", None)
        parameters = [
            Parameter(
                name,
                Parameter.POSITIONAL_OR_KEYWORD if name == positional else Parameter.KEYWORD_ONLY,
                default=Parameter.empty if field.is_required() else field.default,
                annotation=_plain_type(field.annotation),
            )
            for name, field in owner.__pydantic_fields__.items()
        ]
        return Signature(sorted(parameters, key=lambda each: each.kind), return_annotation=None)


def _plain_type(kind: Any) -> Any:
    """Return a type as users write it: without the annotations of pydantic, such as ``datetime`` for a time."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _plain_type(parts[0])
    if origin in {Union, UnionType}:
        joined = _plain_type(parts[0])
        for part in parts[1:]:
            joined = joined | _plain_type(part)
        return joined
    return GenericAlias(origin, tuple(map(_plain_type, parts))) if origin in {list, dict} else kind


def merge_positional(
    model: type[BaseModel], positional: str | None, values: tuple[Any, ...], data: dict[str, Any]
) -> dict[str, Any]:
    """Merge positional constructor arguments into the keywords.

    Args:
        model: the class.
        positional: the one field that may be given by position, None if there is none.
        values: the positional arguments.
        data: the keyword arguments.

    Raises:
        TypeError: too many positional arguments, or the field is given twice.
    """
    if positional is None or len(values) != 1:
        fields = model.__pydantic_fields__.items()
        names = [name for name, field in fields if field.is_required()] or [next(iter(model.__pydantic_fields__), "")]
        shown = ", ".join(f"{name}=…" for name in names if name)
        raise TypeError(f"{model.__name__} takes keywords only: {model.__name__}({shown})")
    if positional in data:
        raise TypeError(f"{model.__name__} got two values for {positional}")
    (value,) = values
    return {positional: value, **data}


def check_names(model: type[BaseModel], data: Mapping[str, Any]) -> None:
    """Reject names that no field has.

    Raises:
        pydantic.ValidationError: suggests the closest field name.
    """
    fields = model.__pydantic_fields__
    known = {*fields, *(field.alias for field in fields.values())}
    problems = [
        _error_details(name, _custom_error("extra_forbidden", _describe_unknown_name(name, list(fields))))
        for name in data
        if name not in known
    ]
    _raise_if_any(model, problems)


def _error_details(name: str, error: PydanticCustomError, *inside: int | str) -> InitErrorDetails:
    return {"type": error, "loc": (name, *inside), "input": None}


def _raise_if_any(model: type[BaseModel], problems: list[InitErrorDetails]) -> None:
    if problems:
        raise ValidationError.from_exception_data(model.__name__, problems, hide_input=True)


def _custom_error(kind: Any, text: Any) -> PydanticCustomError:
    """Return an error with a text built at run time; the text holds no value."""
    return PydanticCustomError(kind, text)


def _describe_unknown_name(name: str, fields: list[str]) -> str:
    longer = [field for field in fields if name and field.startswith(f"{name.lower()}_")]
    meant = longer or _nearest(name, fields, least=0.6)
    if meant:
        return f"Extra inputs are not permitted; did you mean {meant[0]}=?"
    return f"Extra inputs are not permitted; the fields are {', '.join(fields) or 'none'}"


def nearest_hint(kind: type[Enum], text: str) -> str | None:
    """Return a hint for a text that is no known value of an open enum, None for a known value."""
    known = _known_values(kind)
    if text in known:
        return None
    if not text.strip():
        return "should not be empty"
    nearest = _nearest(text, known, least=0.0)[0]
    name = kind.__name__
    return f"should be a known {name}; did you mean '{nearest}'? {name}('…') passes any other on purpose"


def unknown_value_error(kind: type[Enum], text: str) -> PydanticCustomError | None:
    """Return the error for a text that is no known value of an open enum, None for a known value."""
    hint = nearest_hint(kind, text)
    return None if hint is None else _custom_error("unknown_value", f"Input {hint}")


@cache
def _known_values(kind: type[Enum]) -> tuple[str, ...]:
    return tuple(str(member.value) for member in kind)


def _nearest(text: str, known: Iterable[str], *, least: float) -> list[str]:
    """Return the known text that is closest to another, if their similarity (0 to 1) is at least ``least``."""
    from difflib import get_close_matches  # noqa: PLC0415 - needed for mistakes only

    spelled = {found.lower(): found for found in known}
    return [spelled[found] for found in get_close_matches(text.lower(), spelled, 1, least)]


def convert_arguments(model: type[BaseModel], data: dict[str, Any]) -> dict[str, Any]:
    """Convert constructor arguments to the types of their fields where that is unambiguous; others stay as they are.

    Raises:
        pydantic.ValidationError: a text is no known value of the field's enum, or a dict makes no valid model.
    """
    changed = dict(data)
    problems: list[InitErrorDetails] = []
    for name, field in model.__pydantic_fields__.items():
        for key in {name, field.alias or name} & data.keys():
            try:
                changed[key] = _convert(field.annotation, data[key])
            except PydanticCustomError as error:  # noqa: PERF203 - every mistake is reported
                problems.append(_error_details(key, error))
            except ValidationError as nested:
                problems += [
                    _error_details(key, _custom_error(found["type"], found["msg"]), *found["loc"])
                    for found in nested.errors(include_url=False, include_context=False, include_input=False)
                ]
    _raise_if_any(model, problems)
    return changed


def plain_text(value: str) -> str:
    """Return the plain text of a str subclass: the value of an enum member, the characters of any other."""
    content: object = value.value if isinstance(value, Enum) else value
    return str.__str__(content) if isinstance(content, str) else str.__str__(value)


def _convert(wanted: Any, value: Any) -> Any:
    """Return the value as the wanted type, or unchanged where no conversion applies."""
    if isinstance(wanted, TypeAliasType):
        return _convert(wanted.__value__, value)
    origin, parts = get_origin(wanted), get_args(wanted)
    if origin is Annotated:
        return _convert(parts[0], value)
    if origin is list and _is_iterable(value):
        return [_convert(parts[0], item) for item in value]
    if origin is dict and isinstance(value, Mapping):
        entries: Mapping[Any, Any] = cast("Any", value)
        return {key: _convert(parts[1], item) for key, item in entries.items()}
    if origin is None and isinstance(wanted, type):
        return _convert_to_class(wanted, value)
    if origin is not None and not any(isinstance(part, type) and type(value) is part for part in parts):
        if str in parts and isinstance(value, str):
            return plain_text(value)
        for part in parts:  # a union
            value = _convert(part, value)
    return value


def _convert_to_class(wanted: type, value: Any) -> Any:
    if issubclass(wanted, Enum) and issubclass(wanted, str) and isinstance(value, str):
        if not isinstance(value, wanted) and (error := unknown_value_error(wanted, plain_text(value))):
            raise error
        return wanted(plain_text(value))
    if issubclass(wanted, BaseModel) and isinstance(value, Mapping):
        fields: Mapping[Any, Any] = cast("Any", value)
        return wanted(**fields) if all(isinstance(name, str) for name in fields) else fields
    return value


def _is_iterable(value: object) -> TypeGuard[Iterable[Any]]:
    return isinstance(value, Iterable) and not isinstance(value, _NO_LISTS)
