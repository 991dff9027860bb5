"""Turns what a model or an operation refuses inside a client method into `InvalidRequestError`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from smsgate.errors import InvalidRequestError
from smsgate.runtime.types import InvalidArgumentError, Operation

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["REFUSED", "Refusals", "check_operation", "refusals", "refused"]

REFUSED = (ValidationError, InvalidArgumentError)


class Refusals:
    """A ``with`` block around the building of a request. Holds no state, so one instance serves everybody."""

    __slots__ = ()

    def __enter__(self) -> None:
        return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        if isinstance(error, REFUSED):
            raise refused(error) from error


refusals = Refusals()


def refused(error: Exception) -> InvalidRequestError:
    """Return the error of ours for one of `REFUSED`."""
    return InvalidRequestError(_summary(error) if isinstance(error, ValidationError) else str(error))


def check_operation(operation: Operation[Any]) -> None:
    """Refuse what is no operation.

    Raises:
        InvalidRequestError: for anything else.
    """
    if not isinstance(operation, Operation):
        raise InvalidRequestError("this takes an operation that a function of smsgate_api.operations returned")


def _summary(error: ValidationError) -> str:
    """Name each field and what is wrong with it, without the values."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, p['loc'])) or error.title}: {p['msg']}" for p in problems)
