"""Devices of the account, and their JSON in the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from smsgate.emulator._http.timestamps import go_text
from smsgate.phone import FAILING_NUMBERS

if TYPE_CHECKING:
    from datetime import datetime
ProcessingOrder = Literal["LIFO", "FIFO"]

GENERIC_FAILURE = FAILING_NUMBERS["9902"]
"""Reason of a failed message that says least."""


@dataclass(slots=True)
class Device:
    """One phone of the account.

    ``active``: whether it acts by itself. ``failure_rate``: probability (0 to 1) that a message fails for a recipient,
    with ``failure_reason``, a text or the name of one of Android's results. ``failing_numbers``: endings of further
    numbers that fail, and their reasons. ``latency``: seconds before each message. ``delivery_reports``: whether the
    network reports deliveries. ``connected``: whether there is a network; without it the phone neither hears from the
    server nor reports, and sends no webhooks unless ``internet_required`` is off, but sends what it has.
    ``passphrase``: decrypts encrypted messages; empty is none set, so that they fail, and with None they are sent
    without being read. ``processing_order``: which of equally urgent messages goes first, the newest (``LIFO``) or the
    oldest (``FIFO``). ``confirms_waiting``: whether it reports waiting messages at each further pull as the app does,
    which makes them ``Processed`` and ends their cancellation. ``sim_cards``: items of
    ``{"slotIndex", "simNumber", …}``; while the list is empty the device does not look at SIM numbers and the API
    leaves ``simCards`` out. ``token``: its credential for the mobile API. ``signing_key``: signs its deliveries.
    """

    id: str
    name: str
    created_at: datetime
    updated_at: datetime
    last_seen: datetime
    token: str = field(repr=False)
    active: bool = True
    sim_cards: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]], repr=False)
    signing_key: str = field(default="", repr=False)
    failure_rate: float = 0.0
    failure_reason: str = GENERIC_FAILURE
    latency: float = 0.0
    delivery_reports: bool = True
    failing_numbers: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    connected: bool = True
    passphrase: str | None = field(default=None, repr=False)
    processing_order: ProcessingOrder = "LIFO"
    confirms_waiting: bool = False

    def view(self) -> dict[str, Any]:
        """Return the device as it appears in a response of the cloud server."""
        shown: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "createdAt": go_text(self.created_at),
            "updatedAt": go_text(self.updated_at),
            "lastSeen": go_text(self.last_seen),
        }
        return {**shown, "simCards": self.sim_cards} if self.sim_cards else shown
