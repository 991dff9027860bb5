"""Descriptions and titles of model fields, from the docstrings below the fields in the source.

They are read on first use: of ``model_fields``, or of a JSON schema. Reading them at import would double its time.
"""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.json_schema import JsonSchemaValue

__all__ = ["DescribedFields", "add_descriptions", "describe_fields", "drop_access_warnings"]

_DEPRECATED = "Deprecated."
_ABBREVIATIONS = frozenset({"id", "mms", "sim", "sms", "ttl", "uri", "url"})


class DescribedFields(property):
    """``model_fields`` of a model class, described on access."""

    def __get__(self, instance: Any, owner: type | None = None, /) -> Any:
        if instance is None and owner is not None and issubclass(owner, BaseModel):
            describe_fields(owner)
        return BaseModel.__dict__["model_fields"].__get__(instance, owner)


def describe_fields(model: type[BaseModel]) -> None:
    """Add titles and descriptions to the fields of a model that have none, and mark deprecated fields.

    A field is deprecated if its description begins with ``Deprecated.``.
    """
    if "__is_described__" in model.__dict__:
        return
    texts = {name: text for base in reversed(model.__mro__) for name, text in _descriptions(base).items()}
    for name, field in model.__pydantic_fields__.items():
        field.title = field.title or _title(name)
        field.description = field.description or texts.get(name)
        if field.deprecated is None and (field.description or "").startswith(_DEPRECATED):
            field.deprecated = True
    type.__setattr__(model, "__is_described__", True)


def drop_access_warnings(model: type[BaseModel]) -> None:
    """Remove pydantic's warnings on access to deprecated fields: a repr or a copy of a model would raise them, too."""
    for name, field in model.__pydantic_fields__.items():
        if field.deprecated and name in model.__dict__ and (field.description or "").startswith(_DEPRECATED):
            delattr(model, name)


def add_descriptions(model: type[BaseModel], schema: JsonSchemaValue, also_checked: str) -> None:
    """Complete the JSON schema of a model: titles, descriptions and deprecations of its properties, and its rules."""
    describe_fields(model)
    if also_checked:
        schema["description"] = "\n\n".join([schema.get("description", ""), f"Also checked: {also_checked}"]).strip()
    properties: dict[str, JsonSchemaValue] = schema.get("properties", {})
    for name, field in model.__pydantic_fields__.items():
        found = properties.get(field.alias or name, properties.get(name))
        if found is None:
            continue
        if "$ref" not in found:
            found["title"] = field.title
        if field.description:
            found["description"] = field.description
        if field.deprecated:
            found["deprecated"] = True


def _title(name: str) -> str:
    words = [word.upper() if word in _ABBREVIATIONS else word for word in name.strip("_").split("_")]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])


def _descriptions(kind: type[Any]) -> Mapping[str, str]:
    """Return the docstrings below the fields in the body of a class, none if its source cannot be read."""
    return _module_descriptions(kind.__module__).get(kind.__qualname__, {})


@cache
def _module_descriptions(module: str) -> Mapping[str, Mapping[str, str]]:
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (KeyError, OSError, TypeError, SyntaxError):
        return {}
    return {node.name: _class_descriptions(node) for node in tree.body if isinstance(node, ast.ClassDef)}


def _class_descriptions(node: ast.ClassDef) -> dict[str, str]:
    found: dict[str, str] = {}
    for before, statement in zip(node.body, node.body[1:], strict=False):
        if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name):
            match statement:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    found[before.target.id] = inspect.cleandoc(text)
                case _:
                    pass
    return found
