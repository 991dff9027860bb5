"""Types and ranges of the arguments that tests give to a gateway."""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR, datetime
from types import NoneType
from typing import TYPE_CHECKING, Any

from smsgate.phone import Attachment, PhoneTimings

if TYPE_CHECKING:
    from collections.abc import Iterable

_TYPES: dict[str, tuple[type, ...]] = {
    "login": (str,),
    "password": (str,),
    "devices": (int,),
    "phone": (bool,),
    "seed": (int, NoneType),
    "timings": (PhoneTimings, NoneType),
    "sender": (str,),
    "text": (str,),
    "recipient": (str, NoneType),
    "sim_number": (int, NoneType),
    "subject": (str, NoneType),
    "missed": (bool,),
    "attachment": (Attachment,),
    "time": (datetime,),
    "state": (str,),
    "count": (int, NoneType),
}


def check_type(name: str, value: object, *types: type) -> None:
    """Check the type of one value.

    Raises:
        TypeError: naming the value and its types.
    """
    if not isinstance(value, types):
        names = " or ".join("None" if kind is NoneType else kind.__name__ for kind in types)
        raise TypeError(f"{name} is {names}, not {type(value).__name__}.")


def check_types(**arguments: object) -> None:
    """Check the types of arguments by their names.

    Raises:
        TypeError: naming the argument and its types.
    """
    for name, value in arguments.items():
        check_type(name, value, *_TYPES[name])


def check_functions(**arguments: object) -> None:
    """Check that arguments can be called, or are None.

    Raises:
        TypeError: naming the argument.
    """
    for name, value in arguments.items():
        if value is not None and not callable(value):
            raise TypeError(f"{name} is a function or None, not {type(value).__name__}.")


def check_time(name: str, time: Any) -> None:
    """Check that a time has a zone, and a place in every other zone.

    Raises:
        TypeError: it is no datetime.
        ValueError: it has no zone, or lies in the first or last year of the calendar.
    """
    if not isinstance(time, datetime):
        raise TypeError(f"{name} is a datetime, not {type(time).__name__}.")
    if time.utcoffset() is None:
        raise ValueError(f"{name} needs a time zone, such as timezone.utc.")
    if not MINYEAR < time.year < MAXYEAR:
        raise ValueError(f"{name} is in the years {MINYEAR + 1} to {MAXYEAR - 1}.")


def check_seconds(name: str, seconds: Any) -> None:
    """Check a number of seconds.

    Raises:
        TypeError: it is no number.
        ValueError: it is negative or not a number.
    """
    if not isinstance(seconds, (int, float)):
        raise TypeError(f"{name} is a number of seconds, not {type(seconds).__name__}.")
    if not seconds >= 0:
        raise ValueError(f"{name} is a number of seconds from 0 on.")


def check_incoming(
    sender: Any, text: Any, attachments: Iterable[Any], received_at: Any, sim_number: Any, **others: object
) -> None:
    """Check the arguments of an incoming message.

    Raises:
        TypeError: one has another type.
        ValueError: one is out of range.
    """
    check_types(sender=sender, text=text, sim_number=sim_number, **others)
    for attachment in attachments:
        check_types(attachment=attachment)
    if not sender:
        raise ValueError("A message has a sender.")
    if sim_number is not None and sim_number < 1:
        raise ValueError("sim_number counts from 1.")
    if received_at is not None:
        check_time("received_at", received_at)
