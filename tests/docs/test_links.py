"""Links between documents: existing targets, and guides that are reachable from the README."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)[^)]*\)")
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def linked(document):
    return {(document.parent / target).resolve() for target in LINK.findall(document.read_text())}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(document):
    assert [str(target) for target in linked(document) if not target.exists()] == []


def test_readme_leads_to_every_guide():
    assert set((ROOT / "docs" / "guides").glob("*.md")) <= linked(ROOT / "README.md")
