"""All rows of the table; a new group of rows is a new module, named here, and its cases in ``cases``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import encrypting, importing, limits, parts, reading, receiving, sending

if TYPE_CHECKING:
    from .rows import Row

__all__ = ["ROWS"]

ROWS: tuple[Row, ...] = (
    *sending.ROWS,
    *reading.ROWS,
    *encrypting.ROWS,
    *receiving.ROWS,
    *importing.ROWS,
    *limits.ROWS,
    *parts.ROWS,
)
