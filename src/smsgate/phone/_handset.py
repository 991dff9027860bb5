"""Handset under the app: SIM cards, radio and timings, with switches that may change at any time."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import tzinfo
    from random import Random

FAILING_NUMBERS = {
    "9901": "Send result: RESULT_ERROR_NO_SERVICE (Failed because service is currently unavailable)",
    "9902": "Send result: RESULT_ERROR_GENERIC_FAILURE (Generic failure cause)",
}
"""Numbers that end like this fail instead of being sent, with this error."""

UNDELIVERED_ENDING = "9903"
"""Numbers that end like this are sent, and no delivery report ever comes."""

REJECTED_ENDING = "9904"
"""Numbers that end like this are sent, and then the network reports that it could not deliver."""

REJECTED_ERROR = "Delivery result: 64"

GENERIC_FAILURE = "RESULT_ERROR_GENERIC_FAILURE"
_RESULT = re.compile(r"RESULT_[A-Z_]+")
_EXPLANATIONS = {
    GENERIC_FAILURE: "Generic failure cause",
    "RESULT_ERROR_NO_SERVICE": "Failed because service is currently unavailable",
    "RESULT_ERROR_RADIO_OFF": "Failed because radio was explicitly turned off",
    "RESULT_ERROR_LIMIT_EXCEEDED": "Failed because the sending queue limit was reached",
}


class Handset(Protocol):
    """Device under the app; each value is read when it is needed."""

    @property
    def sim_cards(self) -> Sequence[Mapping[str, Any]]:
        """SIM cards as in the API: ``slotIndex``, ``simNumber``, maybe ``phoneNumber``; empty if they are not known."""
        ...

    @property
    def failure_rate(self) -> float:
        """Share of recipients, 0 to 1, whose message fails on the radio."""
        ...

    @property
    def failure_reason(self) -> str:
        """Name of Android's result for them, or any text."""
        ...

    @property
    def failing_numbers(self) -> Mapping[str, str]:
        """Endings of further numbers that fail, and the name or text of their failure."""
        ...

    @property
    def delivery_reports(self) -> bool:
        """Whether the network reports deliveries."""
        ...

    @property
    def latency(self) -> float:
        """Delay of all events of a message, in seconds."""
        ...

    @property
    def passphrase(self) -> str | None:
        """Passphrase of encrypted fields; empty is not set, and None sends ciphertext as it is, without reading it."""
        ...

    @property
    def processing_order(self) -> str:
        """``LIFO`` or ``FIFO``: whether the newest or the oldest of equally urgent messages is sent first."""
        ...


@dataclass(slots=True)
class PhoneTimings:
    """Timings of a phone, in seconds after a message was accepted or its scheduled time.

    ``processed``, ``sent``, ``delivered``: times of these states. ``pace``: pause after each message.
    """

    processed: float = 0.2
    sent: float = 0.5
    delivered: float = 1.0
    pace: float = 0.0


@dataclass(frozen=True, slots=True)
class RadioResult:
    """Result of a message on the radio.

    Attributes:
        error: why it was not sent.
        delivery: state that the network reports at last, and an error; None if it never reports.
    """

    error: str | None = None
    delivery: tuple[str, str | None] | None = None


def radio_result(handset: Handset, number: str, chance: Random, *, with_report: bool) -> RadioResult:
    """Return what becomes of a message to a number."""
    for endings in (handset.failing_numbers, FAILING_NUMBERS):
        for ending, reason in endings.items():
            if number.endswith(ending):
                return RadioResult(failure_text(reason))
    if handset.failure_rate and chance.random() < handset.failure_rate:
        return RadioResult(failure_text(handset.failure_reason))
    if not with_report or not handset.delivery_reports or number.endswith(UNDELIVERED_ENDING):
        return RadioResult()
    if number.endswith(REJECTED_ENDING):
        return RadioResult(delivery=("Failed", REJECTED_ERROR))
    return RadioResult(delivery=("Delivered", None))


def failure_text(reason: str) -> str:
    """Return a failure as the app reports it: it explains the names of Android's results."""
    if not _RESULT.fullmatch(reason):
        return reason
    explanation = _EXPLANATIONS.get(reason)
    return f"Send result: {reason}" + (f" ({explanation})" if explanation else "")


def own_number(handset: Handset, sim_number: int | None) -> str | None:
    """Return the number of a SIM, where it is known."""
    cards = (card for card in handset.sim_cards if sim_number is not None and card.get("simNumber") == sim_number)
    return next((card.get("phoneNumber") for card in cards), None)


class SimError(Exception):
    """No SIM for a message; the text is the app's."""


def choose_sim(handset: Handset, wanted: int | None, mode: str, row: int, chance: Random) -> int | None:
    """Return the SIM for a message; None is the phone's default. Without known cards every SIM is there.

    Raises:
        SimError: the phone lacks the wanted SIM.
    """
    found = (card.get("simNumber") for card in handset.sim_cards)
    numbers = [number for number in found if isinstance(number, int)]
    if not numbers:
        return wanted
    if wanted is not None:
        if wanted not in numbers:
            raise SimError(f"SIM {wanted} not found")
        return wanted
    if mode == "RoundRobin":
        return numbers[row % len(numbers)]
    return chance.choice(numbers) if mode == "Random" else None


@dataclass(frozen=True, slots=True)
class PhoneConfig:
    """Fixed configuration of a phone.

    Args:
        device_id: its id, for transmissions.
        handset: what the app runs on.
        chance: source of everything random.
        zone: the phone's time zone.
        timings: how long things take.
        check_number: returns why a number cannot be dialled, or None; called for messages that ask for it.
        has_webhook: returns whether anybody registered for an event of a message; others are left out.
    """

    device_id: str
    handset: Handset
    chance: Random = field(repr=False)
    zone: tzinfo
    timings: PhoneTimings
    check_number: Callable[[str], str | None] = lambda _number: None
    has_webhook: Callable[[str], bool] = lambda _event: True
