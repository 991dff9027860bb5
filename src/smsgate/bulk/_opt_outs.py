"""Numbers of people who want no messages, in whatever spelling they were noted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from smsgate.bulk._numbers import ParsedNumber

OptOuts = Iterable[str] | Callable[[str], bool]

_FEWEST_DIGITS = 7


def opt_out_check(opt_outs: OptOuts | None, parse: Callable[[str], ParsedNumber | None]) -> Callable[[str], bool]:
    """Return a function that tells whether a number, in international form, gets no message.

    A number without ``+`` may be of any country, so it takes out all numbers that end with its digits: one message too
    few is better than one to somebody who has said no.

    Args:
        opt_outs: numbers in any spelling, a function of the number in international form, or None.
        parse: parses a number; None for one that cannot exist.

    Raises:
        ConfigurationError: for anything else.
    """
    if opt_outs is None:
        return lambda _: False
    if callable(opt_outs):
        return opt_outs
    if isinstance(opt_outs, str | bytes | Mapping) or not isinstance(opt_outs, Iterable):
        raise ConfigurationError("opt_outs takes several numbers, or a function of a number")
    numbers: set[str] = set()
    endings: set[str] = set()
    for number in map(str, opt_outs):
        if parsed := parse(number):
            numbers.add(parsed.e164)
        if (parsed is None or "+" not in number) and len(digits := _significant_digits(number)) >= _FEWEST_DIGITS:
            endings.add(digits)
    lengths = sorted(set(map(len, endings)))
    if not lengths:
        return numbers.__contains__
    return lambda number: number in numbers or any(number[-length:] in endings for length in lengths)


def _significant_digits(number: str) -> str:
    """Return the digits without the zeros that are dialled before a national or an international number."""
    return "".join(str(int(character)) for character in number if character.isdecimal()).lstrip("0")
