"""Protocol of the phones, as the server sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from smsgate.emulator._state.messages import Message
    from smsgate.phone import IncomingMessage, Refresh


class PhoneAgent(Protocol):
    """Agent of one phone; `smsgate.emulator._phone.phone.Phone` is the implementation."""

    @property
    def missed(self) -> list[IncomingMessage]:
        """Received messages that the app has not seen."""
        ...

    @property
    def retry_count(self) -> int:
        """Retries of a webhook delivery."""
        ...

    @property
    def signing_key(self) -> str:
        """Key that signs its deliveries."""
        ...

    @property
    def knows_webhooks(self) -> bool:
        """Whether an event of the phone may become a delivery."""
        ...

    @property
    def can_deliver(self) -> bool:
        """Whether the phone may send webhook deliveries now."""
        ...

    def notice(self, message: Message) -> None:
        """Take a new message, unless the phone has no network."""
        ...

    def notice_cancel(self, message: Message, time: datetime) -> None:
        """Cancel a waiting message."""
        ...

    def notice_settings(self, tree: Mapping[str, Any]) -> None:
        """Import settings."""
        ...

    def report(self, message: Message, reports: Sequence[Mapping[str, Any]], time: datetime) -> None:
        """Report states set by a test to webhooks."""
        ...

    def receive(self, item: IncomingMessage, *, missed: bool) -> IncomingMessage:
        """Receive a message."""
        ...

    def refresh(self, refresh: Refresh) -> None:
        """Find missed messages, unless the phone is off or has no network."""
        ...

    def start(self) -> None:
        """Start the app."""
        ...

    def ping(self) -> None:
        """Send a ping to webhooks."""
        ...

    def resume(self, message: Message) -> None:
        """Resume a message that was stored before a restart."""
        ...

    def resume_incoming(self, item: IncomingMessage, *, missed: bool = False) -> None:
        """Resume a message that was received before a restart."""
        ...

    def forget(self) -> None:
        """Stop permanently."""
        ...

    def rest_until(self, time: datetime) -> None:
        """Send no messages before this time."""
        ...

    def act(self, now: datetime) -> None:
        """Execute everything that is due."""
        ...
