"""Rows about import time, each round in a new interpreter."""

from __future__ import annotations

from .rows import Row, Side, Target

__all__ = ["ROWS"]

TIMED = """\
import sys
from time import perf_counter, process_time
for _ in sys.stdin:
    wall, cpu = perf_counter(), process_time()
    {statement}
    wall, cpu = perf_counter() - wall, process_time() - cpu
    print('{{"wall": %.9f, "cpu": %.9f}}' % (wall, cpu), flush=True)
"""
ONE_MODEL = 'import pydantic; One = type("One", (pydantic.BaseModel,), {"__annotations__": {"id": str, "text": str}})'


def _side(label: str, statement: str) -> Side:
    return Side(label, source=TIMED.format(statement=statement))


_THEIRS = _side("theirs", "import android_sms_gateway")
_NAMES = _side("smsgate", "from smsgate import APIClient, domain")


def _row(name: str, title: str, ours: Side, other: Side, limit: float) -> Row:
    return Row(name, title, "import", ours, other, Target("wall", limit), fresh=True, count=1)


ROWS = (
    _row("import-package", "`import smsgate`", _side("smsgate", "import smsgate"), _THEIRS, 0.1),
    _row("import-names", "`from smsgate import APIClient, domain`", _NAMES, _THEIRS, 0.45),
    _row(
        "import-names-pydantic",
        "`from smsgate import APIClient, domain` beside pydantic and one model class",
        _NAMES,
        _side("pydantic, one model", ONE_MODEL),
        1.15,
    ),
)
