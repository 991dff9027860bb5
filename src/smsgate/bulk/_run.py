"""Parts of one run of a campaign, which both runners share."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from smsgate.bulk._dispatch import Dispatcher
from smsgate.bulk._following import Follower
from smsgate.bulk._pacing import Pacing
from smsgate.bulk._report import Meter, make_report
from smsgate.bulk._rows import UNRESOLVED
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from smsgate.bulk._journal import Journal
    from smsgate.bulk._planner import Order
    from smsgate.bulk._report import Phase, Progress, Report


class Run:
    """One run of a campaign, synchronous or not.

    Args:
        journal: the campaign's.
        order: what it sends.
        pacing: its speed.
        on_progress: called with the progress.
        resend_unknown: as for `Dispatcher`.

    Raises:
        ConfigurationError: for another type of ``pacing``.
    """

    def __init__(
        self,
        journal: Journal,
        order: Order,
        pacing: Pacing,
        on_progress: Callable[[Progress], object] | None,
        *,
        resend_unknown: bool = False,
    ) -> None:
        if not isinstance(pacing, Pacing):
            raise ConfigurationError("pacing takes a Pacing")
        self.pacing = pacing
        self.meter = Meter(on_progress, time.monotonic)
        self.dispatcher = Dispatcher(journal, pacing, resend_unknown=resend_unknown)
        self._journal = journal
        self._order = order
        self._begun = time.monotonic()
        counts, *_ = journal.count()
        self._total = sum(counts.get(state, 0) for state in ("planned", *UNRESOLVED))

    def show(self) -> None:
        """Report the progress of sending."""
        until = self.dispatcher.quiet_until()
        is_over = self.dispatcher.is_over()
        phase: Phase = "waiting" if until else "sending"
        self.meter.show(phase, self.dispatcher.done, self._total, until=until, is_last=is_over)

    def follower(self, patience: float | None) -> Follower:
        """Return a follower of the messages."""
        ends_with_sent = self._order.with_delivery_report is False
        return Follower(self._journal, patience, ends_with_sent=ends_with_sent, clock=time.monotonic)

    def report(self) -> Report:
        """Return the report."""
        return make_report(self._journal, time.monotonic() - self._begun, self.dispatcher.stopped)
