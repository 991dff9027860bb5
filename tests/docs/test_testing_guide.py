"""Guide on testing: its blocks are test modules that pass in a project of one's own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "testing.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("code", BLOCKS, ids=range(len(BLOCKS)))
def test_block_passes(pytester, code):
    for library in ("celery", "django", "fastapi"):
        if re.search(rf"^from {library}\b", code, re.MULTILINE):
            pytest.importorskip(library, reason=f"needs {library}")
    pytester.makepyfile(code)

    options = [
        "-p",
        "no:cacheprovider",
        "-p",
        "no:schemathesis",
        "-W",
        "ignore:Using `httpx`",  # starlette prefers httpx2
        "-W",
        "ignore:The anyio.abc.BlockingPortal alias",  # older versions of starlette use it
    ]
    result = pytester.runpytest_subprocess(*options, "-q")

    assert result.ret == 0
    assert result.parseoutcomes().keys() == {"passed"}
