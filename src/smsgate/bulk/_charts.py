"""Charts of a report as elements with SVG."""

from __future__ import annotations

import math
from html import escape
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smsgate.bulk._report import TimelinePoint
    from smsgate.bulk._rows import RowState

_WIDTH, _HEIGHT = 920, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 12, 34
_BAR, _LABEL = 26, 330
_LONGEST_LABEL = 48  # characters
_HOUR, _DAY = 3600, 86_400
AREAS: tuple[RowState, ...] = ("delivered", "sent", "processed", "failed", "cancelled")
"""States that are stacked, from the bottom to the top."""


def draw_timeline(points: Sequence[TimelinePoint]) -> str:
    """Return a chart of states over time: areas of what rows have become, and a line of enqueued rows."""
    stacks = [[0, *accumulate(point.counts.get(state, 0) for state in AREAS)] for point in points]
    enqueued = [point.counts.get("enqueued", 0) for point in points]
    limit = _round_up(max(1, *enqueued, *(stack[-1] for stack in stacks)))
    plot = _Plot(len(points), limit)
    shapes = [
        f'<path class="area {state}" d="{plot.area([s[number] for s in stacks], [s[number + 1] for s in stacks])}"/>'
        for number, state in enumerate(AREAS)
        if any(point.counts.get(state) for point in points)
    ]
    line = f'<path class="line enqueued" d="{plot.line(enqueued)}"/>'
    body = "".join([plot.grid(), *shapes, line, _time_axis(points, plot)])
    label = f"{enqueued[-1]:,} rows enqueued until {points[-1].at.astimezone():%Y-%m-%d %H:%M}"
    return _svg(_HEIGHT, label, body)


def draw_bars(counts: Mapping[str, int], style: str) -> str:
    """Return a chart with a horizontal bar for each name, in the order of the names.

    Args:
        counts: numbers by names, which may hold anything.
        style: class of the bars.
    """
    most = max(counts.values(), default=1)
    room = _WIDTH - _LABEL - 90
    body = ""
    for number, (name, count) in enumerate(counts.items()):
        y = number * _BAR
        width = max(2.0, room * count / most)
        shown = name if len(name) <= _LONGEST_LABEL else f"{name[: _LONGEST_LABEL - 1]}…"
        body += (
            f'<g><title>{escape(name)}: {count:,}</title><text x="{_LABEL - 10}" y="{y + 17}" class="name">'
            f'{escape(shown)}</text><rect class="{style}" x="{_LABEL}" y="{y + 4}" width="{width:.1f}" height="18" '
            f'rx="3"/><text x="{_LABEL + width + 8:.1f}" y="{y + 17}">{count:,}</text></g>'
        )
    return _svg(max(1, len(counts)) * _BAR, f"{len(counts)} bars", body)


class _Plot:
    """Coordinates of a chart.

    Args:
        points: number of points along the axis of time.
        limit: highest value.
    """

    def __init__(self, points: int, limit: int) -> None:
        self._step = (_WIDTH - _LEFT - _RIGHT) / max(1, points)
        self._limit = limit

    def x(self, index: float) -> float:
        """Return the place of the end of an interval; interval -1 ends at the left edge."""
        return _LEFT + (index + 1) * self._step

    def y(self, value: float) -> float:
        """Return the height of a value."""
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - value / self._limit)

    def line(self, values: Sequence[int]) -> str:
        """Return the path of a line that begins with zero."""
        return "M" + "L".join(
            f"{self.x(number):.1f} {self.y(value):.1f}" for number, value in enumerate([0, *values], -1)
        )

    def area(self, low: Sequence[int], high: Sequence[int]) -> str:
        """Return the path of an area between two lines."""
        back = [f"{self.x(number):.1f} {self.y(value):.1f}" for number, value in enumerate([0, *low], -1)][::-1]
        return f"{self.line(high)}L{'L'.join(back)}Z"

    def grid(self) -> str:
        """Return horizontal lines with their values."""
        lines = min(4, self._limit)
        values = [round(self._limit * number / lines) for number in range(lines + 1)]
        return "".join(
            f'<path class="grid" d="M{_LEFT} {self.y(value):.1f}H{_WIDTH - _RIGHT}"/>'
            f'<text class="value" x="{_LEFT - 8}" y="{self.y(value) + 4:.1f}">{value:,}</text>'
            for value in values
        )


def _time_axis(points: Sequence[TimelinePoint], plot: _Plot) -> str:
    seconds = (points[-1].at - points[0].at).total_seconds()
    form = "%H:%M:%S" if seconds < _HOUR else "%H:%M" if seconds < _DAY else "%b %d %H:%M"
    shown = sorted({round((len(points) - 1) * share / 4) for share in range(5)})
    anchors = {shown[-1]: "end"}
    return "".join(
        f'<text class="time" style="text-anchor:{anchors.get(number, "middle")}" x="{plot.x(number):.1f}" '
        f'y="{_HEIGHT - 12}">{points[number].at.astimezone().strftime(form)}</text>'
        for number in shown
    )


def _round_up(value: int) -> int:
    """Return the next number that makes an even scale of four steps."""
    if value <= 4:  # noqa: PLR2004 - a step a row
        return value
    magnitude = float(10 ** math.floor(math.log10(value)))
    step = next(step for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if step * magnitude >= value)
    return math.ceil(step * magnitude / 4) * 4


def _svg(height: int, label: str, body: str) -> str:
    svg = f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(label)}">{body}</svg>'
    return f'<div class="scroll">{svg}</div>'
