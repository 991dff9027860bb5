"""States of messages as the cloud server shows them: from its cache until they expire, or from its database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from smsgate.emulator._http.timestamps import go_text
from smsgate.emulator._state.messages import collation_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, tzinfo

    from smsgate.emulator._state.messages import Message, Recipient


@dataclass(slots=True)
class MessageView:
    """State of a message at one time, rendered when it is read, because most views never are.

    ``recipients`` are numbers, states and errors. ``states`` are times, or texts where the server shows more digits
    than a time has. ``zone`` is that of the phone that reported them; None shows each time in its own.
    """

    message: Message
    state: str
    is_hashed: bool
    recipients: Sequence[tuple[str, str, str | None]] = field(repr=False)
    states: Mapping[str, datetime] | Mapping[str, str]
    zone: tzinfo | None = None

    def render(self) -> dict[str, Any]:
        """Return it as a MessageState of the cloud server."""
        message = self.message
        return {
            "id": message.id,
            "deviceId": message.device_id,
            "state": self.state,
            "isHashed": self.is_hashed,
            "isEncrypted": message.is_encrypted,
            "recipients": [
                {"phoneNumber": number, "state": state, **({} if error is None else {"error": error})}
                for number, state, error in self.recipients
            ],
            "states": {name: self._shown(self.states[name]) for name in sorted(self.states)},
            **(message.hashed_content if self.is_hashed else message.sent_content),
        }

    def _shown(self, time: datetime | str) -> str:
        return time if isinstance(time, str) else go_text(time.astimezone(self.zone) if self.zone else time)


def view_of(
    message: Message,
    recipients: Iterable[Recipient],
    states: Mapping[str, datetime] | Mapping[str, str],
) -> MessageView:
    """Return the view of a message as it is, with certain recipients and times."""
    shown = [(one.phone_number, one.state, one.error) for one in recipients]
    return MessageView(message, message.state, message.is_hashed, shown, states)


def stored_view(message: Message, *, with_content: bool) -> dict[str, Any]:
    """Return a message as the cloud server lists it: with recipients sorted by number."""
    recipients = [recipient.view() for recipient in sorted_recipients(message)]
    return {**message.view(with_content=with_content), "recipients": recipients}


def sorted_recipients(message: Message) -> list[Recipient]:
    """Return the recipients in the order of the database's index, by number."""
    return sorted(message.recipients, key=lambda recipient: collation_key(recipient.phone_number))
