"""Outbox of a gateway: the messages that were sent through it, with assertions for tests."""

from __future__ import annotations

import difflib
import time
from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice
from re import Pattern
from typing import TYPE_CHECKING, Any, TypeAlias

from smsgate.emulator._arguments import check_functions, check_seconds, check_types

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from smsgate.emulator._state.messages import Message
    from smsgate.emulator._state.state import GatewayState
    from smsgate.runtime.locks import ForkSafeLock

__all__ = ["OutboxControls", "SentMessage"]

Recipients: TypeAlias = "str | Collection[str] | None"
Text: TypeAlias = "str | Pattern[str] | None"

_INTERVAL = 0.005
"""Seconds between two looks at the outbox."""

_LISTED = 20
_COMPARED = 500
_SHOWN = 300
_LONG = 4000
"""Bounds of the text of a failed assertion: messages and lines, compared messages, characters of one, of a diff."""


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
            return [sent_message(row) for row in self._state.store]

    def assert_sent(self, *, to: Recipients = None, text: Text = None, count: int | None = None) -> list[SentMessage]:
        """Return the messages that meet the conditions, and fail when there are none.

        Args:
            to: a recipient, or several that must all be among a message's recipients.
            text: the whole text, or a compiled pattern that is searched in it.
            count: how many messages there must be, instead of at least one.

        Raises:
            AssertionError: there are none or another number; it shows the outbox and the closest text.
            TypeError: a condition of another type.
            ValueError: ``to`` is empty.
        """
        __tracebackhide__ = True
        check_conditions(to, text)
        check_types(count=count)
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
            TypeError: a condition of another type.
            ValueError: ``to`` is empty.
        """
        __tracebackhide__ = True
        check_conditions(to, text)
        check_functions(predicate=predicate)
        check_seconds("timeout", timeout)
        deadline = time.monotonic() + timeout
        while True:
            outbox = self.outbox
            found = select(outbox, to, text, predicate)
            if found:
                return found[0]
            if time.monotonic() >= deadline:
                described = describe_mismatch(outbox, to, text, 0, None, is_filtered=predicate is not None)
                raise AssertionError(f"after {timeout:g} s: {described}")
            time.sleep(_INTERVAL)


def sent_message(row: Message) -> SentMessage:
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


def check_conditions(to: Any, text: Any) -> None:
    """Check the types of conditions.

    Raises:
        TypeError: ``to`` is neither a text nor several, or ``text`` neither a text nor a compiled pattern of one.
        ValueError: ``to`` names nobody, which would be met by every message.
    """
    __tracebackhide__ = True
    kind, searched = type(text).__name__, getattr(text, "pattern", text)
    if text is not None and not (isinstance(text, (str, Pattern)) and isinstance(searched, str)):
        raise TypeError(f"text is a str or a compiled pattern of one, not {kind}.")
    if to is None:
        return
    numbers: list[Any] = [*to] if isinstance(to, Collection) else [to]
    if not all(isinstance(number, str) for number in numbers):
        raise TypeError(f"to is a phone number or a list of them, each a str, not {to!r}.")
    if not numbers:
        raise ValueError("to names no phone number.")


def describe_mismatch(
    outbox: list[SentMessage],
    to: Recipients,
    text: Text,
    found: int,
    count: int | None,
    *,
    state: str | None = None,
    is_filtered: bool = False,
) -> str:
    """Describe the expected and the actual messages, with a diff to the most similar text.

    Args:
        outbox: the actual messages.
        to: expected recipients.
        text: expected text.
        found: how many messages were found.
        count: how many were expected; None for any.
        state: expected state.
        is_filtered: whether there was a predicate, too.
    """
    conditions = [f"to {_cut(', '.join(sorted(described_recipients(to))))}"] if to is not None else []
    if text is not None:
        words = f"with text {text!r}" if isinstance(text, str) else f"with text matching {text.pattern!r}"
        conditions.append(_cut(words))
    conditions += [f"in state {state}"] if state is not None else []
    conditions += ["that meets the predicate"] if is_filtered else []
    wanted = " ".join(["a message" if count is None else f"{count} messages", *conditions])
    ending = ":" if outbox else ", which is empty"
    lines = [f"expected {wanted}, found {found} of {len(outbox)} in the outbox{ending}"]
    if len(outbox) > _LISTED:
        lines.append(f"  … {len(outbox) - _LISTED} earlier ones")
    lines += [_line(message) for message in outbox[-_LISTED:]]
    texts = [message.text for message in outbox[-_COMPARED:] if message.text is not None]
    if isinstance(text, str) and not found and texts and text not in texts:
        lines += ["closest text, - expected, + sent:", *_diff(text, _closest(text, texts))]
    return "\n".join(lines)


def _line(message: SentMessage) -> str:
    content = repr(message.text) if message.text is not None else f"data {message.data} to port {message.port}"
    return f"  {message.state} to {_cut(', '.join(message.recipients))}: {_cut(content)}"


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _closest(text: str, others: list[str]) -> str:
    """Return the most similar text, by the beginnings of long ones."""
    matcher = difflib.SequenceMatcher(b=text[:_SHOWN])
    best, closest = -1.0, ""
    for other in others:
        matcher.set_seq1(other[:_SHOWN])
        # the two quick ratios are upper bounds of the exact one, which takes the square of the length
        if matcher.real_quick_ratio() > best and matcher.quick_ratio() > best and matcher.ratio() > best:
            best, closest = matcher.ratio(), other
    return closest


def _diff(text: str, closest: str) -> Iterable[str]:
    """Return a diff by characters, of long texts a shorter one by lines."""
    lines, others = text.splitlines(), closest.splitlines()
    if len(lines) + len(others) <= _LISTED and len(text) + len(closest) <= _LONG:
        return difflib.ndiff(lines, others)
    by_lines = difflib.unified_diff(lines, others, "expected", "closest", lineterm="")
    return [_cut(line) for line in islice(by_lines, _LISTED)]


def described_recipients(to: Recipients) -> set[str]:
    """Return the numbers of a condition."""
    return set() if to is None else {to} if isinstance(to, str) else set(to)


def _fits(sent: str | None, text: Text) -> bool:
    if text is None:
        return True
    if sent is None:
        return False
    return sent == text if isinstance(text, str) else text.search(sent) is not None
