"""Annotations as text, the same on every version of Python."""

from __future__ import annotations

import ast
import re
import types
from typing import Annotated, Any, ForwardRef, Literal, TypeVar, Union, get_args, get_origin


def type_text(annotation: Any) -> str:
    """Return an annotation as it would be written, without the modules of its names."""
    if annotation is None or annotation is type(None):
        return "None"
    if isinstance(annotation, ForwardRef):
        annotation = annotation.__forward_arg__
    if isinstance(annotation, str):
        return re.sub(r"\b[A-Za-z_]\w*\.(?=[A-Za-z_])", "", annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_text(arguments[0])
    if origin in {Union, types.UnionType}:
        return " | ".join(map(type_text, arguments))
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, arguments))}]"
    if arguments:
        return f"{type_text(origin)}[{', '.join(map(_argument_text, arguments))}]"
    if isinstance(annotation, TypeVar):
        return annotation.__name__
    return getattr(annotation, "__name__", None) or str(annotation).rpartition(".")[2]


def members(text: str) -> set[str]:
    """Return the alternatives of a union, each value of a literal as one; other brackets keep theirs together."""
    found, depth, start = set[str](), 0, 0
    for position, character in enumerate(text):
        depth += (character in "[(") - (character in "])")
        if character == "|" and not depth:
            found |= _values(text[start:position].strip())
            start = position + 1
    return found | _values(text[start:].strip())


def split_default(text: str) -> tuple[str, str]:
    """Return an annotation and its default, "" for none; values of a literal may hold the sign between them."""
    depth = 0
    for position, character in enumerate(text):
        depth += (character in "[(") - (character in "])")
        if not depth and text.startswith(" = ", position):
            return text[:position], text[position + 3 :]
    return text, ""


def _values(text: str) -> set[str]:
    """Return each value of a literal as one of its own, and anything else as it is."""
    if not (text.startswith("Literal[") and text.endswith("]")):
        return {text}
    try:
        return {f"Literal[{value!r}]" for value in ast.literal_eval(f"[{text[len('Literal[') : -1]}]")}
    except (SyntaxError, ValueError):  # members of an enum
        return {text}


def _argument_text(argument: Any) -> str:
    if isinstance(argument, list):  # the parameters of Callable
        return f"[{', '.join(map(type_text, argument))}]"  # pyright: ignore[reportUnknownArgumentType]
    return "..." if argument is ... else type_text(argument)
