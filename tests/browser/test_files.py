"""Files of the page, read without a browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import smsgate.emulator

STATIC = Path(smsgate.emulator.__file__).parent / "_page" / "static"
SCRIPTS = sorted(STATIC.glob("*.js"))
FILES = sorted(STATIC.iterdir())
FORBIDDEN = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|srcdoc|setAttribute\(\"on"
)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_short_documented_and_make_no_markup(path):
    text = path.read_text(encoding="utf-8")

    assert len(text.splitlines()) <= 400
    assert text.startswith("// ")
    assert FORBIDDEN.search(text) is None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_is_loaded_from_elsewhere(path):
    text = path.read_text(encoding="utf-8")
    outside = set(re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", text))

    assert outside <= {"http://www.w3.org", "https://example.com", "//www.w3.org"}
    assert "@import" not in text


def test_page_has_no_inline_scripts_or_styles():
    text = (STATIC / "index.html").read_text(encoding="utf-8")

    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", text)


def test_every_file_is_used():
    texts = {path.name: path.read_text(encoding="utf-8") for path in FILES}
    for name in texts:
        others = "".join(text for other, text in texts.items() if other != name)

        assert name == "index.html" or name in others, name


def test_every_icon_is_drawn():
    drawn = set(re.findall(r'id="icon-([\w-]+)"', (STATIC / "index.html").read_text(encoding="utf-8")))
    used = set()
    for path in SCRIPTS:
        used |= set(re.findall(r'\b(?:icon|iconButton)\("([\w-]+)"', path.read_text(encoding="utf-8")))

    assert used <= drawn
