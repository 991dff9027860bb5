"""Commands `smsgate campaign`: bulk sending that can be stopped and resumed."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from smsgate.cli.campaign_options import (
    Column,
    Delimiter,
    EncodingName,
    FollowTimeout,
    JournalFile,
    MaxFailures,
    NoFollow,
    OptOut,
    PerDevice,
    PerMinute,
    Quiet,
    Region,
    RowFilter,
    Sheet,
    SkipLandlines,
    TableFile,
    Text,
    Timezone,
    Wait,
    Yes,
)
from smsgate.cli.campaign_output import open_view, show_plan, show_planning, show_report, show_rows
from smsgate.cli.examples import examples
from smsgate.cli.failures import CommandError, ExitCode, print_failure, print_warning
from smsgate.cli.output import print_error
from smsgate.cli.session import Session, gateway_command, local_command

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from smsgate.bulk import Campaign, Pacing, Plan, Report, RowFile

campaign: typer.Typer = typer.Typer(
    no_args_is_help=True, help="Send a text to all numbers of a table.", add_completion=False
)

T = TypeVar("T")


@campaign.command("check")
@examples('smsgate campaign check members.csv --text "Hi {name}" --region US --opt-out stop.txt')
@local_command
def check_command(
    session: Session,
    file: TableFile,
    text: Text,
    region: Region = None,
    opt_out: OptOut = None,
    column: Column = None,
    encoding: EncodingName = None,
    delimiter: Delimiter = None,
    sheet: Sheet = None,
    skip_landlines: SkipLandlines = False,
) -> None:
    """Check a table: numbers, duplicates, opt-outs, and the SMS parts that it costs. Nothing is sent.

    The exit code is 6 when rows are rejected.
    """
    with _open_table(file, column, encoding, delimiter, sheet) as rows:
        plan = _plan(rows, text, region=region, opt_out=opt_out, skip_landlines=skip_landlines)
        with plan.campaign:
            show_plan(session.output, plan)
            _exit_if_rejected(plan)


@campaign.command("run")
@examples(
    'smsgate campaign run members.csv --text "Hi {name}" --journal june.db --per-minute 60',
    'smsgate campaign run members.xlsx --text "Hi {name}" --journal june.db --dry-run',
    "smsgate campaign run … --quiet 21:00-08:00 --timezone Europe/Berlin --opt-out stop.txt",
)
@gateway_command
def run_command(
    session: Session,
    file: TableFile,
    text: Text,
    journal: Annotated[
        Path, typer.Option(help="File that keeps what was sent; with it, the campaign resumes.", metavar="JOURNAL")
    ],
    campaign_id: Annotated[
        str | None, typer.Option(help="Id of the campaign, instead of a random one.", metavar="ID")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check only; send and keep nothing.")] = False,
    region: Region = None,
    opt_out: OptOut = None,
    column: Column = None,
    encoding: EncodingName = None,
    delimiter: Delimiter = None,
    sheet: Sheet = None,
    skip_landlines: SkipLandlines = False,
    per_minute: PerMinute = None,
    per_device: PerDevice = None,
    quiet: Quiet = None,
    timezone: Timezone = None,
    max_failures: MaxFailures = 0.1,
    sim: Annotated[int | None, typer.Option(help="Number of the SIM card, from 1.", metavar="N")] = None,
    ttl: Annotated[int | None, typer.Option(help="Seconds after which it is not sent.", metavar="SECONDS")] = None,
    priority: Annotated[int | None, typer.Option(help="-128 to 127.", metavar="N")] = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Ask for no delivery reports.")] = False,
    no_follow: NoFollow = False,
    follow_timeout: FollowTimeout = 60.0,
    wait: Wait = False,
    yes: Yes = False,
) -> None:
    """Send a text to all numbers of a table; every row is sent once, whatever is interrupted and resumed."""
    pacing = _build_pacing(per_minute, per_device, quiet, timezone, max_failures)
    options: dict[str, Any] = {
        "campaign_id": campaign_id,
        "sim_number": sim,
        "ttl": ttl,
        "priority": priority,
        "with_delivery_report": False if no_report else None,
    }
    with _open_table(file, column, encoding, delimiter, sheet) as rows:
        options.update(region=region, opt_out=opt_out, skip_landlines=skip_landlines, wait=wait)
        plan = _plan(rows, text, journal=None if dry_run else journal, **options)
    with plan.campaign as planned:
        if dry_run:
            show_plan(session.output, plan)
            _exit_if_rejected(plan)
            return
        show_plan(session.output, plan, is_summary=True)
        _require_valid_rows(plan)
        left = sum(plan.campaign.status().counts.get(state, 0) for state in ("planned", "sending", "unknown"))
        _confirm(f"Send {left:,} messages now?", skip=yes or not left)
        _send(session, planned, pacing, follow=not no_follow, follow_timeout=follow_timeout, wait=wait)


@campaign.command("resume")
@examples("smsgate campaign resume june.db")
@gateway_command
def resume_command(
    session: Session,
    journal: JournalFile,
    resend_unknown: Annotated[
        bool, typer.Option("--resend-unknown", help="Send rows again that may have arrived; can send them twice.")
    ] = False,
    per_minute: PerMinute = None,
    per_device: PerDevice = None,
    quiet: Quiet = None,
    timezone: Timezone = None,
    max_failures: MaxFailures = 0.1,
    no_follow: NoFollow = False,
    follow_timeout: FollowTimeout = 60.0,
    wait: Wait = False,
) -> None:
    """Go on with a campaign that was interrupted, and follow its messages. Pacing is given anew."""
    from smsgate.bulk import Campaign

    pacing = _build_pacing(per_minute, per_device, quiet, timezone, max_failures)
    with Campaign.open(journal) as opened:
        options: dict[str, Any] = {"resend_unknown": resend_unknown, "follow_timeout": follow_timeout}
        _send(session, opened, pacing, follow=not no_follow, wait=wait, **options)


@campaign.command("status")
@examples("smsgate campaign status june.db", "smsgate campaign status june.db --rows failed --rows unknown")
@local_command
def status_command(
    session: Session,
    journal: JournalFile,
    rows: Annotated[
        list[RowFilter] | None, typer.Option(help="List the rows in this state; again for more.", show_default=False)
    ] = None,
) -> None:
    """Show how far a campaign is, also while it runs; exits like run does."""
    from smsgate.bulk import Campaign

    with Campaign.open(journal) as opened:
        report = opened.status()
        if rows:
            show_rows(session.output, report, [one.value for one in rows])
            return
        show_report(session.output, report)
        _exit_by_states(report)


@campaign.command("cancel")
@examples("smsgate campaign cancel june.db")
@gateway_command
def cancel_command(session: Session, journal: JournalFile, wait: Wait = False, yes: Yes = False) -> None:
    """Cancel all rows that were not sent, and take back the messages that no phone has taken."""
    from smsgate import SMSGateError
    from smsgate.bulk import Campaign

    with Campaign.open(journal) as opened:
        _confirm("Cancel what was not sent yet?", skip=yes)
        try:
            with session.open_client() as client, open_view(session.output) as show, _end_on_sigterm():
                report = _call_unlocked(partial(opened.cancel, client, on_progress=show), wait=wait)
        except (KeyboardInterrupt, SMSGateError):
            print_error("some messages may not be cancelled yet; the same command goes on")
            raise
        show_report(session.output, report)
        if left := sum(report.counts.get(state, 0) for state in ("enqueued", "processed")):
            print_error(
                f"{left:,} messages are with their phones, which may still cancel them: "
                f"smsgate campaign resume {quote(str(opened.path))} follows them"
            )


@campaign.command("report")
@examples("smsgate campaign report june.db --html june.html --csv june.csv")
@local_command
def report_command(
    session: Session,
    journal: JournalFile,
    html: Annotated[Path | None, typer.Option(help="Write a page with charts.", metavar="FILE")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write all rows as a table.", metavar="FILE")] = None,
) -> None:
    """Write a report as a page with charts, and as a table; without a file, show what `status` shows."""
    from smsgate.bulk import Campaign, write_csv_report, write_html_report

    with Campaign.open(journal) as opened:
        report = opened.status()
        if html is not None:
            write_html_report(report, html, redact=session.output.redact)
            print_error(f"wrote {html}")
        if csv is not None:
            write_csv_report(report, csv, redact=session.output.redact)
            print_error(f"wrote {csv}")
        if html is csv is None:
            show_report(session.output, report)


@contextmanager
def _open_table(
    path: Path, column: str | None, encoding: str | None, delimiter: str | None, sheet: str | None
) -> Generator[RowFile]:
    """Open a table, and say what it was taken for."""
    from smsgate.bulk import RowFile

    delimiter = "\t" if delimiter in {"\\t", "tab"} else delimiter
    name = "/dev/stdin" if str(path) == "-" else str(path)
    with RowFile(name, encoding=encoding, delimiter=delimiter, sheet=sheet, number_column=column) as rows:
        print_error(f"{path}: {rows.description}")
        if rows.guess:
            print_warning(
                f"the encoding was guessed; if {rows.guess!r} is misspelt, save the table in UTF-8 or give --encoding"
            )
        yield rows


def _plan(
    rows: RowFile,
    text: str,
    *,
    region: str | None,
    opt_out: list[Path] | None,
    skip_landlines: bool,
    wait: bool = False,
    **options: Any,
) -> Plan:
    from smsgate.bulk import Campaign

    def plan(*, wait: bool) -> Plan:
        numbers = chain.from_iterable(map(_read_opt_outs, opt_out)) if opt_out else None
        return Campaign.plan(show_planning(rows), text, opt_outs=numbers, wait=wait, **options)

    options.update(default_region=region, skip_landlines=skip_landlines)
    try:
        return _call_unlocked(plan, wait=wait)
    except KeyboardInterrupt:
        print_failure("interrupted before anything was sent", "the same command begins again")
        raise


def _read_opt_outs(path: Path) -> Iterator[str]:
    """Yield the numbers that opted out; say if lines hold none, apart from a heading."""
    from smsgate.bulk import read_opt_outs

    missed = 0
    for position, number in enumerate(read_opt_outs(path)):
        missed += position > 0 and not any(map(str.isdecimal, number))
        yield number
    if missed:
        print_warning(f"{path}: lines without a number in their first column: {missed:,}")


def _call_unlocked(call: Callable[..., T], *, wait: bool) -> T:
    """Call with ``wait=False`` and, if another process uses the journal, wait for it or say how to.

    Raises:
        CommandError: another process uses the journal, and nobody wants to wait.
    """
    from smsgate.bulk import JournalLockedError

    try:
        return call(wait=False)
    except JournalLockedError as error:
        if not wait:
            raise CommandError(str(error), code=ExitCode.USAGE, hint="--wait waits until it has ended") from None
    print_error("waiting for another process, which uses the journal")
    return call(wait=True)


@contextmanager
def _end_on_sigterm() -> Generator[None]:
    """Let SIGTERM end a command as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _build_pacing(
    per_minute: float | None, per_device: float | None, quiet: str | None, timezone: str | None, max_failures: float
) -> Pacing:
    from smsgate.bulk import Pacing, QuietHours

    if (quiet is None) != (timezone is None):
        raise CommandError("--quiet and --timezone belong together", code=ExitCode.USAGE)
    hours = None if quiet is None else QuietHours.parse(quiet, str(timezone))
    return Pacing(per_minute=per_minute, per_device=per_device, quiet=hours, max_failures=max_failures)


