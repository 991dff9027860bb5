"""Stalls of the event loop while long and hostile responses are read, relative to the standard library's parser."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pytest

SCRIPTS = str(Path(__file__).parents[1] / "scripts")
sys.path.insert(0, SCRIPTS)
try:
    stalls = import_module("stalls")
finally:
    sys.path.remove(SCRIPTS)

SIZE = 500_000
MOST = 8
"""Times that the standard library takes to parse an honest list, about 8 ms a megabyte."""


@pytest.mark.parametrize("name", stalls.SHAPES)
def test_no_response_stalls_the_event_loop_for_long(name):
    shape = stalls.SHAPES[name]
    content = shape.content(SIZE)

    for _ in range(4):
        most = MOST * max(stalls.reference(SIZE), stalls.parsing_time(content) / 2)
        stall = stalls.measure(shape, content, collect=False)
        if stall <= most:
            break

    assert stall <= most
