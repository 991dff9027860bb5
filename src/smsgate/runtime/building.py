"""Arguments of a model's constructor: stand-ins for a field's own type, positions, names that no field has.

Building is strict: a truth value is no
number, bytes are no text. Only stand-ins that can mean one thing only (text for an enum, a dict for a model) are taken
and replaced beforehand. Error texts never quote a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from functools import cache
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType

__all__ = ["ModelSignature", "by_keyword", "check_names", "nearest_hint", "plain_text", "with_own_types"]

if TYPE_CHECKING:
    from typing import TypeGuard

    from pydantic_core import InitErrorDetails

_NO_LISTS = (str, bytes, bytearray, memoryview, Mapping, BaseModel, type)


class ModelSignature:
    """Signature of a model's constructor, made from its fields when it is asked for (``help``, ``inspect.signature``).

    pydantic's own shows the names of the wire, and nothing before a model is first used.
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
                annotation=field.annotation,
            )
            for name, field in owner.model_fields.items()
        ]
        return Signature(sorted(parameters, key=lambda each: each.kind), return_annotation=None)


def by_keyword(
    model: type[BaseModel], positional: str | None, values: tuple[Any, ...], data: dict[str, Any]
) -> dict[str, Any]:
    """Return constructor arguments as keywords only.

    Args:
        model: the class.
        positional: the one field that may be given by position, None for no such field.
        values: what was given by position.
        data: what was given by keyword.

    Raises:
        TypeError: more was given by position than that field, or it was given twice.
    """
    if positional is None or len(values) != 1:
        fields = model.model_fields.items()
        names = [name for name, field in fields if field.is_required()] or [next(iter(model.model_fields), "")]
        shown = ", ".join(f"{name}=…" for name in names if name)
        raise TypeError(f"{model.__name__} takes keywords only: {model.__name__}({shown})")
    if positional in data:
        raise TypeError(f"{model.__name__} got two values for {positional}")
    (value,) = values
    return {positional: value, **data}


def check_names(model: type[BaseModel], data: Mapping[str, Any]) -> None:
    """Reject names that no field has.

    Raises:
        pydantic.ValidationError: naming the field that was perhaps meant.
    """
    fields = model.model_fields
    known = {*fields, *(field.alias for field in fields.values())}
    problems = [
        _problem(name, _custom("extra_forbidden", _unknown_name(name, list(fields))))
        for name in data
        if name not in known
    ]
    _raise_if_any(model, problems)


def _problem(name: str, error: PydanticCustomError, *inside: int | str) -> InitErrorDetails:
    return {"type": error, "loc": (name, *inside), "input": None}


def _raise_if_any(model: type[BaseModel], problems: list[InitErrorDetails]) -> None:
    if problems:
        raise ValidationError.from_exception_data(model.__name__, problems, hide_input=True)


def _custom(kind: Any, text: Any) -> PydanticCustomError:
    """Make an error of texts that are put together at run time; neither holds a value."""
    return PydanticCustomError(kind, text)


def _unknown_name(name: str, fields: list[str]) -> str:
    longer = [field for field in fields if name and field.startswith(f"{name.lower()}_")]
    meant = longer or _nearest(name, fields, least=0.6)
    if meant:
        return f"Extra inputs are not permitted; did you mean {meant[0]}=?"
    return f"Extra inputs are not permitted; the fields are {', '.join(fields) or 'none'}"


def nearest_hint(kind: type[Enum], text: str) -> str | None:
    """Return what to write instead of a text that is no known value of an open enum, None for a known one."""
    known = _known_values(kind)
    if text in known:
        return None
    if not text.strip():
        return "should not be empty"
    nearest = _nearest(text, known, least=0.0)[0]
    name = kind.__name__
    return f"should be a known {name}; did you mean '{nearest}'? {name}('…') passes any other on purpose"


@cache
def _known_values(kind: type[Enum]) -> tuple[str, ...]:
    return tuple(str(member.value) for member in kind)


def _nearest(text: str, known: Iterable[str], *, least: float) -> list[str]:
    """Return the known text that is most like another, if it is at least so much (0 to 1) like it."""
    from difflib import get_close_matches  # noqa: PLC0415 - needed for mistakes only

    spelled = {found.lower(): found for found in known}
    return [spelled[found] for found in get_close_matches(text.lower(), spelled, 1, least)]


def with_own_types(model: type[BaseModel], data: dict[str, Any]) -> dict[str, Any]:
    """Return the data with stand-ins replaced by values of the fields' own types; all else stays as it is.

    Raises:
        pydantic.ValidationError: a text is no known value of the field's enum, or a dict makes no valid model.
    """
    changed = dict(data)
    problems: list[InitErrorDetails] = []
    for name, field in model.model_fields.items():
        for key in {name, field.alias or name} & data.keys():
            try:
                changed[key] = _own(field.annotation, data[key])
            except PydanticCustomError as error:  # noqa: PERF203 - every mistake is reported
                problems.append(_problem(key, error))
            except ValidationError as nested:
                problems += [
                    _problem(key, _custom(found["type"], found["msg"]), *found["loc"])
                    for found in nested.errors(include_url=False, include_context=False, include_input=False)
                ]
    _raise_if_any(model, problems)
    return changed


def plain_text(value: str) -> str:
    """Return the text of a str subclass: the value of an enum member, the bare characters of any other."""
    content: object = value.value if isinstance(value, Enum) else value
    return str.__str__(content) if isinstance(content, str) else str.__str__(value)


def _own(wanted: Any, value: Any) -> Any:
    """Return what a stand-in means for a type."""
    if isinstance(wanted, TypeAliasType):
        return _own(wanted.__value__, value)
    origin, parts = get_origin(wanted), get_args(wanted)
    if origin is Annotated:
        return _own(parts[0], value)
    if origin is list and _is_listed(value):
        return [_own(parts[0], item) for item in value]
    if origin is dict and isinstance(value, Mapping):
        entries: Mapping[Any, Any] = cast("Any", value)
        return {key: _own(parts[1], item) for key, item in entries.items()}
    if origin is None and isinstance(wanted, type):
        return _of_class(wanted, value)
    if origin is not None and not any(isinstance(part, type) and type(value) is part for part in parts):
        if str in parts and isinstance(value, str):
            return plain_text(value)
        for part in parts:  # a union
            value = _own(part, value)
    return value


def _of_class(wanted: type, value: Any) -> Any:
    if issubclass(wanted, Enum) and issubclass(wanted, str) and isinstance(value, str):
        if not isinstance(value, wanted) and (hint := nearest_hint(wanted, plain_text(value))):
            raise _custom("unknown_value", f"Input {hint}")
        return wanted(plain_text(value))
    if issubclass(wanted, BaseModel) and isinstance(value, Mapping):
        fields: Mapping[Any, Any] = cast("Any", value)
        return wanted(**fields) if all(isinstance(name, str) for name in fields) else fields
    return value


def _is_listed(value: object) -> TypeGuard[Iterable[Any]]:
    return isinstance(value, Iterable) and not isinstance(value, _NO_LISTS)
