"""Faults injected over the control API, as a source of faults for a gateway."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smsgate.emulator._control.inputs import FaultInput
from smsgate.emulator._control.schemas import FaultName, FaultRule
from smsgate.emulator.faults import FAULTS, Fault, Faults

if TYPE_CHECKING:
    from smsgate._http import Request, Response
    from smsgate.emulator._control.inputs import FaultsInput
    from smsgate.emulator.faults import FaultSource

_MAX_FINISHED = 100
NAMES = [
    FaultName(
        name=name,
        kind=fault.kind,
        status=fault.status if fault.kind == "status" else None,
        handled=fault.handled,
    )
    for name, fault in FAULTS.items()
]
"""The faults that have a name."""


@dataclass(slots=True)
class _Rule:
    """Faults of one injection; ``left`` counts the exchanges that it still takes."""

    id: str
    steps: list[Fault | None]
    options: FaultsInput
    left: int | None
    source: Faults = field(init=False)
    _random: random.Random = field(init=False)
    _taken: int = 0

    def __post_init__(self) -> None:
        self.source = Faults(self._choose, self.options.only)
        self._random = random.Random(self.options.seed)  # noqa: S311 - repeatable on purpose, nothing here is secret

    def _choose(self) -> Fault | None:
        if self.left == 0:
            return None
        if self.options.rate < 1:
            if self._random.random() >= self.options.rate:
                return None
            fault = self._random.choice(self.steps)
        else:
            fault = self.steps[self._taken % len(self.steps)]
        self._taken += 1
        if self.left is not None:
            self.left -= 1
        return fault

    def view(self) -> FaultRule:
        """Return the fault as it appears in responses."""
        return FaultRule(
            id=self.id,
            faults=[None if fault is None else fault.name for fault in self.steps],
            rate=self.options.rate,
            times=None if self.left is None else self.left + self._taken,
            left=self.left,
            only=self.options.only,
            hits=sum(self.source.counts.values()),
        )


class FaultRules:
    """Source of faults that asks its rules in the order of their injection; the first fault counts.

    Args:
        startup: source that the gateway had before, asked last.
    """

    def __init__(self, startup: FaultSource | None = None) -> None:
        self._startup = startup
        self._rules: list[_Rule] = []
        self._count = 0

    def __call__(self, request: Request) -> Fault | Response | None:
        """Choose the fault of this exchange, None for none."""
        for rule in self._rules:
            fault = rule.source(request)
            if fault is not None:
                return fault
        return None if self._startup is None else self._startup(request)

    def add(self, options: FaultsInput) -> FaultRule:
        """Add a rule.

        Raises:
            ValueError: an option does not fit its kind of fault.
        """
        steps = [_fault(step) for step in options.faults]
        left = options.times if "times" in options.model_fields_set else len(steps)
        self._count += 1
        rule = _Rule(str(self._count), steps, options, left)
        finished = [old for old in self._rules if old.left == 0]
        for old in finished[: max(0, len(finished) - _MAX_FINISHED)]:
            self._rules.remove(old)
        self._rules.append(rule)
        return rule.view()

    def remove(self, rule_id: str) -> bool:
        """Remove a rule; returns whether it existed."""
        if rule_id == _STARTUP and self._startup is not None:
            self._startup = None
            return True
        before = len(self._rules)
        self._rules = [rule for rule in self._rules if rule.id != rule_id]
        return len(self._rules) < before

    def view(self) -> list[FaultRule]:
        """Return all rules as they appear in responses."""
        return [*startup_view(self._startup), *(rule.view() for rule in self._rules)]


_STARTUP = "0"


def startup_view(source: FaultSource | None) -> list[FaultRule]:
    """Return the view of a source that was not injected over the control API."""
    if source is None:
        return []
    hits = sum(source.counts.values()) if isinstance(source, Faults) else 0
    return [FaultRule(id=_STARTUP, faults=[], rate=1.0, only=[], hits=hits, startup=True)]


def _fault(step: FaultInput | str | int | None) -> Fault | None:
    if step is None:
        return None
    if isinstance(step, FaultInput):
        return Fault(**step.model_dump())
    return FAULTS[str(step)]
