"""CONTRIBUTING: the paths that it names, compared with the tree."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
TREE = TEXT.partition("## The tree")[2].partition("## ")[0]


def tree_paths():
    """Paths of the first column; names after the first one are relative to its folder."""
    for row in re.findall(r"^\| (`.*?) \|", TREE, re.MULTILINE):
        names = re.findall(r"`([^`]+)`", row)
        folder = names[0].rstrip("/").rpartition("/")[0]
        yield ROOT / names[0]
        yield from (ROOT / folder / name if folder != "scripts" else ROOT / name for name in names[1:])


def test_paths_of_the_tree_exist():
    assert [str(path) for path in tree_paths() if not path.exists()] == []


def test_tree_names_every_module_and_package():
    named = {path.resolve() for path in tree_paths()}
    present = {
        path for path in (ROOT / "src" / "smsgate").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }

    assert {path.name for path in present - named} == set()


def test_rooms_of_the_emulator_are_named():
    rooms = {path.parent.name for path in (ROOT / "src/smsgate/emulator").glob("*/__init__.py")}

    assert {room for room in rooms if f"`{room}/`" not in TREE} == set()


def test_no_change_needs_more_than_four_files():
    counts = re.findall(
        r"^\| [a-zA-Z ]+ \| (\d)(?:\u2013(\d))? \|", TEXT.partition("## Where a change goes")[2], re.MULTILINE
    )

    assert len(counts) > 12
    assert max(int(number) for pair in counts for number in pair if number) <= 4
