"""Outbox of a gateway: the messages that were sent through it, with assertions for tests."""

from __future__ import annotations

import difflib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from re import Pattern

    from smsgate.emulator._state.messages import Message
    from smsgate.emulator._state.state import GatewayState
    from smsgate.runtime.locks import ForkSafeLock

__all__ = ["OutboxControls", "SentMessage"]

Recipients: TypeAlias = "str | Iterable[str] | None"
Text: TypeAlias = "str | Pattern[str] | None"

_INTERVAL = 0.005
"""Seconds between two looks at the outbox."""


@dataclass(frozen=True, slots=True)
class SentMessage:
    """One message of the outbox.

    Attributes:
        id: the message's id.
        text: the text as it was sent, ciphertext if it was encrypted; None for a data message.
        recipients: phone numbers as the gateway stored them, in the order sent.
        state: state of the message now, such as ``Pending`` or ``Delivered``.
        device_id: the phone that it went to.
        data: the bytes of a data message in Base64; None for a text.
        port: destination port of a data message.
        is_encrypted: whether text and recipients are ciphertext.
    """

    id: str
    text: str | None
    recipients: tuple[str, ...]
    state: str
    device_id: str
    data: str | None = None
    port: int | None = None
    is_encrypted: bool = False


class OutboxControls:
    """Access to sent messages for tests, part of `Gateway`."""

    _state: GatewayState
    _lock: ForkSafeLock

    @property
    def outbox(self) -> list[SentMessage]:
        """All messages that were accepted, oldest first, with their states now."""
        with self._lock:
            self._state.settle()
            return [_sent_message(row) for row in self._state.store]

    def assert_sent(self, *, to: Recipients = None, text: Text = None, count: int | None = None) -> list[SentMessage]:
        """Return the messages that meet the conditions, and fail when there are none.

        Args:
            to: a recipient, or several that must all be among a message's recipients.
            text: the whole text, or a compiled pattern that is searched in it.
            count: how many messages there must be, instead of at least one.

        Raises:
            AssertionError: there are none or another number; it shows the outbox and the closest text.
        """
        outbox = self.outbox
        found = select(outbox, to, text)
        if len(found) != count if count is not None else not found:
            raise AssertionError(describe_mismatch(outbox, to, text, len(found), count))
        return found

    def wait_for(
        self,
        predicate: Callable[[SentMessage], object] | None = None,
        *,
        to: Recipients = None,
        text: Text = None,
        timeout: float = 5,
    ) -> SentMessage:
        """Wait for a message that meets the conditions, and return the first one; blocks its thread.

        In a coroutine use ``await asyncio.to_thread(gateway.wait_for, …)``.

        Args:
            predicate: called with each message, also again when its state changes.
            to: as for `assert_sent`.
            text: as for `assert_sent`.
            timeout: seconds on the real clock, independent of the gateway's clock.

        Raises:
            AssertionError: none came in time; it shows the outbox and the closest text.
        """
        deadline = time.monotonic() + timeout
        while True:
            outbox = self.outbox
            found = select(outbox, to, text, predicate)
            if found:
                return found[0]
            if time.monotonic() >= deadline:
                raise AssertionError(describe_mismatch(outbox, to, text, 0, None))
            time.sleep(_INTERVAL)


def _sent_message(row: Message) -> SentMessage:
    """Return the outbox's view of a stored message; the text stays readable after the server has hashed its copy."""
    return SentMessage(
        row.id,
        row.text,
        tuple(row.numbers),
        row.state,
        row.device_id,
        row.data,
        row.port,
        row.is_encrypted,
    )


def select(
    outbox: Iterable[SentMessage],
    to: Recipients = None,
    text: Text = None,
    predicate: Callable[[SentMessage], object] | None = None,
) -> list[SentMessage]:
    """Return the messages that meet every condition.

    Args:
        outbox: messages to look at.
        to: a recipient, or several that must all be among a message's recipients.
        text: the whole text, or a compiled pattern that is searched in it.
        predicate: called with each message.
    """
    wanted = described_recipients(to)
    return [
        message
        for message in outbox
        if wanted <= set(message.recipients)
        and _fits(message.text, text)
        and (predicate is None or bool(predicate(message)))
    ]


def describe_mismatch(
    outbox: list[SentMessage], to: Recipients, text: Text, found: int, count: int | None, *, state: str | None = None
) -> str:
    """Describe the expected and the actual messages, with a diff to the most similar text."""
    conditions = [f"to {', '.join(sorted(described_recipients(to)))}"] if to is not None else []
    if text is not None:
        conditions.append(f"with text {text!r}" if isinstance(text, str) else f"with text matching {text.pattern!r}")
    conditions += [f"in state {state}"] if state is not None else []
    wanted = " ".join(["a message" if count is None else f"{count} messages", *conditions])
    lines = [f"expected {wanted}, found {found} of {len(outbox)} in the outbox:"]
    lines += [f"  {message.state} to {', '.join(message.recipients)}: {message.text!r}" for message in outbox[-20:]]
    texts = [message.text for message in outbox if message.text is not None]
    if isinstance(text, str) and not found and texts:
        closest = max(texts, key=lambda other: difflib.SequenceMatcher(None, text, other).ratio())
        lines += ["closest text:", *difflib.ndiff(text.splitlines(), closest.splitlines())]
    return "\n".join(lines)


def described_recipients(to: Recipients) -> set[str]:
    """Return the numbers of a condition."""
    return set() if to is None else {to} if isinstance(to, str) else set(to)


def _fits(sent: str | None, text: Text) -> bool:
    if text is None:
        return True
    if sent is None:
        return False
    return sent == text if isinstance(text, str) else text.search(sent) is not None
