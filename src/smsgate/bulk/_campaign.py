"""Campaigns: a plan, its journal, and the runs that send it."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from smsgate.bulk._cancelling import CANCELLED
from smsgate.bulk._errors import JournalError
from smsgate.bulk._events import change_of_event
from smsgate.bulk._ids import message_id
from smsgate.bulk._journal import Journal
from smsgate.bulk._journal_file import journal_path
from smsgate.bulk._lock import JournalLock
from smsgate.bulk._numbers import normalize
from smsgate.bulk._pacing import Pacing
from smsgate.bulk._planner import Order, RowChecker, plan_journal
from smsgate.bulk._report import Report, make_report
from smsgate.bulk._run import Run
from smsgate.bulk._template import is_unicode
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from typing_extensions import Self

    from smsgate import APIClient, AsyncAPIClient
    from smsgate.bulk._opt_outs import OptOuts
    from smsgate.bulk._report import Progress
    from smsgate.bulk._rows import RejectedRow
    from smsgate.webhooks import Event

_FOLLOWED_FOR = 60.0
_OPTED_OUT = "opted out"


@dataclass(frozen=True, slots=True)
class Plan:
    """Result of planning: what would be sent, and what would not.

    Attributes:
        campaign: the campaign, ready to run.
        total: rows of the input.
        valid: rows that can be sent.
        parts: SMS parts of all valid rows, which operators bill.
        kinds: number of valid rows by kind of number: "mobile", "landline", "either", "other".
        encodings: number of valid rows by encoding of the text: "GSM-7", "UCS-2".
        rejected_counts: number of rejected rows by reason.
    """

    campaign: Campaign
    total: int
    valid: int
    parts: int
    kinds: Mapping[str, int]
    encodings: Mapping[str, int]
    rejected_counts: Mapping[str, int]
    _journal: Journal = field(repr=False, compare=False)

    def rejected(self) -> Iterator[RejectedRow]:
        """Yield the rejected rows with their reasons, in the order of the input, in constant memory."""
        return self._journal.rejected()


class Campaign:
    """Bulk sending that can be stopped and resumed: every row is enqueued once, whatever dies meanwhile.

    Make one with `plan`, or open its journal with `open`. All that has happened is in the journal, an SQLite file on a
    local disk. One process at a time changes a campaign; others can read it.

    Attributes:
        id: id of the campaign.
        path: file of the journal.
        text: the template.
        default_region: country of the numbers without ``+``; None for none.

    Example:
        >>> plan = Campaign.plan(rows, "Hi {name}", default_region="US", journal="june.db")  # doctest: +SKIP
        >>> report = plan.campaign.run(client, pacing=Pacing(per_minute=60))  # doctest: +SKIP
    """

    def __init__(self, journal: Journal, *, is_temporary: bool = False) -> None:
        self._journal = journal
        self._is_temporary = is_temporary
        try:
            self._order = Order.from_json(journal.facts["order"])
        except ValueError:
            raise JournalError(f"the journal {journal.path} is damaged") from None
        self.id: str = journal.facts["id"]
        self.path: Path = journal.path
        self.text: str = self._order.text
        self.default_region: str | None = self._order.region

    @classmethod
    def plan(
        cls,
        rows: Iterable[Mapping[str, object]],
        text: str,
        *,
        journal: str | os.PathLike[str] | None = None,
        default_region: str | None = None,
        opt_outs: OptOuts | None = None,
        skip_landlines: bool = False,
        campaign_id: str | None = None,
        sim_number: int | None = None,
        ttl: int | None = None,
        priority: int | None = None,
        with_delivery_report: bool | None = None,
        wait: bool = False,
    ) -> Plan:
        """Check all rows, and write those that can be sent into a journal; nothing is sent.

        A journal that exists is gone on with, if it is of the same rows, text, region and options. Rows are read once,
        in constant memory.

        Args:
            rows: mappings; the number stands under ``phone``, ``phone_number``, ``number`` or ``to``.
            text: the text, with fields of the rows in braces, such as ``Hi {name}``; ``{{`` and ``}}`` are braces.
            journal: path of an SQLite file, or a URL such as ``sqlite:///june.db``; None for a check only.
            default_region: two letters of the country of numbers without ``+``.
            opt_outs: numbers that get no message, or a function that tells whether a number (in international form)
                opted out.
            skip_landlines: whether to reject numbers of landlines, which mostly cannot receive messages.
            campaign_id: id of the campaign; random when absent. A campaign sends one message to a number at most, so
                the same id again sends nobody a second one.
            sim_number: as in ``send``, like ``ttl`` (seconds), ``priority`` and ``with_delivery_report``.
            ttl: see ``sim_number``.
            priority: see ``sim_number``.
            with_delivery_report: see ``sim_number``.
            wait: whether to wait while another process uses the journal.

        Raises:
            TemplateError: the text cannot be read, or no row has one of its fields.
            JournalError: the journal is of other rows, another text or another version, or no journal at all.
            JournalLockedError: another process uses the journal.
            JournalFullError: the disk is full.
            ConfigurationError: other arguments that could never work; the extra ``bulk`` is not installed.
        """
        _check_id(campaign_id)
        order = Order(
            text, _region(default_region), sim_number, ttl, None if priority is None else int(priority),
            with_delivery_report, bool(skip_landlines),
        )  # fmt: skip
        checker = RowChecker(order, opt_outs)
        path = journal_path(journal) if journal is not None else _temporary_path()
        with JournalLock(path, wait=wait):
            is_new = plan_journal(path, rows, checker, campaign_id)
        campaign = cls(Journal(path), is_temporary=journal is None)
        if not is_new and opt_outs is not None:
            for row in campaign._journal.iterate(("planned",)):
                if checker.is_opted_out(row.number):
                    campaign._journal.cancel_planned(_OPTED_OUT, row.id)
        return campaign._plan()

    def _plan(self) -> Plan:
        journal = self._journal
        kinds = journal.count_by("kind")
        rejected = journal.count_by("reason", "rejected")
        return Plan(
            self,
            journal.facts["total"],
            sum(kinds.values()),
            journal.sum_parts(),
            kinds,
            journal.count_by("encoding"),
            rejected,
            journal,
        )

    @classmethod
    def open(cls, journal: str | os.PathLike[str]) -> Self:
        """Open the journal of an earlier plan.

        Raises:
            JournalError: there is none, or it is of another version, or no journal.
        """
        return cls(Journal(journal_path(journal)))

    def run(
        self,
        client: APIClient,
        *,
        pacing: Pacing | None = None,
        follow: bool = True,
        follow_timeout: float | None = _FOLLOWED_FOR,
        resend_unknown: bool = False,
        on_progress: Callable[[Progress], object] | None = None,
        wait: bool = False,
    ) -> Report:
        """Send what is left, and follow the states of the messages. May be called again after whatever interruption.

        Rows that an earlier run may have sent come first: they are sent again with the same id to the same phone, which
        the gateway accepts once, or looked up. Ctrl-C ends a run after the requests under way.

        Args:
            client: makes the requests, from ``pacing.concurrency`` threads; its retry policy is not used for sending.
            pacing: speed; by default as fast as the gateway takes it.
            follow: whether to follow the messages until their states are final.
            follow_timeout: seconds without any change after which following ends; None for no limit.
            resend_unknown: whether to send rows again whose message may have arrived, but is not known to the gateway
                now. That can send a message twice.
            on_progress: called with a `Progress`, four times a second at most; from a thread while rows are sent.
            wait: whether to wait while another process uses the journal.

        Returns:
            The report; its ``stopped`` tells if too many rows were refused.

        Raises:
            JournalLockedError: another process uses the journal.
            JournalFullError: the disk is full.
            ConfigurationError: the client is an asynchronous one; the campaign has a temporary journal.
            SMSGateError: no row can be sent: the credentials are refused, or the gateway cannot be reached for
                ``pacing.give_up_after`` seconds. Resume when that is mended.
        """
        from smsgate import APIClient  # noqa: PLC0415 - planning needs no client
        from smsgate.bulk import _sync_run  # noqa: PLC0415

        self._check(client, APIClient, "run", "arun")
        with JournalLock(self.path, wait=wait):
            run = Run(self._journal, self._order, pacing or Pacing(), on_progress, resend_unknown=resend_unknown)
            _sync_run.send_rows(client, self._order, run.dispatcher, run.pacing.concurrency, run.show)
            if follow and run.dispatcher.stopped is None:
                _sync_run.follow_rows(client, run.follower(follow_timeout), run.meter)
            return run.report()

    resume = run

    async def arun(
        self,
        client: AsyncAPIClient,
        *,
        pacing: Pacing | None = None,
        follow: bool = True,
        follow_timeout: float | None = _FOLLOWED_FOR,
        resend_unknown: bool = False,
        on_progress: Callable[[Progress], object] | None = None,
        wait: bool = False,
    ) -> Report:
        """Do what `run` does with an asynchronous client, under asyncio or trio.

        Cancelling it is safe at any time: what was under way is resolved by the next run.

        Args:
            client: as in `run`, like the other arguments.
            pacing: see `run`.
            follow: see `run`.
            follow_timeout: see `run`.
            resend_unknown: see `run`.
            on_progress: see `run`.
            wait: see `run`.

        Raises:
            SMSGateError: as `run` does.
        """
        from smsgate import AsyncAPIClient  # noqa: PLC0415 - planning needs no client
        from smsgate.bulk import _async_run  # noqa: PLC0415

        self._check(client, AsyncAPIClient, "arun", "run")
        async with _async_run.hold(self.path, wait=wait):
            run = Run(self._journal, self._order, pacing or Pacing(), on_progress, resend_unknown=resend_unknown)
            await _async_run.send_rows(client, self._order, run.dispatcher, run.pacing.concurrency, run.show)
            if follow and run.dispatcher.stopped is None:
                await _async_run.follow_rows(client, run.follower(follow_timeout), run.meter)
            return run.report()

    aresume = arun

    def cancel(
        self,
        client: APIClient,
        *,
        pacing: Pacing | None = None,
        on_progress: Callable[[Progress], object] | None = None,
        wait: bool = False,
    ) -> Report:
        """Cancel the rows that were not sent, and take back the messages that no phone has taken.

        Args:
            client: makes the requests.
            pacing: only its ``concurrency`` matters.
            on_progress: as in `run`.
            wait: as in `run`.

        Raises:
            SMSGateError: as `run` does; what was cancelled until then is cancelled.
        """
        from smsgate import APIClient  # noqa: PLC0415 - planning needs no client
        from smsgate.bulk import _sync_run  # noqa: PLC0415

        self._check(client, APIClient, "cancel", "acancel")
        with JournalLock(self.path, wait=wait):
            run = Run(self._journal, self._order, pacing or Pacing(), on_progress)
            self._journal.cancel_planned(CANCELLED)
            _sync_run.cancel_rows(client, self._journal, run.pacing.concurrency, run.meter)
            return run.report()

    async def acancel(
        self,
        client: AsyncAPIClient,
        *,
        pacing: Pacing | None = None,
        on_progress: Callable[[Progress], object] | None = None,
        wait: bool = False,
    ) -> Report:
        """Do what `cancel` does with an asynchronous client.

        Args:
            client: as in `cancel`, like the other arguments.
            pacing: see `cancel`.
            on_progress: see `cancel`.
            wait: see `cancel`.

        Raises:
            SMSGateError: as `cancel` does.
        """
        from smsgate import AsyncAPIClient  # noqa: PLC0415 - planning needs no client
        from smsgate.bulk import _async_run  # noqa: PLC0415

        self._check(client, AsyncAPIClient, "acancel", "cancel")
        async with _async_run.hold(self.path, wait=wait):
            run = Run(self._journal, self._order, pacing or Pacing(), on_progress)
            self._journal.cancel_planned(CANCELLED)
            await _async_run.cancel_rows(client, self._journal, run.pacing.concurrency, run.meter)
            return run.report()

    def status(self) -> Report:
        """Return the state of the campaign from its journal, also while another process runs it."""
        return make_report(self._journal, 0.0, None)

    def record(self, event: Event) -> bool:
        """Note a webhook event, for example in a handler of a `smsgate.receiver.Receiver`; from any thread.

        Returns:
            Whether it has changed a row of this campaign.
        """
        change = change_of_event(self._journal, event)
        return change is not None and bool(self._journal.change([change]))

    def opt_out(self, number: str) -> bool:
        """Take a number out of the campaign if its message was not sent yet, also while the campaign runs.

        Args:
            number: in any spelling.

        Returns:
            Whether its row was cancelled.

        Raises:
            InvalidRequestError: the number cannot exist.
        """
        id = message_id(self.id, normalize(number, self.default_region))
        return self._journal.cancel_planned(_OPTED_OUT, id) > 0

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Campaign({str(self.path)!r})"

    def _check(self, client: object, kind: type, method: str, other: str) -> None:
        if not isinstance(client, kind):
            raise ConfigurationError(f"{method} takes an {kind.__name__}; {other} takes the other client")
        if self._is_temporary:
            raise ConfigurationError("a campaign without a journal could not be resumed: give plan a journal")


def _check_id(campaign_id: str | None) -> None:
    """Check an id that the user gives.

    Raises:
        ConfigurationError: it is no text.
    """
    is_text = isinstance(campaign_id, str) and campaign_id.strip() and is_unicode(campaign_id)
    if campaign_id is not None and not is_text:
        raise ConfigurationError("campaign_id takes a text")


def _region(region: str | None) -> str | None:
    return region.upper() if isinstance(region, str) else region


def _temporary_path() -> Path:
    folder = tempfile.mkdtemp(prefix="smsgate-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder, "campaign.db")
