"""Errors of campaigns."""

from __future__ import annotations

from smsgate.errors import ConfigurationError, SMSGateError


class CampaignError(SMSGateError):
    """Base class of the errors that only campaigns have."""


class TemplateError(CampaignError, ConfigurationError):
    """A template cannot be read, or names a field that no row has. Nothing was sent."""


class JournalError(CampaignError, ConfigurationError):
    """A journal cannot be used: it is missing, no journal, of another version, or of another input."""


class JournalLockedError(JournalError):
    """Another process uses the journal."""


class JournalFullError(CampaignError):
    """The journal cannot be written, mostly because the disk is full; the campaign can be resumed."""


class RowFileError(CampaignError, ConfigurationError):
    """A file with rows or with numbers that opted out cannot be read; names the line."""
