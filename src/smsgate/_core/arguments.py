"""Conversion of validation errors of arguments to `InvalidRequestError`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from smsgate.errors import InvalidRequestError
from smsgate.runtime.types import InvalidArgumentError, Operation

if TYPE_CHECKING:
    from types import TracebackType


class ArgumentErrors:
    """Context manager around the construction of a request. It has no state, so one instance is enough."""

    __slots__ = ()

    def __enter__(self) -> None:
        return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        if isinstance(error, ValidationError):
            raise InvalidRequestError(_summarize(error)) from error
        if isinstance(error, InvalidArgumentError):
            raise InvalidRequestError(str(error)) from error


argument_errors = ArgumentErrors()


def check_operation(operation: Operation[Any]) -> None:
    """Check that a value is an operation.

    Raises:
        InvalidRequestError: for any other value.
    """
    if not isinstance(operation, Operation):
        raise InvalidRequestError("this takes an operation that a function of smsgate_api.operations returned")


def _summarize(error: ValidationError) -> str:
    """Name each field and what is wrong with it, without the values."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, p['loc'])) or error.title}: {p['msg']}" for p in problems)
