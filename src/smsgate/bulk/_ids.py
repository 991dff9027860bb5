"""Ids of a campaign's messages."""

from __future__ import annotations

from base64 import b32encode
from hashlib import sha256

_LENGTH = 21


def message_id(campaign_id: str, number: str) -> str:
    """Return the id of a campaign's message to a number: 21 lower-case letters and digits, like `smsgate.new_id`.

    A campaign sends one message to a number at most. So even a journal that was lost and planned again under the same
    campaign id, from rows in another order, sends nobody a second message.

    Args:
        campaign_id: id of the campaign; random ones keep numbers from being guessed by their message ids.
        number: in international form.
    """
    digest = sha256(f"{campaign_id}\0{number}".encode()).digest()
    return b32encode(digest).decode().lower()[:_LENGTH]  # 105 bits
