"""States of messages as the cloud server shows them: from its cache until they expire, or from its database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from smsgate.emulator._http.timestamps import go_text
from smsgate.emulator._state.messages import collation_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from smsgate.emulator._state.messages import Message, Recipient


@dataclass(frozen=True, slots=True)
class MessageView:
    """State of a message at one time; it takes little memory, because most views are never read.

    ``states`` are times, or texts where the server shows more digits than a time has.
    """

    id: str
    device_id: str
    state: str
    is_hashed: bool
    is_encrypted: bool
    recipients: tuple[tuple[str, str, str | None], ...] = field(repr=False)
    states: Mapping[str, datetime | str]
    content: Mapping[str, Any] = field(repr=False)

    def render(self) -> dict[str, Any]:
        """Return it as a MessageState of the cloud server."""
        times = {name: self.states[name] for name in sorted(self.states)}
        return {
            "id": self.id,
            "deviceId": self.device_id,
            "state": self.state,
            "isHashed": self.is_hashed,
            "isEncrypted": self.is_encrypted,
            "recipients": [
                {"phoneNumber": number, "state": state, **({} if error is None else {"error": error})}
                for number, state, error in self.recipients
            ],
            "states": {name: time if isinstance(time, str) else go_text(time) for name, time in times.items()},
            **self.content,
        }


def view_of(
    message: Message,
    recipients: Iterable[Recipient],
    states: Mapping[str, datetime] | Mapping[str, str],
    state: str | None = None,
) -> MessageView:
    """Return the view of a message with certain recipients and times, and its own state or another."""
    return MessageView(
        message.id,
        message.device_id,
        message.state if state is None else state,
        message.is_hashed,
        message.is_encrypted,
        tuple((one.phone_number, one.state, one.error) for one in recipients),
        dict(states),
        message.content,
    )


def stored_view(message: Message, *, with_content: bool) -> dict[str, Any]:
    """Return a message as the cloud server lists it: with recipients sorted by number."""
    recipients = [recipient.view() for recipient in sorted_recipients(message)]
    return {**message.view(with_content=with_content), "recipients": recipients}


def sorted_recipients(message: Message) -> list[Recipient]:
    """Return the recipients in the order of the database's index, by number."""
    return sorted(message.recipients, key=lambda recipient: collation_key(recipient.phone_number))
