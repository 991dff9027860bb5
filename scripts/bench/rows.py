"""Rows of the table: two sides that do the same work, a target, and the verdict on the measurement."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Medians", "Result", "Row", "Sample", "Side", "Target", "Verdict", "judge", "medians"]

TIMES = "\N{MULTIPLICATION SIGN}"
OURS, THEIRS = "smsgate", "android_sms_gateway"


@dataclass(frozen=True)
class Side:
    """One of the two programs that a row compares.

    Attributes:
        label: name in the table.
        case: module in ``bench.cases`` that does the work.
        options: JSON-ready options of the case.
        source: program text to run instead of a case, for measurements of imports.
    """

    label: str
    case: str = ""
    options: Mapping[str, str | int] = field(default_factory=dict[str, "str | int"])
    source: str = ""


@dataclass(frozen=True)
class Target:
    """Target of a row.

    Attributes:
        measure: ``rate`` compares operations per second of wall time; ``wall`` and ``cpu`` compare times;
            ``memory`` is a number of bytes and ``stall`` one of seconds: they compare nothing.
        limit: the smallest good ratio for ``rate``, the largest one for ``wall`` and ``cpu``, most bytes or seconds;
            None for a row without a target.
        plus_us: microseconds of difference that always reach the target.
    """

    measure: Literal["rate", "wall", "cpu", "memory", "stall"]
    limit: float | None
    plus_us: float | None = None

    def __str__(self) -> str:
        if self.limit is None:
            return ""
        if self.measure == "memory":
            return f"≤ {self.limit / 1e6:g} MB"
        if self.measure == "stall":
            return f"≤ {self.limit * 1e3:g} ms"
        if self.measure == "rate":
            return f"≥ {self.limit:g} {TIMES} rate"
        alternative = f" or ≤ +{self.plus_us:g} µs" if self.plus_us is not None else ""
        return f"≤ {self.limit:g} {TIMES} {'time' if self.measure == 'wall' else 'CPU'}{alternative}"


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: name of the row on the command line.
        title: the measured work.
        unit: one operation, such as "request".
        ours: our side.
        other: the side compared with; None where only we can do it.
        target: target of the ratio.
        fresh: whether each round needs a new process.
        count: operations of a round; 0 chooses a number that fills a round.
        rounds: rounds for each side; 0 uses the number of the effort.
        multiple: the number of operations is a multiple of this.
        slow: whether the server responds after a pause.
        python: the lowest minor version of Python 3 on which the row can run.
    """

    name: str
    title: str
    unit: str
    ours: Side
    other: Side | None
    target: Target
    fresh: bool = False
    count: int = 0
    rounds: int = 0
    multiple: int = 1
    slow: bool = False
    python: int = 10


@dataclass(frozen=True)
class Sample:
    """Measurement of one round: seconds per operation, bytes, and seconds of the longest stall."""

    wall: float
    cpu: float
    memory: float = 0.0
    stall: float = 0.0


@dataclass(frozen=True)
class Medians:
    """Medians over the rounds: microseconds per operation, bytes, and seconds of the longest stall."""

    wall_us: float
    cpu_us: float
    memory: float = 0.0
    stall: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """The figure that counts and whether it is good enough."""

    figure: float
    shown: str
    reached: bool


@dataclass(frozen=True)
class Result:
    """Result of a row: figures and a verdict, or the reason why there are none.

    Attributes:
        skipped: the row cannot run here, which is no failure.
    """

    row: Row
    ours: Medians | None = None
    other: Medians | None = None
    verdict: Verdict | None = None
    problem: str = ""
    skipped: bool = False

    @property
    def good(self) -> bool:
        """Whether a strict run may pass."""
        return self.skipped or (self.verdict is not None and self.verdict.reached)


def medians(samples: Sequence[Sample]) -> Medians:
    """Return the medians of rounds."""
    return Medians(
        median(sample.wall for sample in samples) * 1e6,
        median(sample.cpu for sample in samples) * 1e6,
        median(sample.memory for sample in samples),
        median(sample.stall for sample in samples),
    )


def judge(target: Target, ours: Medians, other: Medians | None) -> Verdict:
    """Compare the two sides; the ratio is always ours ÷ the other's.

    Raises:
        ValueError: when the target compares and there is nothing to compare with.
    """
    limit = target.limit
    if target.measure == "memory":
        return Verdict(ours.memory, f"{ours.memory / 1e6:.1f} MB", limit is None or ours.memory <= limit)
    if target.measure == "stall":
        beside = f" (other {other.stall * 1e3:,.0f} ms)" if other else ""
        return Verdict(ours.stall, f"{ours.stall * 1e3:.1f} ms{beside}", limit is None or ours.stall <= limit)
    if other is None:
        raise ValueError("this target needs another side")
    if target.measure == "rate":
        ratio = other.wall_us / ours.wall_us
        return Verdict(ratio, f"{ratio:.2f} {TIMES}", limit is None or ratio >= limit)
    mine, its = (ours.wall_us, other.wall_us) if target.measure == "wall" else (ours.cpu_us, other.cpu_us)
    ratio, more = mine / its, mine - its
    if target.plus_us is None:
        return Verdict(ratio, f"{ratio:.3g} {TIMES}", limit is None or ratio <= limit)
    good = limit is None or ratio <= limit or more <= target.plus_us
    return Verdict(ratio, f"{ratio:.3g} {TIMES} ({more:+,.0f} µs)", good)
