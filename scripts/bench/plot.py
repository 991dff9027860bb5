"""Bar chart as SVG text."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Bars", "draw"]

WIDTH, LEFT, RIGHT, TOP = 860, 330, 110, 56
BAR, GAP, GROUP = 12, 2, 40
FONT = 'font-family="system-ui, sans-serif" font-size="12"'
OURS, OTHER, INK, PALE = "#1a7f64", "#9aa5b1", "#1f2933", "#5f6b76"


@dataclass(frozen=True)
class Bars:
    """Two bars under one title: ours and the other side."""

    title: str
    ours: float
    other: float


def draw(heading: str, unit: str, groups: Sequence[Bars]) -> str:
    """Return an SVG document; shorter bars are better.

    Args:
        heading: text on top.
        unit: unit of the numbers.
        groups: pairs of bars, at least one.
    """
    longest = max(max(group.ours, group.other) for group in groups)
    scale = (WIDTH - LEFT - RIGHT) / longest
    height = TOP + GROUP * len(groups) + 8
    size = f'width="{WIDTH}" height="{height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {WIDTH} {height}" {FONT} role="img">',
        f"<title>{escape(heading)}</title>",
        f'<rect {size} fill="white"/>',
        _text(12, 22, heading),
        *_legend(),
    ]
    for number, group in enumerate(groups):
        top = TOP + GROUP * number
        lines.append(_text(LEFT - 10, top + BAR + 4, group.title, anchor="end"))
        for value, colour, y in ((group.ours, OURS, top), (group.other, OTHER, top + BAR + GAP)):
            width = max(1.0, value * scale)
            lines.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>')
            lines.append(_text(LEFT + width + 5, y + BAR - 2, f"{value:,.0f} {unit}", colour=PALE))
    return "\n".join([*lines, "</svg>", ""])


def _legend() -> list[str]:
    return [
        f'<rect x="{LEFT}" y="32" width="{BAR}" height="{BAR}" fill="{OURS}"/>',
        _text(LEFT + BAR + 5, 42, "smsgate"),
        f'<rect x="{LEFT + 110}" y="32" width="{BAR}" height="{BAR}" fill="{OTHER}"/>',
        _text(LEFT + 110 + BAR + 5, 42, "official client"),
    ]


def _text(x: float, y: float, text: str, *, anchor: str = "start", colour: str = INK) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}"'
    return f"<text {place}>{escape(text)}</text>"
