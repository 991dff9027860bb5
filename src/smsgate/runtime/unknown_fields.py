"""Unknown fields and values of models that were read: allowed if a gateway sent them, rejected otherwise.

Programs read, change and send back settings and webhooks. Fields of a newer server must survive that; a misspelt name
in a caller's JSON must be rejected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel

from smsgate.runtime.enums import OpenStrEnum

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["enum_values", "mark_received", "unknown_fields"]


class _ReceivedFields(dict[str, Any]):
    """Unknown fields of a response, with their original names; copies of the model keep it."""

    names: frozenset[str] = frozenset()


def mark_received(model: BaseModel) -> None:
    """Mark the unknown fields of a model, and of all models in it, as sent by a gateway."""
    for _, found in _models(model, ()):
        if found.__pydantic_extra__ is not None:
            received = _ReceivedFields(found.__pydantic_extra__)
            received.names = frozenset(received)
            object.__setattr__(found, "__pydantic_extra__", received)


def unknown_fields(model: BaseModel) -> list[tuple[str, ...]]:
    """Return the paths of all unknown fields that did not come from a gateway."""
    return [
        (*path, name)
        for path, found in _models(model, ())
        for name in found.__pydantic_extra__ or ()
        if name not in getattr(found.__pydantic_extra__, "names", ())
    ]


def enum_values(model: BaseModel) -> Iterator[tuple[tuple[str, ...], OpenStrEnum]]:
    """Yield the values of open enums, and their paths, in models that a program read from JSON.

    An unknown value in a constructor was passed on purpose, and one of a gateway is sent back.
    """
    for path, found in _models(model, ()):
        if type(found.__pydantic_extra__) is dict:  # None after a constructor
            for field, part in found.__dict__.items():
                values: list[object] = cast("Any", part) if isinstance(part, list) else [part]
                yield from (((*path, field), value) for value in values if isinstance(value, OpenStrEnum))


def _models(value: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], BaseModel]]:
    """Yield the models in a value, itself included, with their paths."""
    if isinstance(value, BaseModel):
        yield path, value
        for field, part in value.__dict__.items():
            yield from _models(part, (*path, field))
    elif isinstance(value, list):
        for index, part in enumerate(cast("list[object]", value)):
            yield from _models(part, (*path, str(index)))
    elif isinstance(value, dict):
        for name, part in cast("dict[object, object]", value).items():
            yield from _models(part, (*path, str(name)))
