"""Devices of the account, and their JSON in the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from smsgate.emulator._http.timestamps import go_text

if TYPE_CHECKING:
    from datetime import datetime

GENERIC_FAILURE = "Send result: RESULT_ERROR_GENERIC_FAILURE (Generic failure cause)"
"""Reason of a failed message that says least."""


@dataclass(slots=True)
class Device:
    """One phone of the account.

    ``active``: whether it acts by itself. ``failure_rate``: probability (0 to 1) that a message fails for a recipient,
    with ``failure_reason``. ``latency``: seconds before each message. ``delivery_reports``: whether the network reports
    deliveries. ``sim_cards``: items of ``{"slotIndex", "simNumber", …}``; while the list is
    empty the device does not look at SIM numbers and the API leaves ``simCards`` out. ``token``: its credential for
    the mobile API. ``signing_key``: signs its webhook deliveries.
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

    def view(self) -> dict[str, Any]:
        """As it appears in a response of the cloud server."""
        shown: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "createdAt": go_text(self.created_at),
            "updatedAt": go_text(self.updated_at),
            "lastSeen": go_text(self.last_seen),
        }
        return {**shown, "simCards": self.sim_cards} if self.sim_cards else shown

    def own_number(self, sim_number: int | None) -> str | None:
        """Return the number of a SIM, where it is known."""
        cards = (card for card in self.sim_cards if sim_number is not None and card["simNumber"] == sim_number)
        return next((card.get("phoneNumber") for card in cards), None)

    def has_sim(self, number: int | None) -> bool:
        """Return whether a message for this SIM can be sent."""
        return number is None or not self.sim_cards or any(card["simNumber"] == number for card in self.sim_cards)
