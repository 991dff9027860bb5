"""Options and arguments of `smsgate campaign`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

_INPUT, _PACING = "Table", "Pacing"


class RowFilter(str, Enum):
    """Rows that `smsgate campaign status --rows` lists."""

    PLANNED = "planned"
    SENDING = "sending"
    UNKNOWN = "unknown"
    ENQUEUED = "enqueued"
    PROCESSED = "processed"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


TableFile = Annotated[Path, typer.Argument(help="CSV, XLSX or JSON lines.", metavar="FILE", show_default=False)]
JournalFile = Annotated[Path, typer.Argument(help="The journal.", metavar="JOURNAL", show_default=False)]
Text = Annotated[
    str,
    typer.Option(help='The text, with columns in braces: "Hi {name}".', metavar="TEXT", show_default=False),
]
Region = Annotated[
    str | None, typer.Option(help="Country of numbers without +, such as US.", metavar="REGION", rich_help_panel=_INPUT)
]
OptOut = Annotated[
    list[Path] | None,
    typer.Option(
        help="File of numbers that get no message, one a line; again for more.", metavar="FILE", rich_help_panel=_INPUT
    ),
]
Column = Annotated[
    str | None,
    typer.Option(
        "--column",
        help="Column of the numbers; else phone, phone_number, number or to.",
        metavar="NAME",
        rich_help_panel=_INPUT,
    ),
]
EncodingName = Annotated[
    str | None, typer.Option(help="Encoding of a CSV file; else detected.", metavar="NAME", rich_help_panel=_INPUT)
]
Delimiter = Annotated[
    str | None, typer.Option(help="Delimiter of a CSV file; else detected.", metavar="CHAR", rich_help_panel=_INPUT)
]
Sheet = Annotated[
    str | None, typer.Option(help="Sheet of a workbook; else the first.", metavar="NAME", rich_help_panel=_INPUT)
]
SkipLandlines = Annotated[
    bool, typer.Option("--skip-landlines", help="Send nothing to landlines.", rich_help_panel=_INPUT)
]
PerMinute = Annotated[
    float | None, typer.Option(help="Messages a minute.", min=0.01, metavar="N", rich_help_panel=_PACING)
]
PerDevice = Annotated[
    float | None, typer.Option(help="Messages a minute for each phone.", min=0.01, metavar="N", rich_help_panel=_PACING)
]
Quiet = Annotated[
    str | None,
    typer.Option(help="Hours without sending, such as 21:00-08:00.", metavar="HOURS", rich_help_panel=_PACING),
]
Timezone = Annotated[
    str | None,
    typer.Option(help="Time zone of --quiet, such as Europe/Berlin.", metavar="ZONE", rich_help_panel=_PACING),
]
MaxFailures = Annotated[
    float,
    typer.Option(
        help="Share of refused rows at which it stops.", min=0, max=1, metavar="SHARE", rich_help_panel=_PACING
    ),
]
NoFollow = Annotated[bool, typer.Option("--no-follow", help="End when all is sent, without waiting for states.")]
FollowTimeout = Annotated[
    float, typer.Option(help="Seconds without a change of states after which it ends.", min=0, metavar="SECONDS")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before sending.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait while another process uses the journal.")]
