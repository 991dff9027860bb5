"""List of all rows; a new group is a module listed here, with its cases in ``cases``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import breakdown, encryption, imports, lists, overhead, sends, webhooks

if TYPE_CHECKING:
    from .rows import Row

__all__ = ["ROWS"]

ROWS: tuple[Row, ...] = (
    *sends.ROWS,
    *lists.ROWS,
    *encryption.ROWS,
    *webhooks.ROWS,
    *imports.ROWS,
    *overhead.ROWS,
    *breakdown.ROWS,
)
