"""Counting of parts, and numbers as they are dialled."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from smsgate.bulk import segments
from smsgate.phone import count_parts
from smsgate.phone._sms import dialled


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" * 77, 3),  # 306 places, but no part ends within a €
        ("я" * 70, 1),
        ("я" * 134, 2),
        ("я" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("😀" * 67, 3),  # 134 units, but no part ends within a pair
        ("a\x1b", 1),
    ],
)
def test_parts_are_counted(text, parts):
    assert count_parts(text) == parts


ALPHABET = st.sampled_from("aZ9@ \n€[]^{}~|\\\x1b\fяü😀é中")


@given(st.text(ALPHABET | st.characters(codec="utf-8"), max_size=400) | st.text(ALPHABET, min_size=150, max_size=900))
def test_phone_counts_parts_like_the_planner_of_campaigns(text):
    assert count_parts(text) == segments(text).parts


@pytest.mark.parametrize(
    ("number", "shown"),
    [("+1 (202) 555-0101", "+12025550101"), ("*100#", "*100#"), ("9oo", "9"), ("BANK", "BANK"), ("", "")],
)
def test_numbers_lose_what_cannot_be_dialled(number, shown):
    assert dialled(number) == shown
