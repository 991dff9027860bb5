"""Parts, units and replacements of texts."""
# ruff: noqa: RUF001 - the texts hold ambiguous characters

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from smsgate.bulk import segments
from smsgate.bulk._segments import BASIC, EXTENSION
from smsgate.errors import InvalidRequestError

EXTENSION_CODES = {
    "\f": 0x0A, "^": 0x14, "{": 0x28, "}": 0x29, "\\": 0x2F, "[": 0x3C, "~": 0x3D, "]": 0x3E, "|": 0x40, "€": 0x65,
}  # fmt: skip


def pack(text):
    """Septets of the text packed into octets, as TS 23.038 section 6.1.2.1 describes."""
    septets = []
    for character in text:
        septets += [BASIC.index(character)] if character in BASIC else [0x1B, EXTENSION_CODES[character]]
    bits = sum(code << 7 * place for place, code in enumerate(septets))
    return bits.to_bytes(-(-7 * len(septets) // 8), "little").hex().upper(), len(septets)


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("hellohello", "E8329BFD4697D9EC37"),
        ("How are you?", "C8F71D14969741F977FD07"),
        ("€", "9B32"),
        ("test text", "F4F29C0EA297F174"),
        (
            "!$ a more#^- complicated test@@?_%! case",
            "2101280C6ABFE5E5D186D2028DDF6D383B3D0ED3CB6410BD3CA70300BF4829041A87E765",
        ),
        (
            "enhanced ^ {][} test |+~ ^ tests",
            "65373AEC1E97C9A00D05B4416D7C1BDE2605A297E774D006B8DAF4401B0A885E9ED3E7",
        ),
        ("A" * 8 * 19, "C16030180C0683" * 19),
    ],
)
def test_alphabet_gives_the_published_octets(text, octets):
    packed, septets = pack(text)

    assert packed == octets
    assert segments(text).units == septets


def test_alphabet_has_each_code_once():
    assert len(BASIC) == len(set(BASIC)) == 128
    assert sorted(EXTENSION) == sorted(EXTENSION_CODES)


@pytest.mark.parametrize(
    ("text", "encoding", "units", "parts", "left"),
    [
        ("", "GSM-7", 0, 1, 160),
        ("a" * 160, "GSM-7", 160, 1, 0),
        ("a" * 161, "GSM-7", 161, 2, 145),
        ("a" * 306, "GSM-7", 306, 2, 0),
        ("a" * 307, "GSM-7", 307, 3, 152),
        ("€" * 80, "GSM-7", 160, 1, 0),
        ("€" * 81, "GSM-7", 162, 2, 143),
        ("a" * 152 + "€" + "a" * 151, "GSM-7", 305, 2, 0),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3, 152),
        ("ж" * 70, "UCS-2", 70, 1, 0),
        ("ж" * 71, "UCS-2", 71, 2, 63),
        ("ж" * 134, "UCS-2", 134, 2, 0),
        ("ж" * 135, "UCS-2", 135, 3, 66),
        ("😀" * 35, "UCS-2", 70, 1, 0),
        ("😀" * 66, "UCS-2", 132, 2, 1),
        ("😀" * 67, "UCS-2", 134, 3, 65),
        ("a" * 159 + "ж", "UCS-2", 160, 3, 41),
    ],
)
def test_sizes(text, encoding, units, parts, left):
    found = segments(text)

    assert (found.encoding, found.units, found.parts, found.units_left) == (encoding, units, parts, left)


def test_names_what_forces_ucs2_and_its_replacement():
    found = segments("Don’t – ☎ “çà” 😀")

    assert dict(found.forcing) == {"’": "'", "–": "-", "☎": None, "“": '"', "ç": "c", "”": '"', "😀": None}
    assert found.suggestion is None


def test_suggests_a_text_when_everything_has_a_replacement():
    found = segments("Don’t\u00a0wait…\u200b Łódź ½ ﬁ — ΚΑΛΗΜΕΡΑ")

    assert found.suggestion == "Don't wait... Lodz 1/2 fi - KAΛHMEPA"
    assert segments(found.suggestion).encoding == "GSM-7"


def test_gsm7_needs_no_replacement():
    found = segments("Größe: 5 €")

    assert (dict(found.forcing), found.suggestion) == ({}, None)


@pytest.mark.parametrize("wrong", [None, 5, b"text", ["text"]])
def test_refuses_what_is_no_text(wrong):
    with pytest.raises(InvalidRequestError, match="segments takes a text"):
        segments(wrong)


@given(st.text(alphabet=st.sampled_from("aé€^ж😀’ç\u200d"), max_size=600))
def test_parts_hold_every_character(text):
    found = segments(text)

    assert found.parts * found.units_per_part >= found.units + found.units_left
    assert 0 <= found.units_left <= found.units_per_part
    assert found.parts == 1 or found.units > found.units_per_part
    assert (found.encoding == "UCS-2") is bool(found.forcing)
    if found.units_left:  # one more narrow unit needs no further part
        assert segments(text + "a").parts == found.parts
    if found.suggestion is not None:
        assert segments(found.suggestion).encoding == "GSM-7"


def test_lone_surrogate_is_one_unit():
    assert segments("\ud800").units == 1
