"""Deduplication keys: two requests with a key in common report the same thing.

A delivery has the same envelope id in all its attempts. Phones have also reported one message in two deliveries, and a
webhook that is registered twice always does; hence a second key, of device, event, message and recipient.

- The id of a received SMS is a 32-bit checksum, which different texts may share: sender and text belong to the key.
- The id of a downloaded MMS is a row number, which a phone may give again, and it may be read before its parts are
  there: sender, text and the sizes of the parts belong to the key.
- ``sms:delivered`` comes once for each part of a message, without the part's number: only the envelope id is compared.
- Pings, starts, batches and unknown events have no message: only the envelope id is compared.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from smsgate import webhooks

if TYPE_CHECKING:
    from collections.abc import Iterable


def get_deduplication_keys(event: webhooks.Event) -> tuple[str, ...]:
    """Return the keys of an event, as digests that reveal nothing; none for an old app's event without ids."""
    keys: list[str] = []
    if event.id:
        keys.append(_digest(("delivery", event.id)))
    message = _identify_message(event)
    if message is not None:
        keys.append(_digest(("message", event.device_id, event.event, *message)))
    return tuple(keys)


def _identify_message(event: webhooks.Event) -> tuple[str, ...] | None:
    match event:
        case webhooks.SmsReceived(payload=sms) if sms.message_id:
            return (sms.message_id, sms.recipient or "", sms.remote or "", sms.message)
        case webhooks.SmsDataReceived(payload=data) if data.message_id:
            return (data.message_id, data.recipient or "", data.remote or "", str(data.data))
        case webhooks.MmsReceived(payload=mms) if mms.message_id:
            return (mms.message_id, mms.recipient or "", mms.remote or "")
        case webhooks.MmsDownloaded(payload=mms) if mms.message_id:
            sizes = [str(part.size) for part in mms.attachments or ()]
            return (mms.message_id, mms.recipient or "", mms.remote or "", mms.subject or "", mms.body or "", *sizes)
        case webhooks.SmsSent() | webhooks.SmsFailed() | webhooks.SmsCancelled() if event.payload.message_id:
            return (event.payload.message_id, event.payload.remote or "")
        case _:
            return None


def _digest(parts: Iterable[str]) -> str:
    digest = blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode(errors="surrogatepass")
        digest.update(b"%d:" % len(encoded) + encoded)
    return digest.hexdigest()
