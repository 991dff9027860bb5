"""The account's devices: what the API shows of them and which one a message goes to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from smsgate.emulator.answers import empty, json_answer
from smsgate.emulator.timestamps import go_text

if TYPE_CHECKING:
    from datetime import datetime

    from smsgate._http import Response
    from smsgate.emulator.books import Books
    from smsgate.emulator.routing import Call


@dataclass(slots=True)
class Device:
    """One phone of the account.

    ``active``: whether it acts by itself. ``sim_cards``: items of ``{"slotIndex", "simNumber", …}``; while the list is
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

    def view(self) -> dict[str, Any]:
        """As it appears in an answer of the cloud server."""
        shown: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "createdAt": go_text(self.created_at),
            "updatedAt": go_text(self.updated_at),
            "lastSeen": go_text(self.last_seen),
        }
        return {**shown, "simCards": self.sim_cards} if self.sim_cards else shown

    def own_number(self, sim_number: int | None) -> str | None:
        """The number of a SIM, where it is known."""
        cards = (card for card in self.sim_cards if sim_number is not None and card["simNumber"] == sim_number)
        return next((card.get("phoneNumber") for card in cards), None)

    def has_sim(self, number: int | None) -> bool:
        """Tell whether a message for this SIM can be sent."""
        return number is None or not self.sim_cards or any(card["simNumber"] == number for card in self.sim_cards)


def list_devices(books: Books, _call: Call) -> Response:
    """Answer ``GET /devices``."""
    books.need_database("failed to select devices")
    return json_answer(200, [device.view() for device in books.devices])


def delete_device(books: Books, call: Call) -> Response:
    """Answer ``DELETE /devices/{id}``: always 204; messages and webhooks of the device go with it."""
    books.need_database("failed to remove device")
    device = books.device(call.params[0])
    if device:
        books.devices.remove(device)
        books.phones.pop(device.id).forget()
        books.store.remove(lambda row: row.device_id == device.id)
        for key in [key for key, hook in books.webhooks.items() if hook["deviceId"] == device.id]:
            del books.webhooks[key]
    return empty(204)
