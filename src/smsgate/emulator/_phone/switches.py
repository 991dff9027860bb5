"""Ranges of a phone's switches, and invented SIM cards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from smsgate.emulator._state.devices import ProcessingOrder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_DAY = 86_400
_MAX_REASON = 256
_MAX_SIMS = 8


def _is_reason(text: Any) -> bool:
    return isinstance(text, str) and 0 < len(text) <= _MAX_REASON


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "failure_rate": (lambda rate: 0 <= rate <= 1, "is a number from 0 to 1"),
    "failure_reason": (_is_reason, f"has 1 to {_MAX_REASON} characters"),
    "failing_numbers": (
        lambda found: all(isinstance(end, str) and end and _is_reason(reason) for end, reason in found.items()),
        f"maps endings of numbers to reasons of 1 to {_MAX_REASON} characters",
    ),
    "latency": (lambda seconds: 0 <= seconds <= _DAY, "is a number of seconds from 0 to 86,400"),
    "processing_order": (lambda name: name in get_args(ProcessingOrder), "is LIFO or FIFO"),
    "passphrase": (lambda text: isinstance(text, str), "is a text"),
    "connected": (_is_boolean, "is True or False"),
    "delivery_reports": (_is_boolean, "is True or False"),
    "confirms_waiting": (_is_boolean, "is True or False"),
    "on": (_is_boolean, "is True or False"),
    "sims": (lambda count: isinstance(count, int) and 0 <= count <= _MAX_SIMS, f"is a number from 0 to {_MAX_SIMS}"),
}


def check_switches(switches: Mapping[str, Any]) -> None:
    """Check the ranges of switches; None is always good.

    Raises:
        ValueError: naming the switch and its range.
    """
    for name, (allows, words) in _RULES.items():
        if switches[name] is not None and not _is_allowed(allows, switches[name]):
            raise ValueError(f"{name} {words}.")


def _is_allowed(allows: Callable[[Any], bool], value: Any) -> bool:
    try:
        return allows(value)
    except (TypeError, AttributeError):  # a value of another type
        return False


def sim_cards(count: int, device: int) -> list[dict[str, Any]]:
    """Return SIM cards with unassigned numbers, for the phone at this index of the account."""
    first = device * _MAX_SIMS
    return [
        {
            "slotIndex": slot,
            "simNumber": slot + 1,
            "phoneNumber": f"+1202555{100 + (first + slot) % 100:04}",
            "carrierName": f"Carrier {slot + 1}",
        }
        for slot in range(count)
    ]
