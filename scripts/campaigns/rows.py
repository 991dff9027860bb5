"""Rows of campaigns for measurements and tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = "Hi {name}, your table is ready"


def make_rows(count: int) -> Iterator[dict[str, object]]:
    """Yield rows with different German mobile numbers, in international and in national spelling."""
    for number in range(count):
        prefix = "+49 1511 " if number % 2 else "01512 "
        yield {"phone": f"{prefix}{number:07d}", "name": f"Name {number}"}
