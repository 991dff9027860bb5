"""Conversion of validation errors of arguments to `InvalidRequestError`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from smsgate.errors import InvalidRequestError
from smsgate.runtime.types import InvalidArgumentError, Operation

if TYPE_CHECKING:
    from collections.abc import Generator


@contextmanager
def argument_errors() -> Generator[None]:
    """Convert validation errors of arguments inside a ``with`` block to `InvalidRequestError`."""
    try:
        yield
    except ValidationError as error:
        raise InvalidRequestError(_summarize(error)) from error
    except InvalidArgumentError as error:
        raise InvalidRequestError(str(error)) from error


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
