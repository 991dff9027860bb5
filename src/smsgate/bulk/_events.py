"""Webhook events about a campaign's messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsgate.bulk._rows import Change, row_state
from smsgate.webhooks import SmsCancelled, SmsDelivered, SmsFailed, SmsSent

if TYPE_CHECKING:
    from smsgate.bulk._journal import Journal
    from smsgate.webhooks import Event


def change_of_event(journal: Journal, event: Event) -> Change | None:
    """Return the change that an event tells of; None for other events, and other messages."""
    if not isinstance(event, SmsSent | SmsDelivered | SmsFailed | SmsCancelled):
        return None
    reason = (event.payload.reason or None) if isinstance(event, SmsFailed) else None
    state = row_state(event.event.removeprefix("sms:"))
    for row in journal.find([event.payload.message_id]):
        return Change(row.row, state, reason, event.device_id, is_enqueued=True)
    return None
