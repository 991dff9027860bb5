"""Bulk sending: campaigns that can be stopped and resumed, phone numbers, and the parts and encoding of texts."""

from __future__ import annotations

from smsgate.bulk._campaign import Campaign, Plan
from smsgate.bulk._errors import (
    CampaignError,
    JournalError,
    JournalFullError,
    JournalLockedError,
    RowFileError,
    TemplateError,
)
from smsgate.bulk._numbers import normalize
from smsgate.bulk._pacing import Pacing, QuietHours
from smsgate.bulk._report import Progress, Report, TimelinePoint
from smsgate.bulk._report_files import write_csv_report, write_html_report
from smsgate.bulk._row_files import RowFile, read_opt_outs
from smsgate.bulk._rows import RejectedRow, Row, RowState
from smsgate.bulk._segments import Segments, segments

__all__ = [
    "Campaign",
    "CampaignError",
    "JournalError",
    "JournalFullError",
    "JournalLockedError",
    "Pacing",
    "Plan",
    "Progress",
    "QuietHours",
    "RejectedRow",
    "Report",
    "Row",
    "RowFile",
    "RowFileError",
    "RowState",
    "Segments",
    "TemplateError",
    "TimelinePoint",
    "normalize",
    "read_opt_outs",
    "segments",
    "write_csv_report",
    "write_html_report",
]
