"""Bulk sending: parts and encoding of texts."""

from __future__ import annotations

from smsgate.bulk._segments import Segments, segments

__all__ = ["Segments", "segments"]