def _confirm(question: str, *, skip: bool) -> None:
    """Ask on a terminal.

    Raises:
        typer.Exit: the user said no.
    """
    if skip or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    if not typer.confirm(question, err=True):
        raise typer.Exit(ExitCode.FAILED)


def _send(session: Session, opened: Campaign, pacing: Pacing, *, wait: bool, **options: Any) -> None:
    """Run a campaign with its progress; print its report, and exit with what it means.

    Raises:
        typer.Exit: 130 when interrupted.
    """
    hint = f"smsgate campaign resume {quote(str(opened.path))} goes on"
    try:
        with session.open_client() as client, open_view(session.output) as show, _end_on_sigterm():
            run = partial(opened.run, client, pacing=pacing, on_progress=show, **options)
            report = _call_unlocked(run, wait=wait)
    except KeyboardInterrupt:
        show_report(session.output, opened.status())
        print_failure("interrupted; nothing is lost", hint)
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except CommandError:
        raise
    except Exception:
        print_error(hint)
        raise
    show_report(session.output, report)
    if report.stopped is not None:
        raise CommandError(f"the campaign stopped: {report.stopped}", code=ExitCode.PARTLY_DONE, hint=hint)
    _exit_by_states(report)


def _exit_by_states(report: Report) -> None:
    """Exit with what the states mean.

    Raises:
        typer.Exit: 5 for rows of unknown outcome; 1 when all failed or were cancelled; 6 when some did, or are left.
    """
    counts = report.counts
    failed = counts.get("failed", 0) + counts.get("cancelled", 0)
    if counts.get("unknown"):
        print_warning("it is unknown whether some rows arrived; resume looks again, --resend-unknown sends them again")
        raise typer.Exit(ExitCode.UNKNOWN_OUTCOME)
    if failed and failed == report.total:
        raise typer.Exit(ExitCode.FAILED)
    if failed or not report.is_sent:
        raise typer.Exit(ExitCode.PARTLY_DONE)


def _require_valid_rows(plan: Plan) -> None:
    if not plan.valid:
        raise CommandError("no row can be sent", code=ExitCode.FAILED)


def _exit_if_rejected(plan: Plan) -> None:
    _require_valid_rows(plan)
    if plan.rejected_counts:
        raise typer.Exit(ExitCode.PARTLY_DONE)
