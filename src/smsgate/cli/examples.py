"""Examples in the help of a command."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    F = TypeVar("F", bound=Callable[..., None])


def examples(*lines: str) -> Callable[[F], F]:
    """Give a command lines that its help shows at the end."""

    def add(function: F) -> F:
        escaped = [line.replace("[", "\\[") for line in lines]
        function.examples = "\n\n".join(["[bold]Examples[/bold]", *(f"[dim]$[/dim] {line}" for line in escaped)])  # type: ignore[attr-defined]
        return function

    return add
